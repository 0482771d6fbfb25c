// What product code never does: wait by sleeping, run a shell, enter namespaces in passing.

#include "tests/house/source_tree.hpp"

#include <gtest/gtest.h>

#include <regex>
#include <set>
#include <string>

namespace labctl::house {
namespace {

struct Rule {
  std::regex pattern;
  std::string reason;
  std::set<std::string> rooms;  // where it is allowed
};

const std::vector<Rule>& rules() {
  static const std::vector<Rule> kRules = {
      {std::regex(R"(\b(sleep_for|sleep_until|usleep|nanosleep|clock_nanosleep)\b|(^|[^\w.])sleep\s*\()"),
       "we wait for a condition with a deadline, never for a time",
       {}},
      {std::regex(R"((^|[^\w.>])(::|std::)?(system|popen)\s*\()"),
       "no shell changes the network, and none is needed",
       {}},
      {std::regex(R"(\bsetns\s*\()"),
       "a thread in the wrong namespace changes the wrong network: kernel has the door",
       {"topology/kernel"}},
      {std::regex(R"(\b(kill|killpg)\s*\(\s*-1\s*[,)])"),
       "that ends every process of the user",
       {"topology/kernel"}},
      {std::regex(R"(""\s*\+\s*[\w.>-]*\b(last_words|last_lines|first_lines|explanation_of)\()"),
       "these may have nothing to say: a message would end where its reason should stand",
       {}},
      {std::regex(R"(\busing\s+namespace\s+std\s*;)"), "std:: is short enough", {}},
      {std::regex(R"(\bstd::endl\b)"), "a newline is enough; who needs a flush says flush", {}},
      {std::regex(R"(\b(rand|srand)\s*\()"),
       "plans are deterministic; where chance is wanted it has a seed",
       {}},
  };
  return kRules;
}

TEST(ProductCode, DoesNotDoWhatTheRulesForbid) {
  for (const SourceFile& file : product_sources()) {
    const std::vector<std::string> code = code_of(file);
    for (const Rule& rule : rules()) {
      if (rule.rooms.contains(file.room())) {
        continue;
      }
      for (size_t i = 0; i < code.size(); ++i) {
        EXPECT_FALSE(std::regex_search(code[i], rule.pattern))
            << file.path << ":" << i + 1 << ": " << file.lines[i] << "\n  " << rule.reason;
      }
    }
  }
}

// Tests wait for conditions too.
TEST(Tests, DoNotSleep) {
  for (const SourceFile& file : sources({"tests"})) {
    const std::vector<std::string> code = code_of(file);
    for (size_t i = 0; i < code.size(); ++i) {
      EXPECT_FALSE(std::regex_search(code[i], rules().front().pattern) &&
                   file.path != "tests/house/product_code_test.cpp")
          << file.path << ":" << i + 1 << ": " << rules().front().reason;
    }
  }
}

}  // namespace
}  // namespace labctl::house
