// Text from objects and files that would say something else in a zone file or in named.conf: every line that
// comes out is one that this room made.

#include "tests/support/addresses.hpp"
#include "topology/dns/named_conf.hpp"
#include "topology/dns/service_records.hpp"
#include "topology/dns/zones.hpp"

#include <gtest/gtest.h>

#include <random>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

namespace labctl::dns {
namespace {

const std::vector<std::string>& hostile_texts() {
  static const std::vector<std::string> texts = {
      "a\nevil.cluster.local. 5 IN A 6.6.6.6",
      "a\r\n$INCLUDE /etc/passwd",
      "$INCLUDE",
      "$GENERATE 1-9 evil$ A 6.6.6.6",
      "a b",
      "a;b",
      "a\"b",
      "\"",
      "(",
      "a\\",
      "*",
      "@",
      ".",
      "..",
      "a..b",
      "-evil",
      "evil-",
      "\"; }; include \"/etc/passwd",
      std::string("evil\0", 5),
      std::string("\0evil", 5),
      std::string(64, 'x'),
      std::string(5000, 'x'),
      "\xc3\xbc",
      "\xff",
      "a\tb",
      "/etc/passwd",
      "evil.other",
  };
  return texts;
}

// One record of the cluster's names.
bool is_made_here(const std::string& line) {
  static const std::regex pattern(
      "([a-z0-9_-]{1,63}[.])+ 5 IN "
      "(SOA [a-z0-9._-]+ [a-z0-9._-]+ 1 7200 1800 86400 5|NS [a-z0-9._-]+|A [0-9.]+|AAAA [0-9a-f:.]+"
      "|CNAME [a-z0-9._-]+[.]|PTR [a-z0-9._-]+[.]|SRV 0 [0-9]+ [0-9]+ [a-z0-9._-]+[.]|TXT \"[a-z0-9.]+\")");
  return std::regex_match(line, pattern);
}

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) {
    lines.push_back(line);
  }
  return lines;
}

void expect_made_here(const std::vector<Record>& records) {
  RecordBook book({"cluster.local.", "10.in-addr.arpa."});
  book.set("it", records);
  for (std::size_t zone = 0; zone < book.zones().size(); ++zone) {
    for (const std::string& line : lines_of(book.zone_file(zone, "ns.dns.cluster.local"))) {
      EXPECT_TRUE(is_made_here(line)) << line;
    }
  }
}

// All texts of a Service and its slice.
struct Texts {
  std::string ns = "shop", name = "web", port = "http", hostname = "web-0", external_name;
};

std::vector<Record> records_with(const Texts& texts) {
  std::vector<Record> all;
  for (const bool is_headless : {false, true}) {
    model::Service service;
    service.key = {texts.ns, texts.name};
    service.external_name = texts.external_name;
    service.is_headless = is_headless;
    service.cluster_ips = {ip("10.96.0.7")};
    service.ports = {{texts.port, model::Protocol::Tcp, 80}};
    model::EndpointSlice slice;
    slice.ports = {{texts.port, model::Protocol::Tcp, 8080}};
    slice.endpoints.resize(1);
    slice.endpoints[0].address = ip("10.244.1.7");
    slice.endpoints[0].hostname = texts.hostname;
    const std::vector<Record> records = service_records(service, {&slice}, "cluster.local");
    all.insert(all.end(), records.begin(), records.end());
  }
  return all;
}

constexpr std::string Texts::*kFields[] = {&Texts::ns, &Texts::name, &Texts::port, &Texts::hostname,
                                           &Texts::external_name};

TEST(HostileText, OfServicesNeverReachesAZoneFile) {
  EXPECT_EQ(records_with({}).size(), 7);
  for (const std::string& text : hostile_texts()) {
    for (const auto field : kFields) {
      Texts texts;
      texts.*field = text;
      const std::vector<Record> records = records_with(texts);
      expect_made_here(records);
      for (const Record& record : records) {
        // As a name elsewhere it is fine, below the cluster's domain it is nobody's.
        const bool may_be_named = field == &Texts::external_name;
        EXPECT_TRUE(may_be_named || to_text(record).find("evil") == std::string::npos) << to_text(record);
      }
    }
  }
}

TEST(HostileText, AServiceCannotStandInAnotherNamespace) {
  Texts texts;
  texts.name = "web.shop";
  EXPECT_TRUE(records_with(texts).empty());
  texts = {};
  texts.ns = "svc.shop";
  EXPECT_TRUE(records_with(texts).empty());
}

TEST(HostileText, OfNamespacesAndPodsNeverReachesAZoneFile) {
  for (const std::string& text : hostile_texts()) {
    EXPECT_TRUE(namespace_records(text, "cluster.local").empty()) << text;
    EXPECT_TRUE(pod_records(text, {ip("10.244.1.7")}, "cluster.local").empty()) << text;
  }
}

TEST(HostileText, OfTheLabFileNeverReachesAFile) {
  for (const std::string& text : hostile_texts()) {
    for (const std::string& line : lines_of(hosts_zone({{ip("192.0.2.1"), {text}}}))) {
      EXPECT_TRUE(is_made_here(line)) << line;
    }
    if (domain_name(text)) {
      continue;
    }
    ServerConfig config;
    config.directory = "/run/lab";
    config.zones = {"cluster.local."};
    const std::string plain = cluster_named_conf(config);
    config.stub_domains = {{text, {ip("192.0.2.1")}}};
    EXPECT_EQ(cluster_named_conf(config), plain) << text;
  }
}

TEST(HostileText, OfRandomBytesNeverReachesAZoneFile) {
  std::mt19937_64 random(5);  // NOLINT: the same every time
  constexpr std::string_view kBytes("ab09-_.AZ\n\"\\;$( \t@*\0\xff", 21);
  for (int i = 0; i < 3000; ++i) {
    Texts texts;
    for (const auto field : kFields) {
      if (random() % 2 == 0) {
        continue;
      }
      std::string text(random() % 6, '\0');
      for (char& c : text) {
        c = kBytes[random() % kBytes.size()];
      }
      texts.*field = text;
    }
    expect_made_here(records_with(texts));
  }
}

}  // namespace
}  // namespace labctl::dns
