// A scenario that cannot fail shows nothing. Each one here is copied, and in the copy the network or an
// object is broken just before a check that is about it; expectations stay as they are. Then that check, and
// none before it, must fail and say what was wanted and what was seen. Every folder of scenarios/ is in the
// table.

#include "tests/e2e/labctl_program.hpp"

#include <algorithm>
#include <fstream>
#include <set>
#include <variant>

namespace labctl::e2e {
namespace {

namespace fs = std::filesystem;
using support::ProgramResult;

const fs::path kScenarios = fs::path(LABCTL_SOURCE_DIR) / "scenarios";

// Run as root of that place's network, as a step of its own.
struct Sabotage {
  std::string place;
  std::string shell;
};

// Another text in a manifest, everywhere it stands.
struct Edit {
  std::string file;
  std::string text;
  std::string instead;
};

struct Broken {
  std::string name;  // of the test
  std::string scenario;
  std::variant<Sabotage, Edit> how;
  std::string step;   // as its file has it
  std::string check;  // as the report has it, when a case fills in the step's name
  std::string wanted;
  std::string seen;
};

void PrintTo(const Broken& broken, std::ostream* out) { *out << broken.scenario << ", " << broken.name; }

// No answer comes from the address: its neighbour entry on the node names a MAC address that nobody has.
Sabotage deaf(const std::string& node, const std::string& address) {
  return {"node/" + node, "ip neigh replace " + address + " lladdr 02:00:00:00:de:ad dev cbr0 nud permanent"};
}

// Packets of that kind vanish on their way through the place.
Sabotage swallow(const std::string& place, const std::string& match) {
  return {place,
          "nft add table inet thief && for hook in input forward; do nft add chain inet thief $hook \"{ type "
          "filter "
          "hook $hook priority -10; }\" && nft add rule inet thief $hook " +
              match + " drop; done"};
}

Sabotage translate(const std::string& node, const std::string& match) {
  return {"node/" + node, "nft insert rule inet labctl postrouting " + match + " masquerade"};
}

const std::vector<Broken>& table() {
  static const std::vector<Broken> kTable{
      {"ABridgeThatIsDown", "quickstart", Sabotage{"node/node-1", "ip link set cbr0 down"},
       "two pods of one node meet by veth and cbr0", "", "ok", "timeout"},
      // ---- Pods
      {"AServerOfAnotherName", "p1-pod-to-pod",
       Edit{"manifests/pods.yaml", "name: netserver-1", "name: netserver-9"},
       "test-container hears ${hostname} by ${protocol}", "test-container hears netserver-1 by http",
       R"(body "{"responses":["netserver-1")", R"(body "{"responses":["netserver-9")"},
      {"ATranslationBetweenPods", "p6-no-snat",
       translate("node-1", "ip saddr 10.244.1.2 ip daddr 10.244.2.0/24"), "${pod} is itself to all others",
       "here is itself to all others", "ok", "http_status"},
      {"APortTakenOffTheBridge", "pods-of-one-node", Sabotage{"node/node-1", "ip link set pod2 nomaster"},
       "two cables end on the bridge", "", "stdout \"2", "stdout \"1"},
      {"ALoopbackThatIsDown", "containers-of-one-pod", Sabotage{"pod/default/shared", "ip link set lo down"},
       "the web container is at ${at}", "the web container is at 127.0.0.1", "ok", "timeout"},
      {"ANeighbourThatIsRemembered", "freed-addresses", deaf("node-1", "10.244.1.2"),
       "and answers there, at once and to all", "and answers there, at once and to all [1]", "ok", "timeout"},
      // ---- Nodes
      {"ASourceThatIsNotTheLinks", "p2-node-to-pod",
       Sabotage{"node/node-1", "ip route replace 10.244.2.0/24 via 192.168.50.12 src 10.244.1.1"},
       "${node} reaches ${pod} by ${proto}, seen as ${source}",
       "node-1 reaches netserver-1 by tcp, seen as 192.168.50.11", "source 192.168.50.11",
       "source 10.244.1.1"},
      {"ATranslationTowardsNodes", "pod-to-node",
       translate("node-1", "ip saddr 10.244.1.2 ip daddr 192.168.50.12"),
       "agent on node-2 sees ${pod} as ${source}", "agent on node-2 sees one as 10.244.1.2",
       "source 10.244.1.2", "source 192.168.50.11"},
      {"ANodesFirewall", "host-network", swallow("node/node-2", "tcp dport 8080"), "its hostname too", "",
       "ok", "timeout"},
      // ---- The outside
      {"ANodeThatDoesNotMasquerade", "p7-to-the-outside", Sabotage{"node/node-1", "nft flush ruleset"},
       "${pod} reaches ${to} by ${proto} as ${source}",
       "one reaches 198.51.100.80:80 by tcp as 192.168.50.11", "ok", "timeout"},
      {"AHostThatIsOff", "hosts-outside", Sabotage{"outside/names", "ip link set eth0 down"},
       "a pod reaches ${host} at ${to} by ${proto}", "a pod reaches names at 198.51.100.53:53 by udp", "ok",
       "timeout"},
      // ---- The network
      {"ARouteToNowhere", "routed-network",
       Sabotage{"node/node-1", "ip route replace blackhole 10.244.2.0/24"},
       "everybody reaches every pod, by ${proto}", "everybody reaches every pod, by tcp", "ok", "timeout"},
      {"ATunnelThatIsDown", "vxlan-network", Sabotage{"node/node-2", "ip link set vxlan0 down"},
       "everybody reaches every pod, by ${proto}", "everybody reaches every pod, by tcp", "ok", "timeout"},
      {"ARouteOfIpv6ThatIsMissing", "ipv6-only",
       Sabotage{"node/node-1", "ip -6 route del fd00:10:244:2::/64"},
       "everybody reaches every pod, by ${proto}", "everybody reaches every pod, by tcp", "ok", "timeout"},
      {"OneFamilyOfTwo", "dual-stack", Sabotage{"node/node-2", "ip -6 route del fd00:10:244:1::/64"},
       "one reaches two at ${to}, seen as ${source}",
       "one reaches two at [fd00:10:244:2::2], seen as fd00:10:244:1::2", "ok", "timeout"},
      {"ANodeThatForgetsItsRules", "chosen-addresses", Sabotage{"node/lyon", "nft flush ruleset"},
       "out by the node's address", "", "ok", "timeout"},
      {"ALinkOfAnotherSize", "mtu", Sabotage{"node/node-1", "ip link set cbr0 mtu 1300"},
       "${link} of ${place} takes 1400 bytes", "cbr0 of node/node-1 takes 1400 bytes", "mtu 1400",
       "mtu 1300"},
      // ---- Probes and commands
      {"SilenceInsteadOfARefusal", "outcomes", swallow("node/node-2", "tcp dport 81"),
       "refused, the pod is there and nobody listens", "refused, the pod is there and nobody listens [1]",
       "refused", "timeout"},
      {"AServerOnAnotherPort", "http", Edit{"manifests/pods.yaml", "--http-port=8080", "--http-port=8088"},
       "GET ${path} answers ${body}", "GET /hostname answers server", "ok", "refused"},
      {"ANodeThatLostARoute", "commands-in-places", Sabotage{"node/node-1", "ip route del 10.244.2.0/24"},
       "a node knows the way to the pods of the other", "a node knows the way to the pods of the other [1]",
       "10.244.2.0/24 via 192.168.50.12", "stdout \"\""},
      // ---- What a pod is told
      {"AnotherHostname", "hostname", Edit{"manifests/pods.yaml", "hostname: bridge", "hostname: brig"},
       "the kernel of ${pod} says ${hostname}", "the kernel of named says bridge", "stdout \"bridge",
       "stdout \"brig\n"},
      {"AnotherAlias", "d2-hosts-file", Edit{"manifests/pods.yaml", "192.0.2.10", "192.0.2.11"},
       "${name} is ${address}", "ledger.example.org is 192.0.2.10", "^192.0.2.10", "stdout \"192.0.2.11"},
      {"AnotherDnsPolicy", "d8-dns-config",
       Edit{"manifests/pods.yaml", "dnsPolicy: None", "dnsPolicy: ClusterFirst"},
       "dnsPolicy None, exactly what dnsConfig says", "", "search resolv.conf.local", "cluster.local"},
      {"AnotherVariable", "environment",
       Edit{"manifests/ledger.yaml", "GREETING, value: hello", "GREETING, value: bye"},
       "${variable} is ${value}", "GREETING is hello", "stdout \"hello", "stdout \"bye"},
      // ---- Processes
      {"AServerThatListensElsewhere", "real-server", Edit{"manifests/shop.yaml", "\"8080\"", "\"8081\""},
       "${who} serves on port ${port}", "cart serves on port 8080", "ok", "refused"},
      {"AnotherExitCode", "restart-policy", Edit{"manifests/pods.yaml", "exit 3", "exit 4"},
       "its exit code is kept, ${code}", "its exit code is kept, 3", "exitCode == ", "4"},
      {"AProgramThatDoesNotClose", "termination",
       Edit{"manifests/pods.yaml", "$sign = \"closing\\n\" }", "return }"},
       "it got SIGTERM and still answers, it is closing", "", "body \"closing", "body \"open"},
      {"AnEchoThatDoesNotComeBack", "init-containers", swallow("node/node-1", "icmp type echo-reply"),
       "though the pod has its address", "", "ok", "timeout"},
      // ---- Workloads and objects
      {"OneReplicaTooFew", "deployment-scales", Edit{"manifests/web.yaml", "replicas: 2", "replicas: 1"},
       "two pods, spread over the nodes", "two pods, spread over the nodes [2]", "ok", "timeout"},
      {"AnOrphanThatIsCutOff", "pods-are-replaced", deaf("node-2", "10.244.2.2"), "the orphan serves on", "",
       "ok", "timeout"},
      {"AnotherVersion", "rolling-update", Edit{"manifests/web.yaml", "value: one", "value: zero"},
       "version one serves at ${address}", "version one serves at 10.244.1.2", "body \"one\"",
       "body \"zero\""},
      {"ANodeWithoutItsBridge", "one-pod-a-node", Sabotage{"node/node-3", "ip link set cbr0 down"},
       "one on each node, at ${address}", "one on each node, at 10.244.3.2", "ok", "unreachable"},
      {"APodThatIsCutOff", "stable-names", deaf("node-2", "10.244.2.2"), "${pod} calls itself so",
       "db-1 calls itself so", "ok", "timeout"},
      {"ADeploymentThatGoesAnywhere", "node-selector",
       Edit{"manifests/pods.yaml", "nodeSelector: {disk: ssd}", "nodeSelector: {}"},
       "all pods that ask for disk=ssd are on quick, at ${address}",
       "all pods that ask for disk=ssd are on quick, at 10.244.2.3", "ok", "timeout"},
      {"APodThatSpeaksForAnother", "namespaces",
       Edit{"manifests/objects.yaml", "value: I am red", "value: I am blue"},
       "web of ${namespace} answers ${answer}", "web of red answers I am red", "body \"I am red\"",
       "body \"I am blue\""},
  };
  return kTable;
}

void write(const fs::path& file, const std::string& text) {
  std::ofstream out(file);
  out << text;
  ASSERT_TRUE(out.flush()) << file;
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) {
    text.replace(at, from.size(), to);
  }
  return text;
}

// The line of a step, from its dash on.
size_t find_step(const std::string& text, const std::string& step) {
  return text.find("\n  - name: " + step + "\n");
}

// Without the steps behind that one: of a broken lab they tell nothing more, and some wait long.
std::string cut_behind(const std::string& text, const std::string& step) {
  const size_t at = find_step(text, step);
  const size_t next = at == std::string::npos ? at : text.find("\n  - name: ", at + 1);
  return next == std::string::npos ? text : text.substr(0, next + 1);
}

std::string step_of(const Sabotage& sabotage) {
  return "\n  - name: sabotage\n    exec:\n      in: " + sabotage.place +
         "\n      command:\n      - sh\n      - -c\n      - |\n        " + sabotage.shell;
}

void break_it(const fs::path& folder, const Broken& broken) {
  if (const auto* sabotage = std::get_if<Sabotage>(&broken.how)) {
    const fs::path file = folder / "scenario.yaml";
    std::string text = support::read_file(file);
    write(file, text.insert(find_step(text, broken.step), step_of(*sabotage)));
    return;
  }
  const auto& edit = std::get<Edit>(broken.how);
  const std::string before = support::read_file(folder / edit.file);
  const std::string after = replaced(before, edit.text, edit.instead);
  ASSERT_NE(before, after) << edit.file << " has no \"" << edit.text << "\"";
  write(folder / edit.file, after);
}

// What the report says of the first check that did not pass, from its line to that of the next.
std::string first_failure(const std::string& report) {
  const size_t begin = std::min(report.find("\n  FAIL  "), report.find("\n  ERROR "));
  if (begin == std::string::npos) {
    return {};
  }
  const size_t end = std::min({report.find("\n  ok ", begin), report.find("\n  FAIL ", begin + 1),
                               report.find("\n---", begin), report.size()});
  return report.substr(begin + 1, end - begin - 1);
}

class BrokenScenario : public ::testing::TestWithParam<Broken> {
 protected:
  void SetUp() override { LABCTL_NEEDS_USER_NAMESPACES(); }
};

TEST_P(BrokenScenario, FailsAtTheCheckThatIsAboutIt) {
  const Broken& broken = GetParam();
  const support::TempDir dir;
  const fs::path folder = dir.path() / broken.scenario;
  fs::copy(kScenarios / broken.scenario, folder, fs::copy_options::recursive);
  const std::string text = support::read_file(folder / "scenario.yaml");
  ASSERT_NE(find_step(text, broken.step), std::string::npos) << "no step is called " << broken.step;
  write(folder / "scenario.yaml", cut_behind(text, broken.step));

  const Labctl lab;
  ASSERT_TRUE(ends_with(lab.run({"test", folder.string()}), kPassed)) << "the copy as it is";
  break_it(folder, broken);
  const ProgramResult result = lab.run({"test", folder.string()});
  EXPECT_TRUE(ends_with(result, kFailed));
  const std::string failure = first_failure(result.out);
  const std::string& check = broken.check.empty() ? broken.step : broken.check;
  EXPECT_TRUE(failure.starts_with("  FAIL  " + check + "  (")) << "wanted " << check << ", seen\n"
                                                               << result.out;
  EXPECT_TRUE(has(replaced(failure, "\n        ", "\n"), "wanted "));
  EXPECT_TRUE(has(failure.substr(std::min(failure.find("wanted "), failure.size())), broken.wanted));
  EXPECT_TRUE(has(failure.substr(std::min(failure.find("seen "), failure.size())), broken.seen));
}

INSTANTIATE_TEST_SUITE_P(Of, BrokenScenario, ::testing::ValuesIn(table()),
                         [](const auto& info) { return info.param.name; });

TEST(BrokenScenarios, AreAllThatThereAre) {
  std::set<std::string> there, tried;
  for (const auto& entry : fs::directory_iterator(kScenarios)) {
    if (entry.is_directory()) {
      there.insert(entry.path().filename().string());
    }
  }
  for (const Broken& broken : table()) {
    tried.insert(broken.scenario);
  }
  EXPECT_EQ(there, tried);
}

}  // namespace
}  // namespace labctl::e2e
