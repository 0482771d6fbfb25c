// Names that say nothing, and names in the wrong case.

#include "tests/house/source_tree.hpp"
#include "topology/base/pattern.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace labctl::house {
namespace {

namespace fs = std::filesystem;

TEST(Names, NoTypeIsAManagerOrAHelper) {
  static const Pattern pattern(R"(\b(class|struct|enum class)\s+\w*(Manager|Helper|Util|Utils|Data|Info)\b)");
  for (const SourceFile& file : product_sources()) {
    const std::vector<std::string>& code = file.code;
    for (size_t i = 0; i < code.size(); ++i) {
      EXPECT_FALSE(pattern.is_found_in(code[i])) << file.path << ":" << i + 1 << ": " << code[i];
    }
  }
}

TEST(Names, NoFunctionIsCalledProcessOrHandle) {
  static const Pattern pattern(R"(^\s*[\w:<>,&*\s]+\s(process|handle)\([^)]*\)\s*(const|noexcept|\{|;))");
  static const Pattern call(R"(\b(return|co_return|else)\b)");
  for (const SourceFile& file : product_sources()) {
    const std::vector<std::string>& code = file.code;
    for (size_t i = 0; i < code.size(); ++i) {
      EXPECT_FALSE(pattern.is_found_in(code[i]) && !call.is_found_in(code[i]))
          << file.path << ":" << i + 1 << ": " << code[i];
    }
  }
}

TEST(Names, NoNamespaceIsCalledLinux) {
  static const Pattern pattern(R"(\bnamespace\s+(\w+::)*(linux|utils?|common|helpers?|misc)\b)");
  for (const SourceFile& file : product_sources()) {
    for (const std::string& line : file.code) {
      EXPECT_FALSE(pattern.is_found_in(line)) << file.path << ": " << line;
    }
  }
}

TEST(Names, FilesAndFoldersAreSnakeCaseAndSaySomething) {
  static const Pattern snake(R"(^[a-z][a-z0-9]*(_[a-z0-9]+)*$)");
  static const std::set<std::string> kSayNothing = {"utils",  "util", "common", "helpers",
                                                    "helper", "misc", "types"};
  for (const SourceFile& file : sources({"labctl", "probes", "topology", "tests"})) {
    for (const fs::path& part : fs::path(file.path)) {
      const std::string name = part.stem().string();
      EXPECT_TRUE(snake.is_found_in(name)) << file.path;
      EXPECT_FALSE(kSayNothing.contains(name)) << file.path;
    }
  }
}

// "Room = namespace": a header of labctl/store is in labctl::store; base is plain labctl.
TEST(Names, NamespaceIsTheFolder) {
  static const std::set<std::string> kPlain = {"topology/base"};
  for (const SourceFile& file : product_sources()) {
    if (!file.is_header()) {
      continue;
    }
    // Also of "labctl/report/tests/test_suites.hpp" it is "labctl::report": a shelf is no namespace of its own.
    const std::string room = std::next(fs::path(file.path).begin())->string();
    const std::string wanted =
        kPlain.contains(file.room()) ? "namespace labctl {" : "namespace labctl::" + room + " {";
    // Outcomes are the words of all probing, so they stand in its namespace.
    const std::string also = file.room() == "probes/outcome" ? "namespace labctl::probes {" : wanted;
    bool is_found = false;
    for (const std::string& line : file.lines) {
      is_found = is_found || line == wanted || line == also;
    }
    EXPECT_TRUE(is_found) << file.path << ": wanted " << wanted;
  }
}

}  // namespace
}  // namespace labctl::house
