#include "labctl/report/text/error_text.hpp"

#include <gtest/gtest.h>

#include <sstream>

namespace labctl::report {
namespace {

TEST(ErrorText, HasItsHintOnALineOfItsOwn) {
  std::ostringstream out;
  print_error(out, Error(ErrorKind::NotFound, "lab \"x\" is not up", "`labctl ls`"));
  EXPECT_EQ(out.str(), "error: lab \"x\" is not up\n  hint: `labctl ls`\n");
}

TEST(ErrorText, ShowsControlCharactersEscaped) {
  std::ostringstream out;
  print_error(out, "bad \x1b[2J", "");
  EXPECT_EQ(out.str(), "error: bad \\x1b[2J\n");
}

TEST(ErrorText, DiagnosticsReadAsACompilersDo) {
  std::ostringstream out;
  print_diagnostics(out, {{Severity::Warning, {"a.yaml", 3, 5}, "spec.x", "not acted on", "leave it out"}});
  EXPECT_EQ(out.str(), "a.yaml:3:5: warning: spec.x: not acted on\n  hint: leave it out\n");
}

}  // namespace
}  // namespace labctl::report
