// The layout `kube-proxy-nftables`: whatever the changes, nft refuses none, each touches its own Service
// only, and the table ends up as one that was made at once.

#include "topology/ruleset/services/kube_proxy.hpp"
#include "tests/support/addresses.hpp"
#include "tests/unit/topology/ruleset/kernel_table.hpp"
#include "tests/unit/topology/ruleset/nft_script.hpp"
#include "tests/unit/topology/ruleset/random_services.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

namespace labctl::ruleset {
namespace {

using service::Entry;
using service::Traffic;
using service::Verdict;
using service::Vip;
using testing::ElementsAre;
using testing::HasSubstr;

KubeProxyNode a_node() {
  return {{prefix("10.244.0.0/16"), prefix("fd00:10:244::/56")},
          {prefix("10.244.1.0/24"), prefix("fd00:10:244:1::/64")},
          {ip("192.0.2.11"), ip("2001:db8::11")}};
}

NftScript empty_script() {
  std::vector<std::string> sets = kube_proxy_sets(Family::IPv4);
  for (const std::string& set : kube_proxy_sets(Family::IPv6)) {
    sets.push_back(set);
  }
  return {sets, {"mark-for-masquerade", "reject-chain"}};
}

// Where a packet to a Vip is led by a map of addresses or, if it is one, of NodePorts.
std::string verdict_in(const NftScript& script, const std::string& map, const Vip& vip,
                       const std::string& node_ports = {}) {
  const bool is_node = vip.address == ip("192.0.2.11") || vip.address == ip("2001:db8::11");
  const std::string port =
      (vip.protocol == model::Protocol::Tcp ? "tcp . " : "udp . ") + std::to_string(vip.port);
  const bool by_port = is_node && !node_ports.empty();
  const std::string end = vip.address.family() == Family::IPv4 ? "4" : "6";
  const auto& elements = script.content().elements.at((by_port ? node_ports : map) + end);
  const auto found = elements.find(by_port ? port : to_string(vip.address) + " . " + port);
  return found == elements.end() ? "" : found->second;
}

void expect_entry(const NftScript& script, const Vip& vip, const Entry& entry) {
  SCOPED_TRACE(to_string(vip));
  const std::string translated = verdict_in(script, "service-ips", vip, "service-nodeports");
  const std::string missing = verdict_in(script, "no-endpoint-services", vip, "no-endpoint-nodeports");
  if (entry.traffic == Traffic::HostPort) {
    EXPECT_THAT(verdict_in(script, "host-ports", vip), testing::StartsWith("goto hostport-"));
    return;
  }
  EXPECT_EQ(verdict_in(script, "firewall-ips", vip).empty(), entry.source_ranges.empty());
  if (entry.verdict != Verdict::Balance) {
    EXPECT_EQ(translated, "");
    EXPECT_EQ(missing, entry.verdict == Verdict::Drop ? "drop" : "goto reject-chain");
    return;
  }
  const bool drops_others = entry.traffic == Traffic::ExternalLocal && entry.local.empty();
  EXPECT_EQ(missing, drops_others ? "drop" : "");
  EXPECT_THAT(translated, testing::StartsWith(entry.traffic != Traffic::Internal ? "goto external-"
                                              : entry.is_own                     ? "goto local-"
                                                                                 : "goto service-"));
}

TEST(KubeProxy, WhateverChangesTheTableIsAsWanted) {
  for (unsigned seed = 1; seed <= 8; ++seed) {
    RandomServices services(seed);
    KubeProxyTable table(a_node());
    NftScript script = empty_script();
    for (int step = 0; step < 60; ++step) {
      const RandomServices::Change change = services.next();
      TableChanges changes;
      table.set(change.owner, change.program, changes);
      SCOPED_TRACE("seed " + std::to_string(seed) + ", step " + std::to_string(step) + ", " + change.owner);
      ASSERT_NO_THROW(script.run(changes.text)) << changes.text;
      EXPECT_TRUE(changes.elements.empty());
      for (const auto& [vip, entry] : services.wanted()) {
        expect_entry(script, vip, *entry);
      }
      for (const auto& [set, elements] : table.expected()) {
        ASSERT_EQ(script.content().elements.at(set).size(), elements.size()) << set;
      }
      ASSERT_FALSE(testing::Test::HasFailure());
    }
  }
}

PresentKeys keys_of(const KubeProxyTable& table, const std::string& without) {
  PresentKeys present;
  for (const auto& [set, elements] : table.expected()) {
    for (const ElementChange& element : elements) {
      if (set != without) {
        present[set].insert(bytes_of(element.key));
      }
    }
  }
  return present;
}

TEST(KubeProxy, WhatIsWrittenAnewIsWhatThereIs) {
  RandomServices services(5);
  KubeProxyTable table(a_node());
  NftScript script = empty_script();
  for (int step = 0; step < 100; ++step) {
    const RandomServices::Change change = services.next();
    TableChanges changes;
    table.set(change.owner, change.program, changes);
    script.run(changes.text);
  }
  NftScript fresh = empty_script();
  for (const std::string& text : table.renewal({})) {
    ASSERT_NO_THROW(fresh.run(text)) << text;
  }
  EXPECT_EQ(fresh.content(), script.content());
}

class OneKubeProxyService : public testing::Test {
 protected:
  std::string set(const model::ServiceKey& key, std::uint64_t number,
                  const std::vector<const char*>& endpoints, const std::string& port = "http") {
    model::Service service;
    service.key = key;
    service.cluster_ips = {ip("10.96.0.0").plus(number)};
    service.external_ips = {ip("203.0.113.0").plus(number)};
    service.ports = {{port, model::Protocol::Tcp, 80, 0}};
    model::EndpointSlice slice;
    slice.ports = {{port, model::Protocol::Tcp, 8080}};
    for (const char* address : endpoints) {
      slice.endpoints.push_back({ip(address), "n1", true, true, false, {}, {}});
    }
    const model::EndpointSlice* slices[] = {&slice};
    TableChanges changes;
    table_.set("svc " + to_string(key), service::node_program(service, slices, {{"n1", ""}, {}}), changes);
    script_.run(changes.text);
    return changes.text;
  }
  KubeProxyTable table_{a_node()};
  NftScript script_ = empty_script();
};

TEST_F(OneKubeProxyService, HasKubeProxysChains) {
  set({"default", "web"}, 1, {"10.244.1.2", "10.244.1.3"});
  std::vector<std::string> names;
  for (const auto& [chain, rules] : script_.content().chains) {
    const std::size_t hash = chain.find('-') + 1;
    names.push_back(chain.substr(0, hash) + chain.substr(hash + 9));
  }
  std::sort(names.begin(), names.end());
  EXPECT_THAT(names, ElementsAre("endpoint-default/web/tcp/http__10.244.1.2/8080",
                                 "endpoint-default/web/tcp/http__10.244.1.3/8080",
                                 "external-default/web/tcp/http", "service-default/web/tcp/http"));
}

TEST_F(OneKubeProxyService, AChangeTouchesItsOwnChainsOnly) {
  set({"default", "web"}, 1, {"10.244.1.2", "10.244.1.3"});
  set({"default", "other"}, 2, {"10.244.1.2"});
  const std::string text = set({"default", "web"}, 1, {"10.244.1.2", "10.244.1.4"});
  EXPECT_THAT(text, testing::Not(HasSubstr("default/other")));
  EXPECT_THAT(text, testing::Not(HasSubstr("element"))) << "addresses lead where they led";
  EXPECT_THAT(text, testing::Not(HasSubstr("external-")));
  EXPECT_THAT(text, testing::Not(HasSubstr("10.244.1.2/8080\n")));
  EXPECT_EQ(set({"default", "web"}, 1, {"10.244.1.2", "10.244.1.4"}), "");
}

// Every line is one of the known commands, and nothing of a name is outside of a name or a comment.
TEST_F(OneKubeProxyService, NoNameInjectsACommand) {
  const std::string evil[] = {"a\"; flush ruleset; #",
                              "b\nflush ruleset\n",
                              "c } ; delete table inet labctl",
                              "d\\",
                              "e\" }\nadd chain inet labctl evil\n",
                              std::string("f\0g", 3),
                              std::string(300, 'x'),
                              "-",
                              "$(reboot)",
                              "@service-ips4"};
  std::uint64_t number = 10;
  for (const std::string& name : evil) {
    set({name, name}, number, {"10.244.1.2"}, name);
    set({"default", name}, number + 1, {"10.244.1.2"}, name);
    number += 2;
  }
  EXPECT_FALSE(script_.content().chains.contains("evil"));
  EXPECT_EQ(script_.content().chains.size(), 3 * 2 * std::size(evil)) << "each has its own";
  for (const std::string& name : evil) {
    TableChanges changes;
    table_.set("svc " + name + "/" + name, {}, changes);
    table_.set("svc default/" + name, {}, changes);
    script_.run(changes.text);
  }
  EXPECT_TRUE(script_.content().chains.empty());
}

TEST(KubeProxy, KeysThatAreThereAreWrittenAnewInPlace) {
  RandomServices services(9);
  KubeProxyTable table(a_node());
  NftScript script = empty_script();
  for (int step = 0; step < 60; ++step) {
    const RandomServices::Change change = services.next();
    TableChanges changes;
    table.set(change.owner, change.program, changes);
    script.run(changes.text);
  }
  const NftScript::Content before = script.content();
  NftScript again = empty_script();
  for (const std::string& text : table.renewal({})) {
    again.run(text);
  }
  // Sets are added where they are: nft takes that for the same set.
  for (std::string text : table.renewal(keys_of(table, ""))) {
    std::istringstream lines(text);
    std::string kept;
    for (std::string line; std::getline(lines, line);) {
      kept += line.starts_with("add set ") ? "" : line + "\n";
    }
    ASSERT_NO_THROW(again.run(kept)) << kept;
  }
  EXPECT_EQ(again.content(), before);
}

}  // namespace
}  // namespace labctl::ruleset
