// What README promises is what the program does: the exit codes are compared with the code's own table.

#include "tests/house/source_tree.hpp"
#include "tests/support/temp_dir.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <regex>
#include <set>
#include <sstream>
#include <string>

namespace labctl::house {
namespace {

// The numbers in the table below "## Exit codes": "| 130 | ... |", or several, "| 124, 130, 143 | ... |".
std::set<int> codes_in_readme() {
  std::istringstream lines(support::read_file(repository() / "README.md"));
  static const std::regex row(R"(^\|\s*([0-9, ]+?)\s*\|)");
  std::set<int> codes;
  bool is_inside = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("## ")) {
      is_inside = line == "## Exit codes";
    }
    if (std::smatch match; is_inside && std::regex_search(line, match, row)) {
      std::istringstream numbers(match[1].str());
      for (std::string number; std::getline(numbers, number, ',');) {
        codes.insert(std::stoi(number));
      }
    }
  }
  return codes;
}

// `kName = 5` or `Name = 5` within the header of the commands that defines exit codes.
std::set<int> codes_in_program() {
  static const std::regex definition(R"(\bk?[A-Z]\w*\s*=\s*([0-9]+)\s*[,;])");
  std::set<int> codes;
  for (const SourceFile& file : product_sources()) {
    if (!file.path.ends_with("/exit_code.hpp") && !file.path.ends_with("/exit_codes.hpp")) {
      continue;
    }
    for (const std::string& line : file.code) {
      if (std::smatch match; std::regex_search(line, match, definition)) {
        codes.insert(std::stoi(match[1].str()));
      }
    }
  }
  return codes;
}

TEST(Readme, ExitCodesAreThoseOfTheProgram) {
  const std::set<int> documented = codes_in_readme();
  EXPECT_FALSE(documented.empty());
  EXPECT_EQ(documented, codes_in_program());
}

TEST(Documents, NameNoPlaceOfTheirOwnMachine) {
  static const std::regex pattern(R"((/home/|/work/|/root/)\w*)");
  for (const auto& entry : std::filesystem::recursive_directory_iterator(repository())) {
    const std::string path = std::filesystem::relative(entry.path(), repository()).string();
    const bool is_document = path.ends_with(".md") || path.starts_with("ci/");
    if (!entry.is_regular_file() || !is_document || path.starts_with("build/") || path.starts_with(".git/")) {
      continue;
    }
    const std::string text = support::read_file(entry.path());
    std::smatch match;
    EXPECT_FALSE(std::regex_search(text, match, pattern)) << path << ": " << match.str();
  }
}

TEST(Documents, LinkToFilesThatExist) {
  static const std::regex link(R"(\]\(([^)#:]+)(#[^)]*)?\))");
  for (const auto& entry : std::filesystem::recursive_directory_iterator(repository())) {
    const std::string path = std::filesystem::relative(entry.path(), repository()).string();
    if (!entry.is_regular_file() || !path.ends_with(".md") || path.starts_with("build/")) {
      continue;
    }
    const std::string text = support::read_file(entry.path());
    for (std::sregex_iterator at(text.begin(), text.end(), link), end; at != end; ++at) {
      const std::string target = (*at)[1].str();
      EXPECT_TRUE(std::filesystem::exists(entry.path().parent_path() / target)) << path << ": " << target;
    }
  }
}

}  // namespace
}  // namespace labctl::house
