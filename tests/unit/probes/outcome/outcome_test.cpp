#include "probes/outcome/outcome.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <set>
#include <string>

namespace labctl::probes {
namespace {

using outcome::outcome_of_errno;
using outcome::outcome_of_icmp;
using outcome::parse_outcome;

TEST(outcome::Outcome, NamesAreThoseOfTheDesign) {
  EXPECT_EQ(
      outcome::outcome_names(),
      "ok, refused, reset, unreachable, prohibited, timeout, dns_nxdomain, dns_nodata, dns_error, tls_error, "
      "http_status, wrong_answer, denied, inconclusive");
}

TEST(outcome::Outcome, EveryNameParsesBack) {
  for (const outcome::Outcome outcome : outcome::kOutcomes) {
    EXPECT_EQ(parse_outcome(to_string(outcome)), outcome);
  }
}

TEST(outcome::Outcome, OtherNamesDoNotParse) {
  for (const char* name : {"", "OK", "ok ", "timeouts", "dns"}) {
    EXPECT_FALSE(parse_outcome(name)) << name;
  }
}

TEST(outcome::Outcome, GlyphsDiffer) {
  std::set<char> glyphs;
  for (const outcome::Outcome outcome : outcome::kOutcomes) {
    glyphs.insert(outcome::glyph(outcome));
  }
  EXPECT_EQ(glyphs.size(), outcome::kOutcomeCount);
}

TEST(outcome::Outcome, EveryOneButOkHasAMeaningAndACause) {
  for (const outcome::Outcome outcome : outcome::kOutcomes) {
    EXPECT_TRUE(outcome::meaning(outcome).ends_with('.')) << to_string(outcome);
    EXPECT_EQ(outcome::likely_cause(outcome).empty(), outcome == outcome::Outcome::Ok) << to_string(outcome);
  }
}

TEST(OutcomeOfErrno, TellsTheNetworksAnswersApart) {
  EXPECT_EQ(outcome_of_errno(0), outcome::Outcome::Ok);
  EXPECT_EQ(outcome_of_errno(ECONNREFUSED), outcome::Outcome::Refused);
  EXPECT_EQ(outcome_of_errno(ECONNRESET), outcome::Outcome::Reset);
  EXPECT_EQ(outcome_of_errno(EHOSTUNREACH), outcome::Outcome::Unreachable);
  EXPECT_EQ(outcome_of_errno(ENETUNREACH), outcome::Outcome::Unreachable);
  EXPECT_EQ(outcome_of_errno(EACCES), outcome::Outcome::Prohibited);
  EXPECT_EQ(outcome_of_errno(EPERM), outcome::Outcome::Prohibited);
  EXPECT_EQ(outcome_of_errno(ETIMEDOUT), outcome::Outcome::Timeout);
}

TEST(OutcomeOfErrno, LocalTroubleSaysNothing) {
  for (const int error : {EADDRNOTAVAIL, EADDRINUSE, EMFILE, ENFILE, ENOBUFS, ENOMEM, EINVAL, EAFNOSUPPORT}) {
    EXPECT_EQ(outcome_of_errno(error), outcome::Outcome::Inconclusive) << error;
  }
}

TEST(OutcomeOfIcmp, ReadsTheCodesOfBothFamilies) {
  EXPECT_EQ(outcome_of_icmp(Family::IPv4, 3, 3), outcome::Outcome::Refused);
  EXPECT_EQ(outcome_of_icmp(Family::IPv4, 3, 1), outcome::Outcome::Unreachable);
  EXPECT_EQ(outcome_of_icmp(Family::IPv4, 3, 13), outcome::Outcome::Prohibited);
  EXPECT_EQ(outcome_of_icmp(Family::IPv4, 11, 0), outcome::Outcome::Unreachable);
  EXPECT_EQ(outcome_of_icmp(Family::IPv6, 1, 4), outcome::Outcome::Refused);
  EXPECT_EQ(outcome_of_icmp(Family::IPv6, 1, 0), outcome::Outcome::Unreachable);
  EXPECT_EQ(outcome_of_icmp(Family::IPv6, 1, 1), outcome::Outcome::Prohibited);
  EXPECT_EQ(outcome_of_icmp(Family::IPv6, 1, 6), outcome::Outcome::Prohibited);
}

TEST(OutcomeOfIcmp, RemarksAboutSizesAreNoOutcome) {
  EXPECT_EQ(outcome_of_icmp(Family::IPv4, 3, 4), outcome::Outcome::Inconclusive);
  EXPECT_EQ(outcome_of_icmp(Family::IPv6, 2, 0), outcome::Outcome::Inconclusive);
}

}  // namespace
}  // namespace labctl::probes
