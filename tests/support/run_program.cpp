#include "tests/support/run_program.hpp"

#include "topology/base/error.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <sstream>
#include <utility>

extern char** environ;

namespace labctl::support {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

struct Pipe {
  UniqueFd read;
  UniqueFd write;
};

Pipe make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    throw Error::from_errno(errno, "pipe2");
  }
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

std::vector<std::string> merged_environment(const std::map<std::string, std::string>& extra) {
  std::vector<std::string> merged;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    if (!extra.contains(std::string(text.substr(0, text.find('='))))) {
      merged.emplace_back(text);
    }
  }
  for (const auto& [name, value] : extra) {
    merged.push_back(name + "=" + value);
  }
  return merged;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  result.reserve(texts.size() + 1);
  for (std::string& text : texts) {
    result.push_back(text.data());
  }
  result.push_back(nullptr);
  return result;
}

int milliseconds_until(steady_clock::time_point until) {
  const auto left = std::chrono::ceil<milliseconds>(until - steady_clock::now());
  return static_cast<int>(std::clamp<milliseconds::rep>(left.count(), 0, 60'000));
}

// Appends what is there to `text`; closes `fd` at its end.
void drain(UniqueFd& fd, std::string& text) {
  std::array<char, 65536> buffer{};
  while (fd) {
    const ssize_t n = ::read(fd.get(), buffer.data(), buffer.size());
    if (n > 0) {
      text.append(buffer.data(), static_cast<size_t>(n));
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
      fd.reset();
    } else if (errno == EAGAIN) {
      return;
    }
  }
}

}  // namespace

std::filesystem::path find_program(std::string_view name) {
  if (name.find('/') != std::string_view::npos) {
    return name;
  }
  const char* path = std::getenv("PATH");
  std::istringstream folders(std::string(path != nullptr ? path : "/usr/bin:/bin") + ":/usr/sbin:/sbin");
  for (std::string folder; std::getline(folders, folder, ':');) {
    const std::filesystem::path candidate = std::filesystem::path(folder) / name;
    if (::access(candidate.c_str(), X_OK) == 0) {
      return candidate;
    }
  }
  return {};
}

std::string to_string(const ProgramResult& result) {
  std::ostringstream text;
  if (result.timed_out) {
    text << "timed out";
  } else if (result.signal != 0) {
    text << "ended by signal " << result.signal;
  } else {
    text << "exit code " << result.exit_code;
  }
  text << " after " << result.elapsed.count() << " ms\n-- stdout\n"
       << result.out << "\n-- stderr\n"
       << result.err;
  return text.str();
}

RunningProgram RunningProgram::start(const Program& program) {
  // All that allocates comes before fork: the child only makes system calls.
  std::vector<std::string> arguments = program.command;
  std::vector<std::string> environment = merged_environment(program.env);
  std::vector<char*> argv = pointers(arguments);
  std::vector<char*> envp = pointers(environment);
  const std::string file = arguments.empty() ? "" : find_program(arguments[0]).string();
  if (file.empty()) {
    throw Error(ErrorKind::NotFound,
                "run " + (arguments.empty() ? "nothing" : arguments[0]) + ": no such program");
  }
  const std::string directory = program.directory.string();
  Pipe in = make_pipe();
  Pipe out = make_pipe();
  Pipe err = make_pipe();

  RunningProgram running;
  running.started_ = steady_clock::now();
  running.timeout_ = program.timeout;
  running.pending_input_ = program.input;
  const pid_t pid = ::fork();
  if (pid < 0) {
    throw Error::from_errno(errno, "fork");
  }
  if (pid == 0) {
    ::dup2(in.read.get(), 0);
    ::dup2(out.write.get(), 1);
    ::dup2(err.write.get(), 2);
    if (!directory.empty() && ::chdir(directory.c_str()) != 0) {
      ::_exit(126);
    }
    ::execve(file.c_str(), argv.data(), envp.data());
    ::_exit(127);
  }
  running.pid_ = pid;
  running.pidfd_ = UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  running.input_ = std::move(in.write);
  running.out_ = std::move(out.read);
  running.err_ = std::move(err.read);
  for (const UniqueFd* fd : {&running.input_, &running.out_, &running.err_}) {
    ::fcntl(fd->get(), F_SETFL, O_NONBLOCK);
  }
  if (!running.pidfd_) {
    throw Error::from_errno(errno, "pidfd_open");
  }
  return running;
}

RunningProgram::~RunningProgram() {
  if (pidfd_) {
    ::syscall(SYS_pidfd_send_signal, pidfd_.get(), SIGKILL, nullptr, 0);
    ::waitpid(pid_, nullptr, 0);
  }
}

bool RunningProgram::is_running() const {
  pollfd ended{pidfd_.get(), POLLIN, 0};
  return pidfd_ && ::poll(&ended, 1, 0) == 0;
}

void RunningProgram::signal(int number) const {
  if (pidfd_ && ::syscall(SYS_pidfd_send_signal, pidfd_.get(), number, nullptr, 0) != 0) {
    throw Error::from_errno(errno, "signal pid " + std::to_string(pid_));
  }
}

void RunningProgram::read_available() {
  drain(out_, result_.out);
  drain(err_, result_.err);
}

// Moves bytes once; false when the program has ended or time is up.
bool RunningProgram::read_or_wait(steady_clock::time_point until) {
  if (pending_input_.empty()) {
    input_.reset();
  }
  std::array<pollfd, 4> watched{pollfd{pidfd_.get(), POLLIN, 0}, pollfd{out_.get(), POLLIN, 0},
                                pollfd{err_.get(), POLLIN, 0}, pollfd{input_.get(), POLLOUT, 0}};
  if (::poll(watched.data(), watched.size(), milliseconds_until(until)) < 0 && errno != EINTR) {
    throw Error::from_errno(errno, "poll");
  }
  if (input_ && watched[3].revents != 0) {
    const ssize_t n = ::write(input_.get(), pending_input_.data(), pending_input_.size());
    if (n > 0) {
      pending_input_.erase(0, static_cast<size_t>(n));
    } else if (n < 0 && errno != EAGAIN && errno != EINTR) {
      pending_input_.clear();  // it does not want more; EPIPE, with SIGPIPE ignored by the caller
    }
  }
  read_available();
  return watched[0].revents == 0 && steady_clock::now() < until;
}

bool RunningProgram::wait_for_output(std::string_view text, milliseconds timeout) {
  const auto until = steady_clock::now() + timeout;
  while (result_.out.find(text) == std::string::npos) {
    if (!read_or_wait(until)) {
      return result_.out.find(text) != std::string::npos;
    }
  }
  return true;
}

ProgramResult RunningProgram::wait() {
  const auto until = started_ + timeout_;
  while (read_or_wait(until)) {
  }
  if (is_running()) {
    result_.timed_out = true;
    signal(SIGKILL);
  }
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pidfd_.reset();
  read_available();
  if (WIFEXITED(status)) {
    result_.exit_code = WEXITSTATUS(status);
  } else if (WIFSIGNALED(status)) {
    result_.signal = WTERMSIG(status);
  }
  result_.elapsed = std::chrono::duration_cast<milliseconds>(steady_clock::now() - started_);
  return std::move(result_);
}

ProgramResult run_program(const Program& program) {
  // A program that does not read its input must not end us.
  struct sigaction ignore {};
  struct sigaction previous {};
  ignore.sa_handler = SIG_IGN;
  ::sigaction(SIGPIPE, &ignore, &previous);
  ProgramResult result = RunningProgram::start(program).wait();
  ::sigaction(SIGPIPE, &previous, nullptr);
  return result;
}

std::string labctl_program() {
  const char* other = std::getenv("LABCTL_BINARY");
  return other != nullptr ? other : LABCTL_BINARY;
}

}  // namespace labctl::support
