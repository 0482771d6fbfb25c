#include "labctl/scenario/host_traces.hpp"

#include "labctl/supervisor/registry.hpp"

#include <poll.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

namespace labctl::scenario {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds kLabsGoWithin{5};
constexpr int kLookAgainMs = 20;

std::set<std::string> lines_of(const char* path) {
  std::set<std::string> lines;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    lines.insert(line);
  }
  return lines;
}

// proc(5): interface, destination, gateway, flags, then counters that change by themselves.
std::set<std::string> routes() {
  std::set<std::string> out;
  for (const std::string& line : lines_of("/proc/self/net/route")) {
    std::istringstream fields(line);
    std::string interface, destination, gateway;
    if (fields >> interface >> destination >> gateway && interface != "Iface") {
      out.insert(interface + " " + destination + " by " + gateway);
    }
  }
  for (const std::string& line : lines_of("/proc/self/net/ipv6_route")) {
    std::istringstream fields(line);
    std::vector<std::string> words{std::istream_iterator<std::string>(fields), {}};
    if (words.size() >= 10) {
      out.insert(words[9] + " " + words[0] + "/" + words[1] + " by " + words[4]);
    }
  }
  return out;
}

std::set<std::string> names_in(const char* folder) {
  std::set<std::string> names;
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, ignored)) {
    names.insert(entry.path().filename().string());
  }
  return names;
}

std::vector<std::string> labs_there(const std::set<std::string>& names) {
  std::vector<std::string> left;
  for (const supervisor::LabEntry& entry : supervisor::list_labs()) {
    if (names.contains(entry.name)) {
      left.push_back(
          "lab " + entry.name +
          (entry.is_alive ? " is still up: labctl down " + entry.name : ": its folder is left: labctl gc"));
    }
  }
  return left;
}

}  // namespace

HostState read_host() {
  return {{"links", names_in("/sys/class/net")},
          {"routes", routes()},
          {"mounts", lines_of("/proc/self/mountinfo")}};
}

std::string compare_hosts(const HostState& before, const HostState& after) {
  std::string counts, changes;
  for (const auto& [kind, old] : before) {
    const std::set<std::string>& now = after.at(kind);
    counts += (counts.empty() ? "" : ", ") + std::to_string(now.size()) + " " + kind;
    for (const bool came : {true, false}) {
      std::vector<std::string> different;
      const auto& more = came ? now : old;
      const auto& less = came ? old : now;
      std::set_difference(more.begin(), more.end(), less.begin(), less.end(), std::back_inserter(different));
      for (const std::string& one : different) {
        changes += "; " + std::string(came ? "new" : "gone") + " in " + kind + ": " + one;
      }
    }
  }
  return "host: " + counts + (changes.empty() ? ", as before" : ", changed by others" + changes);
}

std::vector<std::string> labs_left(const std::set<std::string>& names) {
  // The lab of a worker that was killed goes a moment after it.
  const auto deadline = std::chrono::steady_clock::now() + kLabsGoWithin;
  for (;;) {
    std::vector<std::string> left = labs_there(names);
    if (left.empty() || std::chrono::steady_clock::now() >= deadline) {
      return left;
    }
    ::poll(nullptr, 0, kLookAgainMs);
  }
}

}  // namespace labctl::scenario
