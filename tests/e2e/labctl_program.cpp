#include "tests/e2e/labctl_program.hpp"

#include "topology/base/error.hpp"

#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

namespace labctl::e2e {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
using support::ProgramResult;

constexpr auto kLook = milliseconds(10);
// A lab that takes longer than this to go has not gone.
constexpr auto kGone = std::chrono::seconds(60);

std::string mounts() {
  std::ifstream file("/proc/self/mountinfo");
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// All that was started below us has ended. We are the subreaper, so whoever loses its parent becomes our
// child: no child left means no process left.
bool no_child_is_left() {
  return eventually(
      [] {
        while (::waitpid(-1, nullptr, WNOHANG) > 0) {
        }
        return ::waitpid(-1, nullptr, WNOHANG) < 0 && errno == ECHILD;
      },
      kGone);
}

std::string names_of_children() {
  std::string names;
  for (const pid_t pid : descendants_named("")) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/comm");
    std::string name;
    std::getline(file, name);
    names += " " + name;
  }
  return names;
}

void act_and_look(Folders folders, const std::function<void(Labctl&)>& act) {
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  const std::string mounts_before = mounts();
  Labctl lab;
  act(lab);
  require(no_child_is_left(), "processes left:" + names_of_children());
  if (folders == Folders::MayStayUntilGc) {
    require_code(lab.run({"ls"}), kPassed);
    require_code(lab.run({"gc"}), kPassed);
  }
  for (const std::string& folder : lab.lab_folders()) {
    throw Error(ErrorKind::Internal, "the folder of lab " + folder + " is left");
  }
  require(mounts() == mounts_before, "mounts differ:\n" + mounts_before + "--- now\n" + mounts());
}

}  // namespace

// ---- The program -------------------------------------------------------------------------------

Labctl::~Labctl() {
  if (!lab_folders().empty()) {
    run({"down", "--all"});
  }
}

support::Program Labctl::program(std::vector<std::string> arguments, std::string input) const {
  arguments.insert(arguments.begin(), support::labctl_program());
  return {.command = std::move(arguments),
          // Of its own: what failed last, and evidence. Not of a CI system that runs these tests: its shard.
          .env = {{"XDG_STATE_HOME", (dir_.path() / "state").string()},
                  {"XDG_CACHE_HOME", (dir_.path() / "cache").string()},
                  {"CI_NODE_INDEX", ""},
                  {"TEST_SHARD_INDEX", ""},
                  {"JOB_COMPLETION_INDEX", ""},
                  {"GITHUB_ACTIONS", ""},
                  {"LABCTL_RUNTIME_DIR", (dir_.path() / "run").string()},
                  {"XDG_RUNTIME_DIR", dir_.path().string()},
                  {"NO_COLOR", "1"},
                  {"CI", ""},
                  {"GITHUB_ACTIONS", ""}},
          .directory = dir_.path(),
          .input = std::move(input),
          .timeout = std::chrono::seconds(90)};
}

ProgramResult Labctl::run(std::vector<std::string> arguments, std::string input) const {
  return support::run_program(program(std::move(arguments), std::move(input)));
}

ProgramResult Labctl::run_by(std::vector<std::string> starter, std::vector<std::string> arguments) const {
  support::Program wrapped = program(std::move(arguments), {});
  wrapped.command.insert(wrapped.command.begin(), starter.begin(), starter.end());
  return support::run_program(wrapped);
}

support::RunningProgram Labctl::start(std::vector<std::string> arguments) const {
  return support::RunningProgram::start(program(std::move(arguments), {}));
}

support::RunningProgram Labctl::start_by(std::vector<std::string> starter,
                                         std::vector<std::string> arguments) const {
  support::Program wrapped = program(std::move(arguments), {});
  wrapped.command.insert(wrapped.command.begin(), starter.begin(), starter.end());
  return support::RunningProgram::start(wrapped);
}

ProgramResult Labctl::exec(std::string vantage, std::vector<std::string> command, std::string input) const {
  std::vector<std::string> arguments{"exec", std::move(vantage), "--"};
  arguments.insert(arguments.end(), command.begin(), command.end());
  return run(std::move(arguments), std::move(input));
}

std::vector<std::string> Labctl::lab_folders() const {
  std::vector<std::string> names;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(dir_.path() / "run", none)) {
    names.push_back(entry.path().filename().string());
  }
  return names;
}

::testing::AssertionResult ends_with(const ProgramResult& result, int code) {
  if (result.exit_code == code) {
    return ::testing::AssertionSuccess();
  }
  return ::testing::AssertionFailure() << "wanted exit code " << code << ", seen " << to_string(result);
}

::testing::AssertionResult has(const std::string& text, std::string_view part) {
  if (text.find(part) != std::string::npos) {
    return ::testing::AssertionSuccess();
  }
  return ::testing::AssertionFailure() << "\"" << part << "\" is not in\n" << text;
}

int count_of(const std::string& text, std::string_view part) {
  int count = 0;
  for (size_t at = 0; (at = text.find(part, at)) != std::string::npos; at += part.size()) {
    ++count;
  }
  return count;
}

bool eventually(const std::function<bool()>& condition, milliseconds deadline) {
  const auto until = steady_clock::now() + deadline;
  while (!condition()) {
    if (steady_clock::now() > until) {
      return false;
    }
    ::poll(nullptr, 0, static_cast<int>(kLook.count()));
  }
  return true;
}

// ---- Manifests ---------------------------------------------------------------------------------

std::string cluster(const std::string& name, const std::string& spec) {
  return "apiVersion: labctl.dev/v1alpha1\nkind: Cluster\nmetadata: {name: " + name + "}\nspec: {" + spec +
         "}\n---\n";
}

std::string deployment(const std::string& name, int replicas) {
  return "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: " + name +
         "}\nspec:\n  replicas: " + std::to_string(replicas) + "\n  selector: {matchLabels: {app: " + name +
         "}}\n  template:\n    metadata: {labels: {app: " + name +
         "}}\n    spec: {containers: [{name: web, image: agnhost, args: [netexec], ports: [{containerPort: "
         "8080}, {containerPort: 8081, protocol: UDP}]}]}\n---\n";
}

std::string host_pod(const std::string& name, const std::string& shell, const std::string& spec) {
  return "apiVersion: v1\nkind: Pod\nmetadata: {name: " + name + ", labels: {app: " + name + "}}\nspec:\n  " +
         spec + "\n  containers:\n  - {name: main, image: host, command: [sh, -c, '" + shell + "']}\n---\n";
}

// ---- What is left behind -----------------------------------------------------------------------

::testing::AssertionResult leaves_nothing(uid_t uid, Folders folders,
                                          const std::function<void(Labctl&)>& act) {
  const support::LeakResult result = support::run_and_count({.uid = uid, .deadline = kGone}, [folders, &act] {
    act_and_look(folders, act);
    return 0;
  });
  if (result.body == 0 && result.clean()) {
    return ::testing::AssertionSuccess();
  }
  return ::testing::AssertionFailure()
         << "as uid " << uid << ": " << to_string(result) << (result.body == 0 ? "" : "; see stderr");
}

void require(bool condition, const std::string& what) {
  if (!condition) {
    throw Error(ErrorKind::Internal, what);
  }
}

void require_code(const ProgramResult& result, int code) {
  require(result.exit_code == code,
          "wanted exit code " + std::to_string(code) + ", seen " + to_string(result));
}

std::vector<pid_t> descendants_named(std::string_view name) {
  struct Process {
    std::string name;
    pid_t parent = 0;
  };
  std::map<pid_t, Process> processes;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const pid_t pid = std::atoi(entry.path().filename().c_str());
    std::ifstream file(entry.path() / "stat");
    std::string line;
    if (pid <= 0 || !std::getline(file, line)) {
      continue;
    }
    // "PID (name) S PARENT ...": the name may hold anything, so the last parenthesis ends it.
    const size_t open = line.find('(');
    const size_t close = line.rfind(')');
    const bool is_dead = line.compare(close + 2, 1, "Z") == 0;
    processes[pid] = {is_dead ? "" : line.substr(open + 1, close - open - 1),
                      std::atoi(line.c_str() + close + 4)};
  }
  std::vector<pid_t> found;
  for (const auto& [pid, process] : processes) {
    pid_t ancestor = process.parent;
    while (ancestor > 0 && ancestor != ::getpid() && processes.contains(ancestor)) {
      ancestor = processes[ancestor].parent;
    }
    if (ancestor == ::getpid() && !process.name.empty() && (name.empty() || process.name == name)) {
      found.push_back(pid);
    }
  }
  return found;
}

}  // namespace labctl::e2e
