#include "tests/support/host_inventory.hpp"

#include "tests/support/run_program.hpp"
#include "topology/base/unique_fd.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <system_error>
#include <vector>

namespace labctl::support {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    lines.push_back(line);
  }
  return lines;
}

// What a program prints, or a note that it is not installed or refused: the same before and after.
std::string output_of(const std::vector<std::string>& command) {
  if (find_program(command[0]).empty()) {
    return "(" + command[0] + " is not installed)\n";
  }
  const ProgramResult result = run_program({.command = command, .env = {}, .directory = {}, .input = {}});
  return result.exit_code == 0 ? result.out : "(exit " + std::to_string(result.exit_code) + ")\n";
}

std::string without(const std::string& text, const std::regex& pattern) {
  return std::regex_replace(text, pattern, "");
}

// Values that the kernel changes by itself: what it counts, draws by lot or measures.
bool is_volatile(const std::string& name) {
  static const std::set<std::string> kNames = {
      "/proc/sys/kernel/ns_last_pid",
      "/proc/sys/kernel/perf_event_max_sample_rate",  // lowered when interrupts take long
      "/proc/sys/kernel/pty/nr",
      "/proc/sys/kernel/random/uuid",
      "/proc/sys/kernel/random/entropy_avail",
      "/proc/sys/net/netfilter/nf_conntrack_count",
      "/proc/sys/vm/stat_refresh",  // reading it does work
      "/proc/sys/net/ipv4/route/flush",
  };
  return kNames.contains(name);
}

// With system calls: some of these files give EIO or EINVAL when read,
// which a stream turns into an exception.
std::string value_of(const std::string& name) {
  const UniqueFd fd(::open(name.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  std::array<char, 16384> buffer{};
  const ssize_t n = fd ? ::read(fd.get(), buffer.data(), buffer.size()) : -1;
  return n < 0 ? "(unreadable)" : std::string(buffer.data(), static_cast<size_t>(n));
}

void add_sysctls(const fs::path& folder, std::map<std::string, std::string>& values) {
  std::error_code error;
  fs::recursive_directory_iterator entries(folder, fs::directory_options::skip_permission_denied, error);
  for (; !error && entries != fs::recursive_directory_iterator(); entries.increment(error)) {
    const std::string name = entries->path().string();
    std::error_code ignored;
    if (!entries->is_regular_file(ignored) || is_volatile(name)) {
      continue;
    }
    values[name] = value_of(name);
  }
}

std::string sysctls() {
  std::map<std::string, std::string> values;
  for (const char* folder : {"/proc/sys/kernel", "/proc/sys/net", "/proc/sys/user", "/proc/sys/vm"}) {
    add_sysctls(folder, values);
  }
  std::string text;
  for (const auto& [name, value] : values) {
    std::string one_line = value;
    std::replace(one_line.begin(), one_line.end(), '\n', ' ');
    text += name + " = " + one_line + "\n";
  }
  return text;
}

// Mount ids are given out anew by every mount of the host; the rest of a line says what is mounted where.
std::string mounts() {
  std::ifstream file("/proc/self/mountinfo");
  std::string text;
  for (std::string line; std::getline(file, line);) {
    text += std::regex_replace(line, std::regex("^[0-9]+ [0-9]+ "), "") + "\n";
  }
  return text;
}

std::string network_namespaces() {
  std::set<std::string> names;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/run/netns", error)) {
    names.insert(entry.path().filename().string());
  }
  std::string text;
  for (const std::string& name : names) {
    text += name + "\n";
  }
  return text;
}

std::string neighbours() {
  // Only permanent ones: the others come and go with the host's own traffic.
  return output_of({"ip", "neighbour", "show", "nud", "permanent"});
}

}  // namespace

std::string host_inventory() {
  // Lifetimes of learned addresses and routes run down; packet counters run up.
  static const std::regex kLifetimes(R"( (valid_lft|preferred_lft|expires) \w+)");
  static const std::regex kCounters(R"( (packets|bytes) [0-9]+)");
  const std::vector<std::pair<std::string, std::string>> sections = {
      {"links", output_of({"ip", "-details", "link", "show"})},
      {"addresses", without(output_of({"ip", "address", "show"}), kLifetimes)},
      {"routes v4", output_of({"ip", "-4", "route", "show", "table", "all"})},
      {"routes v6", without(output_of({"ip", "-6", "route", "show", "table", "all"}), kLifetimes)},
      {"rules", output_of({"ip", "-4", "rule", "show"}) + output_of({"ip", "-6", "rule", "show"})},
      {"neighbours", neighbours()},
      {"ruleset", without(output_of({"nft", "list", "ruleset"}), kCounters)},
      {"named namespaces", network_namespaces()},
      {"sysctls", sysctls()},
      {"mounts", mounts()},
  };
  std::string text;
  for (const auto& [name, content] : sections) {
    text += "== " + name + " ==\n" + content;
  }
  return text;
}

std::string difference(const std::string& before, const std::string& after) {
  // Longest common subsequence would be exact; which lines are gone and which are new is what a reader asks.
  std::multiset<std::string> gone;
  std::multiset<std::string> fresh;
  for (const std::string& line : lines_of(before)) {
    gone.insert(line);
  }
  for (const std::string& line : lines_of(after)) {
    if (const auto same = gone.find(line); same != gone.end()) {
      gone.erase(same);
    } else {
      fresh.insert(line);
    }
  }
  std::string text;
  for (const std::string& line : gone) {
    text += "- " + line + "\n";
  }
  for (const std::string& line : fresh) {
    text += "+ " + line + "\n";
  }
  if (text.empty() && before != after) {
    text = "the same lines in another order\n";
  }
  return text;
}

}  // namespace labctl::support
