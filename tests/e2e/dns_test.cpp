// What a lab's DNS is told by the Cluster, and what becomes of a lab when that cannot be.

#include "tests/e2e/dns_client.hpp"

#include <unistd.h>

#include <nlohmann/json.hpp>

namespace labctl::e2e {
namespace {

using support::ProgramResult;

constexpr const char* kTool = "pod/default/tool";

class Dns : public ::testing::Test {
 protected:
  void SetUp() override { LABCTL_NEEDS_USER_NAMESPACES(); }

  void up(const std::string& spec, const std::string& objects = {}) {
    const std::string file = lab_.write(
        "lab.yaml", cluster("names", "nodes: 1, " + spec) + host_pod("tool", "sleep 3600") + objects);
    ASSERT_TRUE(ends_with(lab_.run({"up", file}), kPassed));
  }
  // "pod/kube-system/kube-dns-..."
  std::string dns_pod() const {
    const nlohmann::json list = client_of(lab_, "names").get("/api/v1/namespaces/kube-system/pods").json();
    return "pod/kube-system/" + list.at("items").at(0).at("metadata").at("name").get<std::string>();
  }

  Labctl lab_;
};

std::string service(const std::string& name, const std::string& address) {
  return "apiVersion: v1\nkind: Service\nmetadata: {name: " + name + "}\nspec: {clusterIP: " + address +
         ", ports: [{port: 80}]}\n---\n";
}

// ---- Settings ----------------------------------------------------------------------------------

TEST_F(Dns, OutsideRecordsStubDomainsAndHostsAreAnswered) {
  // www, an outside host, is no DNS server.
  up("dns: {stubDomains: [{suffix: corp.example, servers: [198.51.100.53]}, "
     "{suffix: silent.example, servers: [198.51.100.80]}], "
     "hosts: [{address: 198.51.100.9, names: [pinned.example.org, web.default.svc.cluster.local]}]}, "
     "outside: {dns: {records: [\"www.example.org. A 198.51.100.80\", \"pinned.example.org. A "
     "198.51.100.1\", "
     "\"db.corp.example. A 10.1.1.1\", \"db.silent.example. A 10.1.1.2\", "
     "\"mail.example.org. MX 10 www.example.org.\"]}}",
     service("web", "10.96.0.80"));
  api::Client client = client_of(lab_, "names");
  const auto addresses = [&](const std::string& name) { return ask_one(client, kTool, name).data; };
  EXPECT_EQ(addresses("www.example.org"), std::set<std::string>{"198.51.100.80"});
  EXPECT_EQ(ask_one(client, kTool, "mail.example.org", kDnsService, "MX").data,
            std::set<std::string>{"10 www.example.org."});
  EXPECT_EQ(ask_one(client, kTool, "nobody.example.org").rcode, "NXDOMAIN");
  // Each suffix at its own server, and nowhere else.
  EXPECT_EQ(addresses("db.corp.example"), std::set<std::string>{"10.1.1.1"});
  EXPECT_EQ(ask_one(client, kTool, "db.silent.example").rcode, "SERVFAIL");
  // Whatever others say of it.
  EXPECT_EQ(addresses("pinned.example.org"), std::set<std::string>{"198.51.100.9"});
  EXPECT_EQ(addresses("web.default.svc.cluster.local"), std::set<std::string>{"198.51.100.9"});
  // The outside world has its own view.
  EXPECT_EQ(ask_one(client, "outside/client", "pinned.example.org", "198.51.100.53").data,
            std::set<std::string>{"198.51.100.1"});
  EXPECT_EQ(ask_one(client, "outside/client", "db.silent.example", "198.51.100.53").data,
            std::set<std::string>{"10.1.1.2"});
}

TEST_F(Dns, LogsQueriesWhenAsked) {
  up("dns: {logQueries: true}", service("web", "10.96.0.80"));
  api::Client client = client_of(lab_, "names");
  EXPECT_EQ(ask_one(client, kTool, "web.default.svc.cluster.local").rcode, "NOERROR");
  const std::string pod = dns_pod();
  EXPECT_TRUE(eventually([&] {
    return lab_.run({"logs", pod}).out.find("query: web.default.svc.cluster.local IN A") != std::string::npos;
  })) << lab_.run({"logs", pod}).out;
}

TEST_F(Dns, WithoutTheSettingQueriesAreNotLogged) {
  up("dns: {replicas: 1}", service("web", "10.96.0.80"));
  api::Client client = client_of(lab_, "names");
  EXPECT_EQ(ask_one(client, kTool, "web.default.svc.cluster.local").rcode, "NOERROR");
  const ProgramResult logs = lab_.run({"logs", dns_pod()});
  EXPECT_TRUE(ends_with(logs, kPassed));
  EXPECT_EQ(count_of(logs.out, "query:"), 0) << logs.out;
}

// ---- What cannot be ----------------------------------------------------------------------------

TEST_F(Dns, AZoneThatNamedRefusesIsAnErrorOfTheFileAndNoLabIsLeft) {
  // The server's own name, which has an address.
  const std::string file = lab_.write(
      "lab.yaml",
      cluster("names", "nodes: 1, outside: {dns: {records: [\"ns.dns.outside. CNAME www.example.org.\"]}}"));
  EXPECT_TRUE(ends_with(lab_.run({"lint", file}), kPassed)) << "no record is wrong by itself";
  const ProgramResult result = lab_.run({"up", file});
  EXPECT_TRUE(ends_with(result, kUsage));
  EXPECT_TRUE(has(result.err, "outside.dns.records: named refuses the zone: "));
  EXPECT_TRUE(has(result.err, "ns.dns.outside: CNAME and other data"));
  EXPECT_TRUE(lab_.lab_folders().empty());
}

// A host without named, in a mount namespace of its own: where it stands is
// an empty file that nobody may run.
TEST_F(Dns, WithoutNamedUpSaysTheRemedyAndTheRemedyWorks) {
  const std::string named = support::find_program("named").string();
  if (named.empty()) {
    GTEST_SKIP() << "named is not installed: the other tests of this file see that";
  }
  const std::string cover = lab_.write("no-program", "");
  const std::vector<std::string> without_named{"unshare",
                                               ::geteuid() == 0 ? "-m" : "-rm",
                                               "sh",
                                               "-ec",
                                               "mount --bind '" + cover + "' '" + named + "'; exec \"$@\"",
                                               "sh"};
  const ProgramResult refused =
      lab_.run_by(without_named, {"up", lab_.write("with.yaml", cluster("names", "nodes: 1"))});
  EXPECT_TRUE(ends_with(refused, kHost));
  EXPECT_TRUE(has(refused.err, "named is not installed"));
  EXPECT_TRUE(has(refused.err, "apt-get install bind9"));
  EXPECT_TRUE(has(refused.err, "dns: {enabled: false}"));
  EXPECT_TRUE(lab_.lab_folders().empty());

  const ProgramResult up = lab_.run_by(
      without_named,
      {"up", lab_.write("without.yaml", cluster("names", "nodes: 1, dns: {enabled: false}") +
                                            host_pod("tool", "sleep 3600") + deployment("web", 1))});
  EXPECT_TRUE(ends_with(up, kPassed));
  EXPECT_TRUE(ends_with(lab_.run({"matrix"}), kPassed));
  EXPECT_TRUE(ends_with(lab_.run({"down", "names"}), kPassed));
}

}  // namespace
}  // namespace labctl::e2e
