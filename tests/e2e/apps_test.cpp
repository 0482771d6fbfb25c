// The applications of scenarios/apps are warned about as their expected/warnings.txt says: a topic and what it
// is about on each line. What labctl learns to act on goes from the lists; LABCTL_UPDATE_GOLDEN=1 rewrites them.

#include "tests/e2e/labctl_program.hpp"
#include "tests/support/golden.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdlib>
#include <set>
#include <sstream>

namespace labctl::e2e {
namespace {

namespace fs = std::filesystem;

const fs::path kApps = fs::path(LABCTL_SOURCE_DIR) / "scenarios/apps";

std::vector<fs::path> folders_of_apps() {
  std::vector<fs::path> folders;
  for (const auto& entry : fs::directory_iterator(kApps)) {
    if (entry.is_directory()) {
      folders.push_back(entry.path());
    }
  }
  std::sort(folders.begin(), folders.end());
  return folders;
}

// "no-effect resources", sorted; what has no topic is its whole message.
std::set<std::string> warnings_of(const fs::path& folder) {
  const Labctl lab;
  const support::ProgramResult result = lab.run({"lint", folder.string(), "-o", "json"});
  EXPECT_TRUE(ends_with(result, kPassed)) << folder;
  std::set<std::string> lines;
  const nlohmann::json report = nlohmann::json::parse(result.out);
  for (const nlohmann::json& one : report.at("diagnostics")) {
    const std::string topic = one.value("topic", "");
    lines.insert(topic.empty() ? one.at("message").get<std::string>()
                               : topic + " " + one.at("subject").get<std::string>());
  }
  return lines;
}

TEST(Apps, AreAtLeastForty) { EXPECT_GE(folders_of_apps().size(), 40u); }

TEST(Apps, AreWarnedAboutAsExpectedAndNoMore) {
  for (const fs::path& folder : folders_of_apps()) {
    const fs::path expected = folder / "expected/warnings.txt";
    const std::set<std::string> seen = warnings_of(folder);
    if (const char* update = std::getenv("LABCTL_UPDATE_GOLDEN"); update != nullptr && *update == '1') {
      fs::create_directories(expected.parent_path());
      std::string text;
      for (const std::string& line : seen) {
        text += line + "\n";
      }
      EXPECT_TRUE(support::matches_golden(text, fs::relative(expected, LABCTL_SOURCE_DIR)));
      continue;
    }
    std::istringstream wanted(support::read_file(expected));
    std::set<std::string> listed;
    for (std::string line; std::getline(wanted, line);) {
      listed.insert(line);
    }
    for (const std::string& line : seen) {
      EXPECT_TRUE(listed.contains(line)) << folder.filename() << ": not expected: " << line;
    }
  }
}

}  // namespace
}  // namespace labctl::e2e
