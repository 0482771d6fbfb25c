#include "topology/base/diagnostic.hpp"

#include <gtest/gtest.h>

namespace labctl {
namespace {

TEST(Diagnostic, ReadsAsCompilersWriteThem) {
  const Diagnostic diagnostic{
      Severity::Error, {"lab.yaml", 12, 5}, "spec.nodes", "must be at least 1, got 0", "as in nodes: 3"};
  EXPECT_EQ(to_string(diagnostic),
            "lab.yaml:12:5: error: spec.nodes: must be at least 1, got 0\n  hint: as in nodes: 3");
}

TEST(Diagnostic, LeavesOutWhatIsEmptyOrUnknown) {
  EXPECT_EQ(to_string(Diagnostic{Severity::Warning, {"lab.yaml", 0, 0}, "", "odd", ""}),
            "lab.yaml: warning: odd");
}

TEST(Diagnostic, ShowsControlCharactersEscaped) {
  const Diagnostic diagnostic{Severity::Error, {"a\x1b[2Jb", 1, 1}, "", "bell \a", ""};
  EXPECT_EQ(to_string(diagnostic), "a\\x1b[2Jb:1:1: error: bell \\x07");
}

TEST(HasErrors, IsFalseForWarningsOnly) {
  const Diagnostic warning{Severity::Warning, {}, "", "w", ""};
  const Diagnostic error{Severity::Error, {}, "", "e", ""};
  EXPECT_FALSE(has_errors({}));
  EXPECT_FALSE(has_errors({warning}));
  EXPECT_TRUE(has_errors({warning, error}));
}

}  // namespace
}  // namespace labctl
