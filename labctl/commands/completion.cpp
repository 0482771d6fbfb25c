#include "labctl/api/resource_kinds.hpp"
#include "labctl/commands/commands.hpp"
#include "labctl/commands/completion_words.hpp"
#include "labctl/commands/verb.hpp"
#include "labctl/report/exit_code.hpp"

#include <memory>
#include <ostream>

namespace labctl::commands {
namespace {

// The scripts ask `labctl __complete` for every word; nothing about commands or flags is written into them. A
// line of the answer is "word<TAB>description"; the line ":files" asks for file names.
constexpr const char* kBash = R"(# bash completion for labctl; source <(labctl completion bash)
_labctl() {
  local cur="${COMP_WORDS[COMP_CWORD]}" line word files=
  local -a words=("${COMP_WORDS[@]:1:COMP_CWORD}")
  COMPREPLY=()
  while IFS= read -r line; do
    word="${line%%$'\t'*}"
    if [[ "$word" == ":files" ]]; then
      files=1
    elif [[ "$word" == "$cur"* ]]; then
      COMPREPLY+=("$word")
    fi
  done < <(labctl __complete -- "${words[@]}" 2>/dev/null)
  if [[ -n "$files" ]]; then
    compopt -o filenames 2>/dev/null
    while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "$cur")
  fi
}
complete -F _labctl labctl
)";

constexpr const char* kZsh = R"(#compdef labctl
# zsh completion for labctl; source <(labctl completion zsh), or put it into a folder of $fpath as _labctl
_labctl() {
  local line word files=
  local -a described
  while IFS= read -r line; do
    word="${line%%$'\t'*}"
    if [[ "$word" == ":files" ]]; then
      files=1
    else
      described+=("${${word}//:/\\:}:${line#*$'\t'}")
    fi
  done < <(labctl __complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)
  (( ${#described} )) && _describe labctl described
  [[ -n "$files" ]] && _files
}
if [[ "${funcstack[1]}" == "_labctl" ]]; then _labctl "$@"; else compdef _labctl labctl; fi
)";

constexpr const char* kFish = R"(# fish completion for labctl; labctl completion fish | source
function __labctl_complete
    set -l words (commandline -opc) (commandline -ct)
    for line in (labctl __complete -- $words[2..-1] 2>/dev/null)
        if test "$line" = ":files"
            __fish_complete_path (commandline -ct)
        else
            echo $line
        end
    end
end
complete -c labctl -f -a '(__labctl_complete)'
)";

int print_script(const Session& session, const std::string& shell) {
  if (shell == "bash") {
    session.out() << kBash;
  } else if (shell == "zsh") {
    session.out() << kZsh;
  } else if (shell == "fish") {
    session.out() << kFish;
  } else {
    throw Error(ErrorKind::InvalidInput, "no completion for shell \"" + shell + "\"",
                "there is for bash, zsh and fish");
  }
  return report::kPassed;
}

}  // namespace

void add_completion(CLI::App& app, Globals& globals) {
  auto shell = std::make_shared<std::string>();
  CLI::App* verb = add_verb(
      app, globals,
      {.name = "completion",
       .group = "Other",
       .summary = "Print the completion script of a shell",
       .examples = "  source <(labctl completion bash)\n"
                   "  labctl completion zsh > \"${fpath[1]}/_labctl\"\n"
                   "  labctl completion fish | source\n",
       .about =
           "Completes commands, flags, labs that are up, and the pods, nodes and other objects in them."},
      [shell](const Session& session) { return print_script(session, *shell); });
  verb->add_option("SHELL", *shell, "bash, zsh or fish")->type_name("SHELL")->required();

  // For the scripts: the words so far, the last one being completed.
  auto words = std::make_shared<std::vector<std::string>>();
  CLI::App* hidden =
      add_verb(app, globals, {.name = "__complete", .group = "", .summary = "", .examples = {}, .about = {}},
               [words, &app](const Session& session) {
                 for (const std::string& line : completion_words(app, *words)) {
                   session.line(line);
                 }
                 return report::kPassed;
               });
  hidden->add_option("WORD", *words)->type_name("WORD");
}

}  // namespace labctl::commands
