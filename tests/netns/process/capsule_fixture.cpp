#include "tests/netns/process/capsule_fixture.hpp"

#include "topology/kernel/network_namespace.hpp"

#include <gtest/gtest.h>

#include <dirent.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>

namespace labctl::kernel::testing {
namespace {

// Longer than what tests wait for in a capsule, so that those which wait in vain say for what.
constexpr unsigned kDeadlineSeconds = 240;

std::string read_all(int out, int err, std::string& err_text) {
  std::string out_text;
  pollfd fds[2] = {{out, POLLIN, 0}, {err, POLLIN, 0}};
  while (fds[0].fd >= 0 || fds[1].fd >= 0) {
    ::poll(fds, 2, -1);
    for (int index = 0; index < 2; ++index) {
      char buffer[4096];
      if (fds[index].fd < 0 || fds[index].revents == 0) {
        continue;
      }
      const ssize_t length = ::read(fds[index].fd, buffer, sizeof(buffer));
      if (length > 0) {
        (index == 0 ? out_text : err_text).append(buffer, static_cast<std::size_t>(length));
      } else if (length == 0 || errno != EAGAIN) {
        fds[index].fd = -1;
      }
    }
  }
  return out_text;
}

int run_body(const std::function<void()>& body) {
  try {
    mount_capsule("capsule");
    body();
  } catch (const Error& error) {
    ADD_FAILURE() << "unexpected error: " << error.what() << "; hint: " << error.hint();
  }
  std::fflush(nullptr);
  return ::testing::Test::HasFailure() ? 1 : 0;
}

[[noreturn]] void enter_capsule(IdMapping mapping, const std::function<void()>& body) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  IdPlan ids;
  ids.mapping = mapping;
  ids.uid = ::geteuid();
  ids.gid = ::getegid();
  try {
    unshare_capsule(mapping);
    if (mapping == IdMapping::Single) {
      write_single_map(ids);
    }
  } catch (const Error& error) {
    std::fprintf(stderr, "capsule: %s\n", error.what());
    ::_exit(2);
  }
  const pid_t init = ::fork();
  if (init == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::_exit(run_body(body));
  }
  ::alarm(kDeadlineSeconds);
  int status = 0;
  ::waitpid(init, &status, 0);
  ::_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

}  // namespace

void run_in_capsule(IdMapping mapping, const std::function<void()>& body) {
  if (mapping == IdMapping::Root && ::geteuid() != 0) {
    GTEST_SKIP() << "needs real root";
  }
  std::fflush(nullptr);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    enter_capsule(mapping, body);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status)) << (WTERMSIG(status) == SIGALRM
                                         ? "not done within " + std::to_string(kDeadlineSeconds) + " s"
                                         : "ended by signal " + std::to_string(WTERMSIG(status)));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

Finished run_to_end(ProcessOptions options) {
  options.out = Stdio::pipe();
  options.err = Stdio::pipe();
  ChildProcess child = spawn(options);
  Finished finished;
  finished.out = read_all(child.out.get(), child.err.get(), finished.err);
  finished.status = child.wait();
  return finished;
}

ProcessOptions shell(const std::string& script) {
  ProcessOptions options;
  options.argv = {"sh", "-c", script};
  options.env = {{"PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}};
  return options;
}

UniqueFd make_pod_namespace(const std::string& link) {
  NamespaceScope scope;
  scope.enter_new();
  EXPECT_EQ(run_to_end(shell("ip link add " + link + " type veth peer name far && ip link set lo up")).status,
            ExitStatus{});
  return UniqueFd(::dup(NetworkNamespace::current().fd()));
}

int open_descriptors() {
  int count = 0;
  DIR* folder = ::opendir("/proc/self/fd");
  while (::readdir(folder) != nullptr) {
    ++count;
  }
  ::closedir(folder);
  return count;
}

}  // namespace labctl::kernel::testing
