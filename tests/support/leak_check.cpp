#include "tests/support/leak_check.hpp"

#include "tests/support/run_program.hpp"
#include "topology/base/error.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <exception>
#include <utility>
#include <vector>

namespace labctl::support {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

struct Kind {
  const char* name;
  int flag;
};

// PID namespaces are not unshared but entered by the next child; cgroup and
// time ones hold nothing of a lab's.
constexpr std::array<Kind, 6> kKinds{{{"net", CLONE_NEWNET},
                                      {"mnt", CLONE_NEWNS},
                                      {"uts", CLONE_NEWUTS},
                                      {"ipc", CLONE_NEWIPC},
                                      {"pid", CLONE_NEWPID},
                                      {"user", CLONE_NEWUSER}}};

bool write_file(const std::string& path, const std::string& text) {
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  return fd && ::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

// Returns 0 or an errno.
int enter_outer_namespace(uid_t inside_uid) {
  const std::string uid_map = std::to_string(inside_uid) + " " + std::to_string(::geteuid()) + " 1";
  const std::string gid_map = std::to_string(inside_uid) + " " + std::to_string(::getegid()) + " 1";
  if (::unshare(CLONE_NEWUSER) != 0) {
    return errno;
  }
  if (!write_file("/proc/self/setgroups", "deny") || !write_file("/proc/self/uid_map", uid_map) ||
      !write_file("/proc/self/gid_map", gid_map)) {
    return errno;
  }
  return 0;
}

// Can one more namespace be made? Asked in a child, which takes it away with itself.
// Returns 0, ENOSPC for no, or another errno.
int try_one_more(int flag) {
  const pid_t child = ::fork();
  if (child < 0) {
    return errno;
  }
  if (child == 0) {
    ::_exit(::unshare(flag) == 0 ? 0 : errno);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
}

// A pause between two looks at a condition.
void pause_for(milliseconds time) { ::poll(nullptr, 0, static_cast<int>(time.count())); }

// Waits until none of `kind` is left; returns how many are left at the deadline, -1 when counting is refused.
int count_left(const Kind& kind, steady_clock::time_point until) {
  const std::string limit = "/proc/sys/user/max_" + std::string(kind.name) + "_namespaces";
  if (!write_file(limit, "1")) {
    return -1;
  }
  int answer = try_one_more(kind.flag);
  while (answer == ENOSPC && steady_clock::now() < until) {
    pause_for(milliseconds(5));
    answer = try_one_more(kind.flag);
  }
  if (answer == 0) {
    return 0;
  }
  if (answer != ENOSPC) {
    return -1;
  }
  // The smallest limit that allows one more is how many there are, and one. The namespace that a trial made
  // may itself take a moment to go, so the search goes upwards only.
  for (int left = 1; left < 100'000; left = left < 64 ? left + 1 : left * 2) {
    if (!write_file(limit, std::to_string(left + 1))) {
      return -1;
    }
    if (try_one_more(kind.flag) == 0) {
      return left;
    }
  }
  return 100'000;
}

// What the checker tells its parent, as text: "body N\n", "left net 3\n", "error ...\n", "waited 12\n".
class Report {
 public:
  explicit Report(int fd) : fd_(fd) {}
  void line(const std::string& text) const {
    const std::string whole = text + "\n";
    if (::write(fd_, whole.data(), whole.size()) < 0) {
      ::_exit(1);
    }
  }

 private:
  int fd_;
};

// The body gets a child of its own: what it did to itself must not hinder counting.
int run_body(const std::function<int()>& body) {
  const pid_t child = ::fork();
  if (child == 0) {
    int code = 125;
    try {
      code = body();
    } catch (const std::exception& error) {
      const std::string text = std::string("leak check: body threw: ") + error.what() + "\n";
      if (::write(2, text.data(), text.size()) < 0) {
        code = 124;
      }
    }
    ::_exit(code);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void check_in_child(const OuterNamespace& outer, const std::function<int()>& body, const Report& report) {
  if (const int error = enter_outer_namespace(outer.uid); error != 0) {
    report.line("error outer user namespace: " + std::string(std::strerror(error)));
    return;
  }
  report.line("body " + std::to_string(run_body(body)));
  const auto ended = steady_clock::now();
  for (const Kind& kind : kKinds) {
    const int left = count_left(kind, ended + outer.deadline);
    if (left < 0) {
      report.line("error counting " + std::string(kind.name) + " namespaces was refused");
    } else if (left > 0) {
      report.line("left " + std::string(kind.name) + " " + std::to_string(left));
    }
  }
  const auto waited = std::chrono::duration_cast<milliseconds>(steady_clock::now() - ended);
  report.line("waited " + std::to_string(waited.count()));
}

void read_report_line(const std::string& line, LeakResult& result) {
  const size_t space = line.find(' ');
  const std::string word = line.substr(0, space);
  const std::string rest = space == std::string::npos ? "" : line.substr(space + 1);
  if (word == "body") {
    result.body = std::stoi(rest);
  } else if (word == "left") {
    const size_t middle = rest.find(' ');
    result.left[rest.substr(0, middle)] = std::stoi(rest.substr(middle + 1));
  } else if (word == "waited") {
    result.waited = milliseconds(std::stoll(rest));
  } else if (word == "error") {
    result.error = rest;
  }
}

}  // namespace

std::string to_string(const LeakResult& result) {
  std::string text = "body returned " + std::to_string(result.body) + ", waited " +
                     std::to_string(result.waited.count()) + " ms";
  for (const auto& [kind, count] : result.left) {
    text += ", " + std::to_string(count) + " " + kind + " namespaces left";
  }
  return result.error.empty() ? text : text + ", " + result.error;
}

LeakResult run_and_count(const OuterNamespace& outer, const std::function<int()>& body) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    throw Error::from_errno(errno, "pipe2");
  }
  const UniqueFd read_end(ends[0]);
  UniqueFd write_end(ends[1]);
  const pid_t child = ::fork();
  if (child < 0) {
    throw Error::from_errno(errno, "fork");
  }
  if (child == 0) {
    check_in_child(outer, body, Report(write_end.get()));
    ::_exit(0);
  }
  write_end.reset();
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  // Read after the end and without blocking: a program left in the background may hold the pipe open.
  ::fcntl(read_end.get(), F_SETFL, O_NONBLOCK);
  std::string text;
  std::array<char, 4096> buffer{};
  for (ssize_t n = 0; (n = ::read(read_end.get(), buffer.data(), buffer.size())) > 0;) {
    text.append(buffer.data(), static_cast<size_t>(n));
  }
  LeakResult result;
  for (size_t start = 0, end = 0; (end = text.find('\n', start)) != std::string::npos; start = end + 1) {
    read_report_line(text.substr(start, end - start), result);
  }
  if (result.error.empty() && (!WIFEXITED(status) || WEXITSTATUS(status) != 0)) {
    result.error = "the counting child died";
  }
  return result;
}

std::string why_no_user_namespaces() {
  const pid_t child = ::fork();
  if (child == 0) {
    const int error = enter_outer_namespace(0);
    ::_exit(error != 0 ? error : ::unshare(CLONE_NEWNET | CLONE_NEWNS) == 0 ? 0 : errno);
  }
  int status = 0;
  if (child < 0 || ::waitpid(child, &status, 0) < 0 || !WIFEXITED(status)) {
    return "user namespaces could not be tried";
  }
  const int error = WEXITSTATUS(status);
  return error == 0 ? ""
                    : "user namespaces are refused: " + std::string(std::strerror(error)) +
                          "; labctl doctor says why";
}

}  // namespace labctl::support
