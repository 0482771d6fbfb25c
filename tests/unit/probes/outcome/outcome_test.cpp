#include "probes/outcome/outcome.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <set>
#include <string>

namespace labctl::probes {
namespace {

TEST(Outcome, NamesAreThoseOfTheDesign) {
  EXPECT_EQ(
      outcome_names(),
      "ok, refused, reset, unreachable, prohibited, timeout, dns_nxdomain, dns_nodata, dns_error, tls_error, "
      "http_status, wrong_answer, denied, inconclusive");
}

TEST(Outcome, EveryNameParsesBack) {
  for (const Outcome outcome : kOutcomes) {
    EXPECT_EQ(parse_outcome(to_string(outcome)), outcome);
  }
}

TEST(Outcome, OtherNamesDoNotParse) {
  for (const char* name : {"", "OK", "ok ", "timeouts", "dns"}) {
    EXPECT_FALSE(parse_outcome(name)) << name;
  }
}

TEST(Outcome, GlyphsDiffer) {
  std::set<char> glyphs;
  for (const Outcome outcome : kOutcomes) {
    glyphs.insert(glyph(outcome));
  }
  EXPECT_EQ(glyphs.size(), kOutcomeCount);
}

TEST(OutcomeOfErrno, TellsTheNetworksAnswersApart) {
  EXPECT_EQ(outcome_of_errno(0), Outcome::Ok);
  EXPECT_EQ(outcome_of_errno(ECONNREFUSED), Outcome::Refused);
  EXPECT_EQ(outcome_of_errno(ECONNRESET), Outcome::Reset);
  EXPECT_EQ(outcome_of_errno(EHOSTUNREACH), Outcome::Unreachable);
  EXPECT_EQ(outcome_of_errno(ENETUNREACH), Outcome::Unreachable);
  EXPECT_EQ(outcome_of_errno(EACCES), Outcome::Prohibited);
  EXPECT_EQ(outcome_of_errno(EPERM), Outcome::Prohibited);
  EXPECT_EQ(outcome_of_errno(ETIMEDOUT), Outcome::Timeout);
}

TEST(OutcomeOfErrno, LocalTroubleSaysNothing) {
  for (const int error : {EADDRNOTAVAIL, EADDRINUSE, EMFILE, ENFILE, ENOBUFS, ENOMEM, EINVAL, EAFNOSUPPORT}) {
    EXPECT_EQ(outcome_of_errno(error), Outcome::Inconclusive) << error;
  }
}

TEST(OutcomeOfIcmp, ReadsTheCodesOfBothFamilies) {
  EXPECT_EQ(outcome_of_icmp(Family::IPv4, 3, 3), Outcome::Refused);
  EXPECT_EQ(outcome_of_icmp(Family::IPv4, 3, 1), Outcome::Unreachable);
  EXPECT_EQ(outcome_of_icmp(Family::IPv4, 3, 13), Outcome::Prohibited);
  EXPECT_EQ(outcome_of_icmp(Family::IPv4, 11, 0), Outcome::Unreachable);
  EXPECT_EQ(outcome_of_icmp(Family::IPv6, 1, 4), Outcome::Refused);
  EXPECT_EQ(outcome_of_icmp(Family::IPv6, 1, 0), Outcome::Unreachable);
  EXPECT_EQ(outcome_of_icmp(Family::IPv6, 1, 1), Outcome::Prohibited);
  EXPECT_EQ(outcome_of_icmp(Family::IPv6, 1, 6), Outcome::Prohibited);
}

TEST(OutcomeOfIcmp, RemarksAboutSizesAreNoOutcome) {
  EXPECT_EQ(outcome_of_icmp(Family::IPv4, 3, 4), Outcome::Inconclusive);
  EXPECT_EQ(outcome_of_icmp(Family::IPv6, 2, 0), Outcome::Inconclusive);
}

}  // namespace
}  // namespace labctl::probes
