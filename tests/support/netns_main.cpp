// main() for tests that need the real kernel: the whole program runs as PID 1's child would,
// in user, mount, PID, network, UTS and IPC namespaces of its own, as root and as an ordinary
// user alike. Nothing it does reaches the host.
//
// Exit code 77 (ctest: skipped) when the host refuses namespaces; 1 instead when LABCTL_NO_SKIP is set.

#include "topology/base/error.hpp"
#include "topology/kernel/capsule.hpp"

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>

namespace {

constexpr int kSkipped = 77;

int refused(const char* why) {
  std::printf("skipped: this host refuses namespaces: %s\n", why);
  return std::getenv("LABCTL_NO_SKIP") != nullptr ? 1 : kSkipped;
}

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  try {
    labctl::kernel::IdPlan ids = labctl::kernel::plan_ids();
    if (ids.mapping == labctl::kernel::IdMapping::Subordinate) {
      ids.mapping = labctl::kernel::IdMapping::Single;
    }
    if (ids.mapping == labctl::kernel::IdMapping::RootRange) {
      ids.mapping = labctl::kernel::IdMapping::Root;
    }
    labctl::kernel::unshare_capsule(ids.mapping);
    if (ids.mapping != labctl::kernel::IdMapping::Root) {
      labctl::kernel::write_single_map(ids);
    }
  } catch (const labctl::Error& error) {
    return refused(error.what());
  }
  std::fflush(nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    try {
      labctl::kernel::mount_capsule("netns-test");
    } catch (const labctl::Error& error) {
      ::_exit(refused(error.what()));
    }
    labctl::kernel::raise_open_files();
    const int result = RUN_ALL_TESTS();
    std::fflush(nullptr);
    // exit() would run the leak checker of a sanitizer build; _exit() would skip it.
    std::exit(result);
  }
  int status = 0;
  if (child < 0 || ::waitpid(child, &status, 0) != child) {
    return 1;
  }
  // Not by return: a leak checker would want to fork, which nobody can in a PID namespace that has ended.
  ::_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}
