#include "topology/manifest/yaml/text_format.hpp"

#include "topology/manifest/kinds/dns_record.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace labctl::manifest {
namespace {

struct Format {
  const char* name;
  TextCheck check;
  std::vector<std::string> good;
  std::vector<std::string> bad;
};

const std::vector<Format>& formats() {
  static const std::vector<Format> all{
      {"DNS label",
       check_dns_label,
       {"a", "web-0", "0", std::string(63, 'a')},
       {"", "-a", "a-", "A", "a.b", "a_b", std::string(64, 'a'), "\xc3\xa9"}},
      {"DNS subdomain",
       check_dns_subdomain,
       {"a", "a.b", "a-1.b", std::string(253, 'a')},
       {"", ".", "a.", ".a", "a..b", "a.-b", "A.b", std::string(254, 'a')}},
      {"label key",
       check_label_key,
       {"app", "App_1.x", "example.com/app", "a/b"},
       {"", "-a", "/a", "a/", "A.b/c", "a/b/c", "a b", std::string(64, 'a')}},
      {"label value",
       check_label_value,
       {"", "a", "A_b.c-1", std::string(63, 'x')},
       {"-", "a b", "a/b", std::string(64, 'x'), "a-"}},
      {"IP", check_ip, {"192.0.2.1", "2001:db8::1"}, {"", "192.0.2.1/24", "300.0.0.1", "host"}},
      {"CIDR",
       check_cidr,
       {"10.0.0.0/8", "2001:db8::/32", "192.0.2.1/32"},
       {"", "10.0.0.1/8", "10.0.0.0", "10.0.0.0/33", "2001:db8::/129", "x/8", "10.0.0.0/"}},
      {"duration", check_duration, {"5s", "0", "1m30s"}, {"", "5", "five", "-1s", "1000h"}},
      {"rate",
       check_rate,
       {"100mbit", "1bit", "1.5gbit", "10Mbit"},
       {"", "100", "mbit", "0mbit", "-1mbit", "100mbps", "1e99gbit", "9999999tbit"}},
      {"percent", check_percent, {"0%", "0.1%", "100%"}, {"", "%", "101%", "5", "-1%", "5%%", "nan%"}},
      {"int or percent", check_int_or_percent, {"0%", "25%", "100%"}, {"", "25", "125%", "2.5%", "%"}},
      {"port name",
       check_port_name,
       {"http", "a-1", "metrics-2"},
       {"", "HTTP", "-a", "a-", "a--b", "123", "a_b", std::string(16, 'a')}},
      {"port range",
       check_port_range,
       {"30000-32767", "1-65535", "80-80"},
       {"", "80", "80-", "-80", "90-80", "0-10", "1-65536", "a-b", "1-2-3"}},
      {"env name",
       check_env_name,
       {"A", "a_b", "A.B-C", "_x", "1ST", "Logging:Level:Default", "my.prop-x", "A B", "!~"},
       {"", "A=B", "=", "a\tb", "\xc3\xa4", "a\x7f"}},
      {"field path",
       check_field_path,
       {"metadata.name", "status.podIPs", "metadata.labels['app']", "metadata.annotations['a.b/c']"},
       {"", "status.podIp", "metadata.labels", "metadata.labels['']", "metadata.labels['a b']",
        "spec.containers"}},
      {"store",
       check_store,
       {"sqlite", "etcd://127.0.0.1:2379", "etcd://[::1]:2379"},
       {"", "etcd", "etcd://", "etcd://host", "etcd://:1", "etcd://h:0", "mysql"}},
      {"image", check_image, {"nginx", "a/b:1@sha256:x", "host"}, {"", "a b", "a\n", "\t"}},
      {"DNS record",
       check_dns_record,
       {"www.example.org. A 198.51.100.80", "www A 192.0.2.1", "a. 300 IN AAAA 2001:db8::1", "a. IN CNAME b.",
        "a. TXT \"x y\""},
       {"", "a.", "a. A", "a. A 2001:db8::1", "a. AAAA 192.0.2.1", "a. HINFO x", "a. 300 A"}},
      {"pod name", check_pod_name, {"default/web-0"}, {"", "web", "a/b/c", "A/b", "/b", "a/"}},
  };
  return all;
}

TEST(TextFormats, TakeWhatIsGood) {
  for (const Format& format : formats()) {
    for (const std::string& text : format.good) {
      EXPECT_FALSE(format.check(text)) << format.name << ": " << text << ": " << format.check(text)->message;
    }
  }
}

TEST(TextFormats, SayWhatIsBad) {
  for (const Format& format : formats()) {
    for (const std::string& text : format.bad) {
      const auto complaint = format.check(text);
      ASSERT_TRUE(complaint) << format.name << ": " << text;
      EXPECT_FALSE(complaint->message.empty()) << format.name;
      EXPECT_NE(complaint->message.back(), '.') << format.name;
    }
  }
}

TEST(TextFormats, SuggestWhatWasMeant) {
  EXPECT_EQ(check_dns_label("My_Web.")->hint, "for instance \"my-web\"");
  EXPECT_EQ(check_cidr("10.244.3.1/16")->hint, "the range is 10.244.0.0/16");
  EXPECT_EQ(check_cidr("10.0.0.0/33")->hint, "for instance 10.0.0.0/24");
  EXPECT_EQ(check_duration("5")->hint, "add the unit: 5s");
  EXPECT_EQ(check_percent("5")->hint, "add the sign: 5%");
  EXPECT_EQ(check_port_range("90-80")->hint, "the first port is behind the last: 80-90");
  EXPECT_EQ(check_pod_name("web")->hint, "in the default namespace: default/web");
}

TEST(ParseRate, CountsInBitsASecond) {
  EXPECT_EQ(parse_rate("100mbit"), 100'000'000u);
  EXPECT_EQ(parse_rate("1.5kbit"), 1500u);
  EXPECT_EQ(parse_rate("2Gbit"), 2'000'000'000u);
}

TEST(ParsePercent, IsTheNumberBeforeTheSign) {
  EXPECT_DOUBLE_EQ(parse_percent("0.1%").value(), 0.1);
  EXPECT_FALSE(parse_percent("100.1%"));
}

}  // namespace
}  // namespace labctl::manifest
