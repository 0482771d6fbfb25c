#include "labctl/images/tree_open.hpp"

#include "topology/base/open_within.hpp"

#include <linux/openat2.h>

namespace labctl::images {
namespace {

UniqueFd open_by(int root, const std::string& path, int flags, std::uint64_t resolve) {
  return open_within(root, path.empty() ? "." : path.c_str(), static_cast<std::uint64_t>(flags),
                     resolve | RESOLVE_NO_MAGICLINKS);
}

}  // namespace

UniqueFd open_in_root(int root, const std::string& path, int flags) {
  return open_by(root, path, flags, RESOLVE_IN_ROOT);
}

UniqueFd open_beneath_root(int root, const std::string& path, int flags) {
  return open_by(root, path, flags, RESOLVE_BENEATH);
}

}  // namespace labctl::images
