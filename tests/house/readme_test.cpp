// What README promises is what the program does: the exit codes are compared with the code's own table, which
// is the only one.

#include "tests/house/source_tree.hpp"
#include "tests/support/temp_dir.hpp"

#include <gtest/gtest.h>

#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

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

constexpr const char* kTable = "labctl/report/exit_code.hpp";

// The enumerators of the program's table, `kName = 5,`.
std::map<std::string, int> codes_in_program() {
  static const std::regex enumerator(R"(^\s*(k[A-Z]\w*) = ([0-9]+),)");
  std::map<std::string, int> codes;
  for (const SourceFile& file : product_sources()) {
    for (const std::string& line : file.path == kTable ? file.code : std::vector<std::string>{}) {
      if (std::smatch match; std::regex_search(line, match, enumerator)) {
        codes[match[1].str()] = std::stoi(match[2].str());
      }
    }
  }
  return codes;
}

TEST(Readme, ExitCodesAreThoseOfTheProgram) {
  std::set<int> in_program;
  for (const auto& [name, code] : codes_in_program()) {
    EXPECT_TRUE(in_program.insert(code).second) << name << ": " << code << " has two meanings";
  }
  EXPECT_FALSE(in_program.empty());
  EXPECT_EQ(codes_in_readme(), in_program);
}

// A copy would go on compiling, and passing, when the table changes.
TEST(ExitCodes, StandInOneTable) {
  const std::map<std::string, int> codes = codes_in_program();
  static const std::regex definition(R"(\b(k[A-Z]\w*)\s*=\s*[0-9]+\s*[,;}])");
  for (const SourceFile& file : sources({"labctl", "probes", "topology", "tests"})) {
    for (const std::string& line : file.path == kTable ? std::vector<std::string>{} : file.code) {
      for (std::sregex_iterator at(line.begin(), line.end(), definition), end; at != end; ++at) {
        EXPECT_FALSE(codes.contains((*at)[1].str()))
            << file.path << ": " << line << ": " << kTable << " has it";
      }
    }
  }
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
