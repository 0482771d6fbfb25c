// Which room may use which, and who may use which library. The tables are the rule; each line has its reason.

#include "tests/house/source_tree.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace labctl::house {
namespace {

// Rooms from the top down: a room may use itself and what stands below it in its own folder. Folders within a
// room are its shelves, and no rooms.
const std::map<std::string, std::vector<std::string>> kOrder = {
    {"topology",
     {"apply", "kernel", "plan", "ruleset", "ingress", "dns", "service", "policy", "manifest", "model",
      "base"}},
    {"probes", {"explain", "matrix", "engine", "server", "protocol", "outcome"}},
    {"labctl", {"",          "commands", "scenario",   "supervisor", "lab",     "controllers", "endpoints",
                "apiserver", "probing",  "nameserver", "dataplane",  "kubelet", "allocation",  "objects",
                "images",    "doctor",   "loop",       "store",      "graph",   "report",      "api"}},
};

// Top-level folders from the top down: labctl -> probes -> topology.
const std::vector<std::string> kFolders = {"labctl", "probes", "topology"};

struct Ban {
  std::string_view room;    // a room, or a folder with all its rooms
  std::string_view target;  // the beginning of what may not be included
  std::string_view reason;
};

// Beyond the order.
constexpr Ban kBans[] = {
    {"topology/kernel", "topology/plan",
     "the kernel's door is thin and typed: it knows no policy, only base"},
    {"topology/kernel", "topology/ruleset",
     "the kernel's door is thin and typed: it knows no policy, only base"},
    {"topology/kernel", "topology/manifest",
     "the kernel's door is thin and typed: it knows no policy, only base"},
    {"topology/kernel", "topology/model",
     "the kernel's door is thin and typed: it knows no policy, only base"},
    {"labctl/commands", "topology/kernel", "only the supervisor changes the host"},
    {"labctl/commands", "topology/apply", "only the supervisor changes the host"},
    {"labctl/report", "labctl/lab", "a report is of values, not of a running lab"},
    {"labctl/graph", "labctl/store", "a drawing is of values, not of a running lab"},
    {"labctl/report", "labctl/store", "a report is of values, not of a running lab"},
};

struct Library {
  std::string_view name;
  std::vector<std::string_view> headers;  // beginnings of what is included
  std::vector<std::string_view> rooms;    // the only ones that may
  std::string_view reason;
};

const std::vector<Library> kLibraries = {
    {"yaml-cpp",
     {"yaml-cpp/"},
     {"topology/manifest"},
     "one room knows how users write; the others see values"},
    {"libnl", {"netlink/"}, {"topology/kernel"}, "the kernel has one door"},
    {"libnftables", {"nftables/"}, {"topology/kernel"}, "the kernel has one door"},
    {"Boost.Process", {"boost/process"}, {"topology/kernel"}, "the kernel has one door"},
    {"SQLite", {"sqlite3.h"}, {"labctl/store"}, "what is kept and how is the store's secret"},
    {"ldns",
     {"ldns/"},
     {"probes/protocol", "labctl/nameserver"},
     "DNS messages are made by probes and by what updates zones"},
    {"OpenSSL",
     {"openssl/"},
     {"labctl/kubelet", "probes/server", "labctl/objects", "labctl/images"},
     "TLS is spoken by probes of containers and by what stands in for them, a lab signs its tokens, and "
     "images "
     "have digests"},
    {"libarchive", {"archive.h", "archive_entry.h"}, {"labctl/images"}, "hostile archives have one reader"},
    {"nghttp2",
     {"nghttp2/"},
     {"probes/protocol", "probes/server"},
     "HTTP/2 is spoken by what asks for a health and by what has it"},
    {"RE2", {"re2/"}, {"topology/base"}, "what users match by has one syntax, and one place that bounds it"},
    {"CLI11", {"CLI/"}, {"labctl/main.cpp", "labctl/commands"}, "options end where a command begins"},
    {"nlohmann-json",
     {"nlohmann/"},
     {"topology/manifest", "labctl"},
     "the model and the probes are typed values; JSON is how they cross a file, a socket or the store"},
};

bool begins_with(std::string_view text, std::string_view beginning) {
  return text.substr(0, beginning.size()) == beginning;
}

bool is_within(std::string_view room, std::string_view place) {
  return room == place ||
         (begins_with(room, place) && room.size() > place.size() && room[place.size()] == '/');
}

// "topology/plan/fabric.hpp" -> "topology", "plan". Rooms are folders right
// below; "labctl/main.cpp" is in room "".
std::pair<std::string, std::string> split(const std::string& path) {
  const size_t first = path.find('/');
  const size_t second = path.find('/', first + 1);
  return {path.substr(0, first),
          second == std::string::npos ? "" : path.substr(first + 1, second - first - 1)};
}

int place_in(const std::vector<std::string>& order, const std::string& name) {
  const auto found = std::find(order.begin(), order.end(), name);
  return found == order.end() ? -1 : static_cast<int>(found - order.begin());
}

bool is_project_include(const std::string& name) {
  return begins_with(name, "labctl/") || begins_with(name, "probes/") || begins_with(name, "topology/");
}

TEST(Layering, EveryRoomStandsInTheTable) {
  for (const SourceFile& file : product_sources()) {
    const auto [folder, room] = split(file.path);
    EXPECT_GE(place_in(kOrder.at(folder), room), 0)
        << file.path << ": a new room needs a noun, an owner sentence and a line in kOrder";
  }
}

TEST(Layering, NothingImportsUpwards) {
  for (const SourceFile& file : product_sources()) {
    const auto [folder, room] = split(file.path);
    for (const Include& include : includes_of(file)) {
      if (!is_project_include(include.name)) {
        continue;
      }
      const auto [to_folder, to_room] = split(include.name);
      const int from_place = place_in(kFolders, folder);
      const int to_place = place_in(kFolders, to_folder);
      EXPECT_LE(from_place, to_place) << file.path << ":" << include.line << ": " << include.name
                                      << ": labctl uses probes and topology, probes use topology, never back";
      if (folder == to_folder) {
        EXPECT_LE(place_in(kOrder.at(folder), room), place_in(kOrder.at(folder), to_room))
            << file.path << ":" << include.line << ": " << include.name << ": an import upwards";
      }
    }
  }
}

TEST(Layering, BannedImportsAreAbsent) {
  for (const SourceFile& file : product_sources()) {
    for (const Ban& ban : kBans) {
      if (!is_within(file.room(), ban.room)) {
        continue;
      }
      for (const Include& include : includes_of(file)) {
        EXPECT_FALSE(is_within(include.name, ban.target))
            << file.path << ":" << include.line << ": " << include.name << ": " << ban.reason;
      }
    }
  }
}

TEST(Layering, LibrariesStayInTheirRooms) {
  for (const SourceFile& file : product_sources()) {
    for (const Include& include : includes_of(file)) {
      for (const Library& library : kLibraries) {
        const bool is_used =
            std::any_of(library.headers.begin(), library.headers.end(),
                        [&](std::string_view header) { return begins_with(include.name, header); });
        const bool is_allowed =
            std::any_of(library.rooms.begin(), library.rooms.end(),
                        [&](std::string_view place) { return is_within(file.path, place); });
        EXPECT_TRUE(!is_used || is_allowed)
            << file.path << ":" << include.line << ": " << library.name << ": " << library.reason;
      }
    }
  }
}

TEST(Layering, ProjectIncludesAreQuotedFromTheRoot) {
  for (const SourceFile& file : product_sources()) {
    for (const Include& include : includes_of(file)) {
      const std::string& line = file.lines[static_cast<size_t>(include.line) - 1];
      const bool is_quoted = line.find('"') != std::string::npos;
      EXPECT_EQ(is_quoted, is_project_include(include.name))
          << file.path << ":" << include.line << ": " << line;
    }
  }
}

}  // namespace
}  // namespace labctl::house
