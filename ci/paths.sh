# Where a stage finds the sources and puts what it builds. Sourced by the other scripts, never run.
#
# A checkout may belong to somebody else (root runs what a user cloned, or the reverse). So:
#   - build/ is used when we can write to it, or can make it;
#   - what root makes in another user's build/ is given to that user when the stage ends;
#   - else everything goes to a folder of our own in the cache, named after the checkout.
# LABCTL_BUILD_DIR overrides the choice.
# shellcheck shell=bash

set -euo pipefail

repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
export repo

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

# A folder for what may be lost: the user's cache, or one in /tmp for users without a home. There anybody may have
# made it first, and what lies in it is built from and run: so it must be ours alone.
choose_cache() {
  local home=${XDG_CACHE_HOME:-${HOME:-/nonexistent}/.cache} fallback=${TMPDIR:-/tmp}/labctl-cache-$EUID
  if mkdir -p "$home" 2> /dev/null && [[ -w $home ]]; then
    echo "$home/labctl"
    return
  fi
  mkdir -m 700 "$fallback" 2> /dev/null || true
  if [[ -L $fallback || $(stat -c '%u %a %F' "$fallback" 2> /dev/null) != "$EUID 700 directory" ]]; then
    say "$fallback: not a private folder of this user; remove it, or set TMPDIR, HOME or LABCTL_BUILD_DIR"
    return 1
  fi
  echo "$fallback"
}

choose_build_root() {
  if [[ -n ${LABCTL_BUILD_DIR:-} ]]; then
    echo "$LABCTL_BUILD_DIR"
  elif [[ -w $repo/build || (! -e $repo/build && -w $repo) ]]; then
    echo "$repo/build"
  else
    local cache
    cache=$(choose_cache) || return 1
    echo "$cache/build-$(printf '%s' "$repo" | cksum | cut -d' ' -f1)"
  fi
}
build_root=$(choose_build_root)
# ccache fails without a home, and where it cannot write.
if [[ -z ${HOME:-} ]]; then
  HOME=$(choose_cache)
  export HOME
fi
if [[ -z ${CCACHE_DIR:-} && ! -w $HOME ]]; then
  CCACHE_DIR=$(choose_cache)/ccache || exit 1
  export CCACHE_DIR
fi

give_back() {
  if [[ $EUID == 0 && $build_root == "$repo/build" && -d $build_root && $(stat -c %u "$repo") != 0 ]]; then
    find "$build_root" ! -type l -user root -exec chown --reference="$repo" {} + || true
  fi
}
trap give_back EXIT

# configure PRESET: makes $build_root/PRESET ready; does nothing when it is.
configure() {
  local preset=$1 folder=$build_root/$1 cache=$build_root/$1/CMakeCache.txt
  if [[ -f $cache ]] && ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$repo" "$cache"; then
    say "$folder was made for another checkout: starting it afresh"
    rm -rf "$folder"
  fi
  if [[ -f $folder/build.ninja && ! $repo/CMakePresets.json -nt $folder/build.ninja ]]; then
    return
  fi
  local options=()
  if command -v ccache > /dev/null; then
    options+=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
  fi
  say "configuring $preset in $folder"
  (cd "$repo" && cmake --preset "$preset" -B "$folder" "${options[@]}") > "$build_root/configure-$preset.log" 2>&1 || {
    cat "$build_root/configure-$preset.log" >&2
    return 1
  }
}

# compile PRESET TARGET...: builds targets of a preset, configuring it first.
compile() {
  local preset=$1
  shift
  mkdir -p "$build_root"
  configure "$preset"
  cmake --build "$build_root/$preset" --target "$@"
}
