// A scenario that cannot fail shows nothing. Each one here is copied, and in the copy the
// network or an object is broken just before a check that is about it; expectations stay as they
// are. Then that check, and none before it, must fail and say what was wanted and what was seen.
// Every folder of scenarios/ is in the table; of a folder of folders some are.

#include "tests/e2e/broken_scenario.hpp"
#include "tests/e2e/labctl_program.hpp"

#include <algorithm>
#include <fstream>
#include <regex>
#include <set>

namespace labctl::e2e {
namespace {

namespace fs = std::filesystem;
using support::ProgramResult;

const fs::path kScenarios = fs::path(LABCTL_SOURCE_DIR) / "scenarios";

// Those of Services are in broken_services.cpp, those of DNS in broken_names.cpp.
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
      {"AnotherIndexThatFails", "jobs", Edit{"manifests/jobs.yaml", "!= 1'", "!= 2'"},
       "the other indexes have succeeded", "", "0,2", "0,1"},
      {"AYearThatBeginsElsewhere", "cron-jobs",
       Edit{"manifests/cron-jobs.yaml", "Pacific/Auckland", "Pacific/Chatham"},
       "a year begins where the schedule says", "", "Pacific/Auckland", "Pacific/Chatham"},
      {"AProbeThatNamesAnotherPort", "stand-ins", Edit{"manifests/apps.yaml", "7070", "7071"},
       "a port that only a probe names is listened on", "", "ok", "refused"},
      {"AnotherHook", "native-sidecars", Edit{"manifests/pods.yaml", "echo started", "echo begun"},
       "the hook of the app ran in its container", "", "stdout \"started", "stdout \"begun"},
      {"AThirdImage", "image-of-a-running-pod", Edit{"versions/two.yaml", "app:2", "app:3"},
       "and runs the other image", "", "app:2", "app:3"},
      {"AnotherToleration", "taints", Edit{"manifests/pods.yaml", "value: a100", "value: h100"},
       "the one that tolerates gpu=a100, and asks for the node, is there", "", "ok", "refused"},
      {"OnePodAKernel", "anti-affinity",
       Edit{"manifests/pods.yaml", "{app: store}}\n            topologyKey: kubernetes.io/hostname",
            "{app: store}}\n            topologyKey: kubernetes.io/os"},
       "a replica on each node, at ${address}", "a replica on each node, at 10.244.2.2", "ok", "timeout"},
      {"AnySkew", "topology-spread", Edit{"manifests/web.yaml", "maxSkew: 1", "maxSkew: 4"},
       "two of four are in the one node of west, at ${address}",
       "two of four are in the one node of west, at 10.244.3.3", "ok", "timeout"},
      {"AnotherConfigMap", "configmap-env", Edit{"manifests/app.yaml", "LEVEL: debug", "LEVEL: info"},
       "${variable} is ${value}", "APP_LEVEL is debug", "stdout \"debug", "stdout \"info"},
      {"AnotherFile", "volumes", Edit{"manifests/app.yaml", "index.html: \"first", "index.html: \"other"},
       "${file} says what it should", "/srv/www/site/index.html says what it should", "stdout \"first",
       "stdout \"other"},
      // ---- Workloads and objects
      {"AnotherFinalizer", "finalizers",
       Edit{"manifests/pods.yaml", "held-back, finalizers: [example.com/hold]",
            "held-back, finalizers: [example.com/other]"},
       "${kind}/${name} stays as long as its finalizer", "pods/held-back stays as long as its finalizer",
       "example.com/hold", "example.com/other"},
      {"OneReplicaTooFew", "deployment-scales", Edit{"manifests/web.yaml", "replicas: 2", "replicas: 1"},
       "two pods, spread over the nodes", "two pods, spread over the nodes [2]", "ok", "timeout"},
      {"AFileThatKeepsItsNote", "apply-merges",
       Edit{"versions/two.yaml", "name: web, labels", "name: web, annotations: {note: kept}, labels"},
       "their ${what} is gone", "their annotation is gone", "0 values", "1 value"},
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
      // ---- Applications
      {"AFrontDoorToNobody", "apps/wordpress",
       Edit{"manifests.yaml", "  selector: {app: wordpress, tier: frontend}", "  selector: {app: nobody}"},
       "readers find the blog", "", "ok", "refused"},
      {"AMemberOfAnotherName", "apps/zookeeper", Edit{"manifests.yaml", "name: zk-hs", "name: zk-xs"},
       "the second server has a name", "", "ok", "dns_nxdomain"},
      {"ANodePortElsewhere", "apps/voting-app", Edit{"manifests.yaml", "nodePort: 31000", "nodePort: 31002"},
       "a vote is cast", "", "ok", "refused"},
      // ---- Services
      {"ARefusalThatIsLost", "s17-no-endpoints", lose("node/node-1", "tcp dport 80"),
       "${from} is refused at ${to} by ${proto}",
       "pod/default/client-1 is refused at svc/default/empty:80 by tcp", "refused", "timeout"},
      {"AnInternalPolicyThatIsCluster", "s18-internal-traffic-local",
       Edit{"manifests/services.yaml", "internalTrafficPolicy: Local", "internalTrafficPolicy: Cluster"},
       "${from}, on a node without one, hears nothing of ${service}",
       "pod/default/client-2, on a node without one, hears nothing of local", "timeout", "ok"},
      {"AnExternalPolicyThatIsCluster", "s19-external-traffic-local",
       Edit{"manifests/objects.yaml", "externalTrafficPolicy: Local", "externalTrafficPolicy: Cluster"},
       "from outside, the node of the endpoint lets ${proto} in as it came",
       "from outside, the node of the endpoint lets tcp in as it came", "source client", "source 1"},
      {"AServiceThatWaits", "s20-publish-not-ready",
       Edit{"manifests/services.yaml", "publishNotReadyAddresses: true", "publishNotReadyAddresses: false"},
       "its Service that publishes it is served at ${to}",
       "its Service that publishes it is served at svc/default/published:80", "ok", "refused"},
      {"AReadyPodThatIsCutOff", "s21-unready-pods", deaf("node-2", "10.244.2.3"),
       "and is asked by clients of ${to}", "and is asked by clients of svc/default/moody:80", "ok",
       "timeout"},
      {"AFallBackOfTheWholeCluster", "s22-terminating-fallback",
       Edit{"manifests/services.yaml", "internalTrafficPolicy: Local", "internalTrafficPolicy: Cluster"},
       "nor has the policy Local changed, from ${from} to ${to}",
       "nor has the policy Local changed, from pod/default/client-2 to svc/default/local:80", "timeout",
       "ok"},
      {"AHealthPortThatIsSilent", "s23-health-port", lose("node/node-1", "tcp dport 30123"),
       "${node} says ${status}, to ${from} at ${path}", "node/node-1 says 200, to outside/client at /", "ok",
       "timeout"},
      {"AnotherLabel", "s24-service-labels",
       Edit{"scenario.yaml", "labels: {service.kubernetes.io/service-proxy-name: another}",
            "labels: {example.org/proxy: another}"},
       "with service.kubernetes.io/service-proxy-name ${from} gets nowhere at ${to}",
       "with service.kubernetes.io/service-proxy-name pod/default/client-1 gets nowhere at "
       "svc/default/web:80",
       "timeout", "ok"},
      {"AServiceThatDoesNotMind", "s25-traffic-distribution",
       Edit{"manifests/services.yaml", "  trafficDistribution: PreferSameZone\n", ""},
       "of ${service}, clients on ${node} see ${backend} only",
       "of same-zone, clients on north-1 see north only", "answers of pod/default/north,",
       "of pod/default/north, pod/default/south"},
      {"AnAddressThatIsNobodys", "s29-unallocated-addresses",
       Edit{"manifests/objects.yaml", "clusterIP: 10.96.0.29", "clusterIP: 10.96.0.30"},
       "${from} is served at the port there is", "pod/default/client-1 is served at the port there is", "ok",
       "timeout"},
      {"ALoopbackThatIsSilent", "s30-loopback-node-port", swallow("node/node-1", "tcp dport 30030"),
       "at 127.0.0.1 of ${from} nobody listens", "at 127.0.0.1 of node/node-1 nobody listens", "refused",
       "timeout"},
      {"AnotherHostPort", "h1-host-ports",
       Edit{"manifests/servers.yaml", "hostPort: 54323, hostIP: 127.0.0.1",
            "hostPort: 54324, hostIP: 127.0.0.1"},
       "${from} reaches ${backend} at ${to} by ${proto}, seen as ${source}",
       "node/node-1 reaches loopback at 127.0.0.1:54323 by tcp, seen as node/node-1", "ok", "refused"},
      {"ANodeThatHasAnotherPort", "host-port-flows",
       Edit{"steps/of-the-node.yaml", "containerPort: 8125, hostPort: 8125",
            "containerPort: 8126, hostPort: 8126"},
       "${from} hears that one", "outside/client hears that one", "ok", "refused"},
      {"AServerThatDoesNotFollow", "k1-conntrack", Edit{"steps/second.yaml", "app: web", "app: wib"},
       "${from} hears the new one at ${to}, still from port ${port}",
       "pod/default/client-1 hears the new one at svc/default/web:90, still from port 4001", "ok", ""},
      {"AServerOfTheNextVersionThatIsDeaf", "graceful-rolling-update", elsewhere("versions/two.yaml"),
       "${from} was never turned away", "pod/default/client-1 was never turned away", "no failure", " of "},
      {"ADrawThatIsNotFair", "distribution",
       Sabotage{"node/node-1",
                "nft add table inet thief && nft add chain inet thief forward \"{ type filter hook "
                "forward priority -10; }\" && nft add rule inet thief forward ip daddr 10.244.1.0/24 "
                "tcp dport 8080 reject with tcp reset"},
       "of 3 endpoints each gets its share, at ${to}",
       "of 3 endpoints each gets its share, at svc/default/three:80", "ok", "refused"},
      {"ANewVersionThatIsDeaf", "constant-flow", elsewhere("versions/two.yaml"), "not one request went wrong",
       "", "no failure", " of "},
      // ---- Load balancers
      {"ANodePortThatIsLost", "l1-type-changes", lose("node/node-2", "tcp dport 30101"),
       "the node ports are open, ${from} at ${to} by ${proto}",
       "the node ports are open, pod/default/client-1 at node/node-2:30101 by tcp", "ok", "timeout"},
      {"AListOfAllPods", "l2-source-ranges",
       Edit{"manifests/objects.yaml", "[10.244.1.2/32]", "[10.244.0.0/16]"},
       "only client-1 is in the list, ${outcome} for ${from} by ${proto}",
       "only client-1 is in the list, timeout for pod/default/client-2 by tcp", "timeout", "ok"},
      {"NoAffinity", "l3-load-balancer-affinity",
       Edit{"manifests/objects.yaml", "sessionAffinity: ClientIP", "sessionAffinity: None"},
       "policy Cluster, fifteen answers in a row are of one server, for ${from}",
       "policy Cluster, fifteen answers in a row are of one server, for pod/default/client-1",
       "answers of 1 backend", "of pod/default/web-1, pod/default/web-2"},
      {"ATranslationOfTheClient", "l4-client-address", translate("node-1", "ip saddr 198.51.100.10"),
       "by ${proto} the server sees that ${host} asks", "by tcp the server sees that client asks",
       "source client", "source 10.244.1.1"},
      {"NodePortsThatTranslate", "l5-client-address-node-port",
       Edit{"manifests/objects.yaml", "externalTrafficPolicy: Local", "externalTrafficPolicy: Cluster"},
       "at ${node} by ${proto} the server sees the client", "at node-1 by tcp the server sees the client",
       "source client", "source "},
      {"APodThatMovesElsewhere", "l6-health-follows-the-pod",
       Edit{"steps/node-2.yaml", "nodeName: node-2", "nodeName: node-3"},
       "with the pod on node-2, the health port of ${node} says ${status}",
       "with the pod on node-2, the health port of node-2 says 200", "ok", "http_status"},
      {"AShortCutThatIsClosed", "l7-local-balancer-from-pods", lose("node/node-2", "ip daddr 203.0.113.107"),
       "${from} reaches it by ${proto}, seen as ${source}",
       "pod/default/client-2 reaches it by tcp, seen as client", "ok", "timeout"},
      {"ATranslationInSpiteOfThePolicy", "l8-policy-updates", translate("node-1", "ip saddr 198.51.100.10"),
       "at first, the server sees the client, by ${to}",
       "at first, the server sees the client, by 203.0.113.108:80", "source client", "source 10.244.1.1"},
      {"AVersionThatIsDeaf", "l9-rolling-update", elsewhere("versions/two.yaml"),
       "99 of 100 requests were answered, with the policy ${policy}",
       "99 of 100 requests were answered, with the policy Cluster", "at least 99% ok", " of "},
      {"NodePortsThatNobodyWants", "l10-balancer-objects",
       Edit{"manifests/objects.yaml", "allocateLoadBalancerNodePorts: false",
            "allocateLoadBalancerNodePorts: true"},
       "of allocateLoadBalancerNodePorts false there are no node ports", "", "0", "1"},
      {"AnotherMode", "l11-ip-mode-proxy",
       Edit{"manifests/objects.yaml", "labctl.dev/ip-mode: Proxy", "labctl.dev/ip-mode: VIP"},
       "${service} has the mode ${mode}", "proxy has the mode Proxy", "Proxy", "VIP"},
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

// What is broken stays so: the check that is to fail need not be tried for long.
void make_impatient(const fs::path& folder, const std::string& step) {
  const std::string text = support::read_file(folder / "scenario.yaml");
  const size_t at = find_step(text, step);
  write(folder / "scenario.yaml",
        text.substr(0, at) +
            std::regex_replace(text.substr(at), std::regex("\n    within: [0-9a-z]+"), "\n    within: 1s"));
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

// One of its variants is enough to show that it can fail.
std::string without_expansion(const std::string& scenario) {
  const size_t begin = scenario.find("\n  expand: {");
  return begin == std::string::npos
             ? scenario
             : scenario.substr(0, begin) + scenario.substr(scenario.find('\n', begin + 1));
}

class BrokenScenario : public ::testing::TestWithParam<Broken> {
 protected:
  void SetUp() override { LABCTL_NEEDS_USER_NAMESPACES(); }
};

TEST_P(BrokenScenario, FailsAtTheCheckThatIsAboutIt) {
  const Broken& broken = GetParam();
  const support::TempDir dir;
  const fs::path folder = dir.path() / broken.scenario;
  fs::create_directories(folder.parent_path());
  fs::copy(kScenarios / broken.scenario, folder, fs::copy_options::recursive);
  const std::string text = without_expansion(support::read_file(folder / "scenario.yaml"));
  ASSERT_NE(find_step(text, broken.step), std::string::npos) << "no step is called " << broken.step;
  write(folder / "scenario.yaml", cut_behind(text, broken.step));

  const Labctl lab;
  const ProgramResult whole = lab.run({"test", folder.string()});
  if (has(whole.out, " skipped; 0 checks")) {
    GTEST_SKIP() << whole.out;
  }
  ASSERT_TRUE(ends_with(whole, kPassed)) << "the copy as it is";
  break_it(folder, broken);
  make_impatient(folder, broken.step);
  const ProgramResult result = lab.run({"test", folder.string()});
  EXPECT_TRUE(ends_with(result, kAssertionFailed));
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
INSTANTIATE_TEST_SUITE_P(OfServices, BrokenScenario, ::testing::ValuesIn(broken_services()),
                         [](const auto& info) { return info.param.name; });
INSTANTIATE_TEST_SUITE_P(OfNames, BrokenScenario, ::testing::ValuesIn(broken_names()),
                         [](const auto& info) { return info.param.name; });

TEST(BrokenScenarios, AreAllThatThereAre) {
  std::set<std::string> there, tried;
  for (const auto& entry : fs::directory_iterator(kScenarios)) {
    if (entry.is_directory()) {
      there.insert(entry.path().filename().string());
    }
  }
  for (const auto* breaks : {&table(), &broken_services(), &broken_names()}) {
    for (const Broken& broken : *breaks) {
      tried.insert(broken.scenario.substr(0, broken.scenario.find('/')));
    }
  }
  EXPECT_EQ(there, tried);
}

}  // namespace
}  // namespace labctl::e2e
