// The corpus of the fuzzer of DNS replies: files mean what their names say.

#include "labctl/nameserver/update_message.hpp"
#include "probes/protocol/dns.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

namespace labctl::protocol {
namespace {

using nameserver::decode_dns_ack;

const std::filesystem::path kCorpus =
    std::filesystem::path(LABCTL_SOURCE_DIR) / "tests/fuzz/corpus/dns_reply";

std::vector<std::uint8_t> read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(DnsCorpus, FilesMeanWhatTheirNamesSay) {
  const std::map<std::string, probes::Outcome> wanted{{"address", probes::Outcome::Ok},
                                                      {"name_loop", probes::Outcome::DnsError},
                                                      {"nodata_cname", probes::Outcome::DnsNodata},
                                                      {"nxdomain", probes::Outcome::DnsNxdomain},
                                                      {"servfail", probes::Outcome::DnsError},
                                                      {"truncated", probes::Outcome::DnsError}};
  DnsQuestion question;
  question.name = "www.example.org";
  for (const auto& [name, outcome] : wanted) {
    EXPECT_EQ(decode_dns_reply(read(kCorpus / name), question, 0x4242).outcome, outcome) << name;
  }
  EXPECT_EQ(decode_dns_ack(read(kCorpus / "update_ack"), 0x4242).rcode, "NOERROR");
  const nameserver::DnsAck refused = decode_dns_ack(read(kCorpus / "update_refused"), 0x4242);
  EXPECT_TRUE(refused.is_reply);
  EXPECT_EQ(refused.rcode, "REFUSED");
}

}  // namespace
}  // namespace labctl::protocol
