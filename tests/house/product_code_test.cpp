// What product code never does: wait by sleeping, run a shell, enter namespaces in passing.

#include "tests/house/source_tree.hpp"
#include "topology/base/pattern.hpp"

#include <gtest/gtest.h>

#include <set>
#include <span>
#include <string>

namespace labctl::house {
namespace {

struct Rule {
  Pattern pattern;
  std::string reason;
  std::set<std::string> rooms;  // where it is allowed
};

std::span<const Rule> rules() {
  static const Rule kRules[] = {
      {Pattern(R"(\b(sleep_for|sleep_until|usleep|nanosleep|clock_nanosleep)\b|(^|[^\w.])sleep\s*\()"),
       "we wait for a condition with a deadline, never for a time",
       {}},
      {Pattern(R"((^|[^\w.>])(::|std::)?(system|popen)\s*\()"),
       "no shell changes the network, and none is needed",
       {}},
      {Pattern(R"(\bsetns\s*\()"),
       "a thread in the wrong namespace changes the wrong network: kernel has the door",
       {"topology/kernel"}},
      {Pattern(R"(\b(kill|killpg)\s*\(\s*-1\s*[,)])"),
       "that ends every process of the user",
       {"topology/kernel"}},
      {Pattern(R"(""\s*\+\s*[\w.>-]*\b(last_words|last_lines|first_lines|explanation_of)\()"),
       "these may have nothing to say: a message would end where its reason should stand",
       {}},
      {Pattern(R"(\busing\s+namespace\s+std\s*;)"), "std:: is short enough", {}},
      {Pattern(R"(\bstd::endl\b)"), "a newline is enough; who needs a flush says flush", {}},
      {Pattern(R"(\b(rand|srand)\s*\()"),
       "plans are deterministic; where chance is wanted it has a seed",
       {}},
  };
  return kRules;
}

TEST(ProductCode, DoesNotDoWhatTheRulesForbid) {
  for (const SourceFile& file : product_sources()) {
    const std::vector<std::string>& code = file.code;
    for (const Rule& rule : rules()) {
      if (rule.rooms.contains(file.room())) {
        continue;
      }
      for (size_t i = 0; i < code.size(); ++i) {
        EXPECT_FALSE(rule.pattern.is_found_in(code[i]))
            << file.path << ":" << i + 1 << ": " << file.lines[i] << "\n  " << rule.reason;
      }
    }
  }
}

// What others wrote reaches a terminal or a CI system's log escaped. report does that by itself.
TEST(Commands, PrintTextByOneFunction) {
  // Scripts of our own are written as they are (completion).
  const Pattern printing(R"(\b(out|cout|cerr)\b(\(\))?\s*<<\s*($|[^k\s]|k[^A-Z]))");
  const std::set<std::string> exempt{"labctl/commands/session.cpp",  // the function
                                     "labctl/commands/verb.cpp"};    // help
  for (const SourceFile& file : product_sources()) {
    const std::vector<std::string>& code = file.code;
    for (size_t i = 0; i < code.size() && file.room() == "labctl/commands" && !exempt.contains(file.path);
         ++i) {
      EXPECT_FALSE(printing.is_found_in(code[i]))
          << file.path << ":" << i + 1 << ": " << file.lines[i] << "\n  Session::line() prints text";
    }
  }
}

// Tests wait for conditions too.
TEST(Tests, DoNotSleep) {
  for (const SourceFile& file : sources({"tests"})) {
    const std::vector<std::string>& code = file.code;
    for (size_t i = 0; i < code.size(); ++i) {
      EXPECT_FALSE(rules().front().pattern.is_found_in(code[i]) &&
                   file.path != "tests/house/product_code_test.cpp")
          << file.path << ":" << i + 1 << ": " << rules().front().reason;
    }
  }
}

}  // namespace
}  // namespace labctl::house
