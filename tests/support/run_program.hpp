#pragma once

// Programs run by tests, with a deadline: stdout and stderr captured apart, the exit code or signal kept. A
// program that outlives its deadline is killed by its pidfd, and the result says so.

#include "topology/base/unique_fd.hpp"

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace labctl::support {

struct Program {
  std::vector<std::string> command;        // the first is looked up in PATH
  std::map<std::string, std::string> env;  // set on top of our own environment
  std::filesystem::path directory;         // empty: ours
  std::string input;                       // written to stdin, which is then closed
  std::chrono::milliseconds timeout = std::chrono::seconds(30);
};

struct ProgramResult {
  int exit_code = -1;  // -1 when it did not exit by itself
  int signal = 0;      // what ended it, or 0
  bool timed_out = false;
  std::string out;
  std::string err;
  std::chrono::milliseconds elapsed{};
};

// One text for a failed assertion: the code, then both streams.
std::string to_string(const ProgramResult& result);

// Starts the program, waits for its end (not for that of what it left in the background) and returns what it
// said. Throws Error when it cannot be started.
ProgramResult run_program(const Program& program);

// A program in the background. Destroying it kills and reaps it.
class RunningProgram {
 public:
  static RunningProgram start(const Program& program);
  RunningProgram(RunningProgram&&) = default;
  RunningProgram& operator=(RunningProgram&&) = delete;
  ~RunningProgram();

  pid_t pid() const { return pid_; }
  bool is_running() const;
  void signal(int number) const;
  // Reads until stdout holds `text`; false at the deadline or when the program closed it.
  bool wait_for_output(std::string_view text, std::chrono::milliseconds timeout);
  // Waits until it ends, at most the program's timeout counted from its start, then kills it.
  ProgramResult wait();

 private:
  RunningProgram() = default;
  void read_available();
  bool read_or_wait(std::chrono::steady_clock::time_point until);

  pid_t pid_ = -1;
  UniqueFd pidfd_;
  UniqueFd input_;
  UniqueFd out_;
  UniqueFd err_;
  std::string pending_input_;
  ProgramResult result_;
  std::chrono::steady_clock::time_point started_;
  std::chrono::milliseconds timeout_{};
};

// The labctl that tests run: $LABCTL_BINARY, else the one of this build.
std::string labctl_program();

// "ip" -> "/usr/sbin/ip"; looks in PATH, then in /usr/sbin and /sbin. Empty when there is none.
std::filesystem::path find_program(std::string_view name);

}  // namespace labctl::support
