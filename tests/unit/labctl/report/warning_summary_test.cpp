// Warnings on a terminal: one line a topic, errors and mistakes as ever.

#include "labctl/report/text/error_text.hpp"

#include <gtest/gtest.h>

#include <sstream>

namespace labctl::report {
namespace {

Diagnostic warning_about(Topic topic, const char* subject, int times, int line = 1) {
  Diagnostic one{Severity::Warning, {"a.yaml", line, 5}, "spec.x", "said of it", "mend it"};
  one.topic = topic;
  one.subject = subject;
  one.times = times;
  for (int i = 1; i < times; ++i) {
    one.also.push_back({"a.yaml", line + i, 5});
  }
  return one;
}

std::string findings_text(const std::vector<Diagnostic>& diagnostics, bool is_verbose = false) {
  std::ostringstream out;
  print_findings(out, diagnostics, is_verbose);
  return out.str();
}

TEST(WarningSummary, HasOneLineATopicWithCounts) {
  EXPECT_EQ(findings_text({warning_about(Topic::NoEffect, "securityContext", 2),
                           warning_about(Topic::NoEffect, "resources", 9),
                           warning_about(Topic::NoEffect, "securityContext", 3),
                           warning_about(Topic::LeftOut, "Certificate", 1),
                           warning_about(Topic::LeftOut, "CustomResourceDefinition", 2)}),
            "warning: 14 fields have no effect here: resources (9), securityContext (5); -v lists them\n"
            "warning: 3 objects of 2 kinds left out: CustomResourceDefinition (2), Certificate (1); -v lists "
            "them\n");
}

TEST(WarningSummary, NamesWhatIsStoodInFor) {
  EXPECT_EQ(
      findings_text({warning_about(Topic::StoodIn, "StorageClass gp2", 2),
                     warning_about(Topic::StoodIn, "StorageClass local", 1)}),
      "warning: 3 fields name what this lab stands in for with its own: StorageClass gp2 (2), StorageClass "
      "local (1); -v lists them\n");
}

TEST(WarningSummary, SpeaksOfOneAsOfOne) {
  EXPECT_EQ(
      findings_text({warning_about(Topic::NotApplied, "links", 1),
                     warning_about(Topic::LeftOut, "Certificate", 1),
                     warning_about(Topic::Dropped, "status", 1), warning_about(Topic::KeptOnly, "Role", 1)}),
      "warning: 1 field is not applied yet: links (1); -v lists them\n"
      "warning: 1 field is the lab's own, and dropped: status (1); -v lists them\n"
      "warning: 1 object kept and shown, without effect: Role (1); -v lists them\n"
      "warning: 1 object left out: Certificate (1); -v lists them\n");
}

TEST(WarningSummary, ListsErrorsAndMistakesOfTheirOwn) {
  Diagnostic error = warning_about(Topic::LeftOut, "Certificate", 2);
  error.severity = Severity::Error;
  EXPECT_EQ(findings_text({error, warning_about(Topic::None, "", 1, 3)}),
            "a.yaml:1:5: error: spec.x: said of it (2 times, first here)\n  hint: mend it\n"
            "a.yaml:3:5: warning: spec.x: said of it\n  hint: mend it\n");
}

TEST(WarningSummary, ListsUnknownFieldsWhileTheyAreFew) {
  std::vector<Diagnostic> some;
  for (int i = 1; i <= 3; ++i) {
    some.push_back(warning_about(Topic::Unknown, "nodename", 1, i));
  }
  EXPECT_EQ(findings_text(some).find("a.yaml:1:5: warning: spec.x: said of it\n  hint: mend it\n"), 0u);
  some.push_back(warning_about(Topic::Unknown, "other", 1));
  EXPECT_EQ(findings_text(some), "warning: 4 fields are unknown: nodename (3), other (1); -v lists them\n");
}

TEST(WarningSummary, NamesTheFirstFewOfMany) {
  std::vector<Diagnostic> many;
  for (const char* name : {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j\x1b"}) {
    many.push_back(warning_about(Topic::NoEffect, name, 1));
  }
  EXPECT_EQ(
      findings_text(many),
      "warning: 10 fields have no effect here: a (1), b (1), c (1), d (1), e (1), f (1), g (1), h (1) and "
      "2 more; -v lists them\n");
}

TEST(WarningSummary, VerboseListsEveryPlace) {
  Diagnostic many = warning_about(Topic::NoEffect, "resources", 3);
  many.times = 5;  // there was no room for two
  EXPECT_EQ(findings_text({many}, true),
            "a.yaml:1:5: warning: spec.x: said of it\n  hint: mend it\n"
            "a.yaml:2:5: warning: resources: said of it\n"
            "a.yaml:3:5: warning: resources: said of it, and in 2 more places\n");
}

}  // namespace
}  // namespace labctl::report
