#pragma once

// The built program, as a user runs it: each Labctl has a folder of its own for files and for the labs'
// sockets, so tests run side by side and see only their own labs. Works as root and as an ordinary user.

#include "labctl/report/exit_code.hpp"
#include "tests/support/leak_check.hpp"
#include "tests/support/run_program.hpp"
#include "tests/support/temp_dir.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace labctl::e2e {

using enum report::ExitCode;

class Labctl {
 public:
  Labctl() = default;
  // Takes down what a test left up.
  ~Labctl();
  Labctl(const Labctl&) = delete;
  Labctl& operator=(const Labctl&) = delete;

  support::ProgramResult run(std::vector<std::string> arguments, std::string input = {}) const;
  // Started by other programs, which run what stands behind their own arguments: {"unshare", "-m"}.
  support::ProgramResult run_by(std::vector<std::string> starter, std::vector<std::string> arguments) const;
  // In the background; what it started is `command`'s child while it lives.
  support::RunningProgram start(std::vector<std::string> arguments) const;
  support::RunningProgram start_by(std::vector<std::string> starter,
                                   std::vector<std::string> arguments) const;
  // `labctl exec VANTAGE -- COMMAND...`
  support::ProgramResult exec(std::string vantage, std::vector<std::string> command,
                              std::string input = {}) const;

  // Writes a file for the program to read and returns its path.
  std::string write(std::string_view name, std::string_view text) const {
    return dir_.write(name, text).string();
  }
  // The control socket of a lab.
  std::filesystem::path socket(const std::string& lab) const {
    return dir_.path() / "run" / lab / "api.sock";
  }
  // Folders of labs, alive or killed.
  std::vector<std::string> lab_folders() const;

 private:
  support::Program program(std::vector<std::string> arguments, std::string input) const;

  support::TempDir dir_;
};

// Use: EXPECT_TRUE(ends_with(result, kUsage)). On failure shows both streams.
::testing::AssertionResult ends_with(const support::ProgramResult& result, int code);
// EXPECT_TRUE(has(result.err, "already up")).
::testing::AssertionResult has(const std::string& text, std::string_view part);
int count_of(const std::string& text, std::string_view part);

// Looks again until `condition` holds or the deadline has passed; the last answer.
bool eventually(const std::function<bool()>& condition,
                std::chrono::milliseconds deadline = std::chrono::seconds(60));

// ---- Manifests ---------------------------------------------------------------------------------
// A Cluster document; `spec` is the inside of a flow mapping: "nodes: 3, network: {mode: vxlan}".
std::string cluster(const std::string& name, const std::string& spec);
// A Deployment of the built-in server, netexec on 8080 (TCP) and 8081 (UDP).
std::string deployment(const std::string& name, int replicas);
// A pod of one host process. `spec` is put before the containers: "restartPolicy: Never".
std::string host_pod(const std::string& name, const std::string& shell, const std::string& spec = {});

// ---- What is left behind -----------------------------------------------------------------------
// Runs `act` as a user of id `uid` in an outer user namespace, where a Labctl is made for it, and counts:
// processes, mounts, folders and namespaces. `act` throws to fail.
// `after_kill`: the keeper may have been killed, so a dead lab's folder may stay until the next `gc`.
enum class Folders { GoAtOnce, MayStayUntilGc };
::testing::AssertionResult leaves_nothing(uid_t uid, Folders folders,
                                          const std::function<void(Labctl&)>& act);
// For use inside `act`.
void require(bool condition, const std::string& what);
void require_code(const support::ProgramResult& result, int code);

// Processes below this one (all generations) that are named so, such as "labctl-keeper".
std::vector<pid_t> descendants_named(std::string_view name);

}  // namespace labctl::e2e
