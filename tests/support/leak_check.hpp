#pragma once

// Exact counting of what a lab leaves behind, without root. The kernel charges every namespace to its creator
// in its user namespace and in all above (namespaces(7), /proc/sys/user). So a test runs inside an outer user
// namespace of its own; afterwards the limit is lowered to 1 there, and unshare(2) gives ENOSPC for as long
// as even one namespace lives: success means that none is left. The kernel frees network namespaces a moment
// after their last user ends, so the check waits for that up to a deadline.

#include <sys/types.h>

#include <chrono>
#include <cstdlib>
#include <functional>
#include <map>
#include <string>

namespace labctl::support {

struct OuterNamespace {
  // The id that we have inside. 0: programs find themselves root; other: an ordinary user, who needs a user
  // namespace of his own.
  uid_t uid = 0;
  // How long namespaces may take to go.
  std::chrono::milliseconds deadline = std::chrono::seconds(60);
};

struct LeakResult {
  int body = -1;                       // what `body` returned; 128 + signal if it was killed
  std::map<std::string, int> left;     // "net" -> how many are left; kinds with none are absent
  std::string error;                   // why counting was not possible; empty when it was
  std::chrono::milliseconds waited{};  // from the end of `body` until none was left, or the deadline
  bool clean() const { return error.empty() && left.empty(); }
};

std::string to_string(const LeakResult& result);

// Runs `body` in a forked child inside an outer user namespace and counts what it left. What
// `body` starts may go on in the background: it counts as left behind. gtest assertions inside
// `body` are not seen outside: return a code.
LeakResult run_and_count(const OuterNamespace& outer, const std::function<int()>& body);

// Why this machine cannot make user namespaces; empty when it can. Tests skip with it.
std::string why_no_user_namespaces();

}  // namespace labctl::support

// At the start of a test that needs user namespaces. Skips with the reason;
// under LABCTL_NO_SKIP=1 fails with it.
#define LABCTL_NEEDS_USER_NAMESPACES()                                                       \
  do {                                                                                       \
    if (const std::string why = ::labctl::support::why_no_user_namespaces(); !why.empty()) { \
      if (::getenv("LABCTL_NO_SKIP") != nullptr) {                                           \
        FAIL() << "may not be skipped: " << why;                                             \
      }                                                                                      \
      GTEST_SKIP() << why;                                                                   \
    }                                                                                        \
  } while (false)
