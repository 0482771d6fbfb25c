// What the network of a lab carries: every mode and family, many labs with equal addresses, and probes of
// each kind and outcome.

#include "tests/e2e/labctl_program.hpp"

#include <memory>
#include <set>
#include <sstream>

namespace labctl::e2e {
namespace {

using support::ProgramResult;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    lines.push_back(line);
  }
  return lines;
}

// ---- Modes and families ------------------------------------------------------------------------

struct Fabric {
  const char* name;
  const char* spec;
  bool ipv4;
  bool ipv6;
};

void PrintTo(const Fabric& fabric, std::ostream* out) { *out << fabric.spec; }

class Fabrics : public ::testing::TestWithParam<Fabric> {
 protected:
  void SetUp() override { LABCTL_NEEDS_USER_NAMESPACES(); }
};

TEST_P(Fabrics, CarryEveryPodToEveryPodByTcpUdpAndIcmp) {
  const Fabric fabric = GetParam();
  const Labctl lab;
  const std::string file =
      lab.write("lab.yaml", cluster("fabric", std::string("nodes: 2, ") + fabric.spec) +
                                deployment("web", 4) + host_pod("tool", "sleep 3600", "nodeName: node-1"));
  ASSERT_TRUE(ends_with(lab.run({"up", file}), kPassed));
  // 5 pods, 2 nodes and 2 outside hosts to 5 pods; tool, which declares no port, by ICMP.
  const ProgramResult tcp = lab.run({"matrix"});
  EXPECT_TRUE(ends_with(tcp, kPassed));
  EXPECT_TRUE(has(tcp.out, "45 of 45 as they should be"));
  EXPECT_TRUE(ends_with(lab.run({"matrix", "--proto", "udp"}), kPassed));
  EXPECT_TRUE(ends_with(lab.run({"matrix", "--proto", "icmp"}), kPassed));

  // By address, so that the second family of two is asked as well. Pods of both nodes.
  const std::string pods = lab.run({"get", "pods", "-l", "app=web", "-o", "json"}).out;
  EXPECT_EQ(count_of(pods, "\"ip\": \"10.244."), fabric.ipv4 ? 4 : 0);
  EXPECT_EQ(count_of(pods, "\"ip\": \"fd00:10:244:"), fabric.ipv6 ? 4 : 0);
  for (const std::string node : {"1", "2"}) {
    if (fabric.ipv4) {
      EXPECT_TRUE(ends_with(lab.run({"probe", "tool", "10.244." + node + ".3:8080"}), kPassed));
    }
    if (fabric.ipv6) {
      EXPECT_TRUE(ends_with(lab.run({"probe", "tool", "[fd00:10:244:" + node + "::3]:8080"}), kPassed));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Modes, Fabrics,
    ::testing::Values(
        Fabric{"RoutedIPv4", "network: {mode: routed}", true, false},
        Fabric{"RoutedDualStack", "ipFamilies: [IPv4, IPv6], network: {mode: routed}", true, true},
        Fabric{"RoutedIPv6", "ipFamilies: [IPv6], network: {mode: routed}", false, true},
        Fabric{"VxlanIPv4", "network: {mode: vxlan}", true, false},
        Fabric{"VxlanDualStack", "ipFamilies: [IPv6, IPv4], network: {mode: vxlan}", true, true},
        Fabric{"VxlanIPv6", "ipFamilies: [IPv6], network: {mode: vxlan}", false, true}),
    [](const auto& info) { return std::string(info.param.name); });

// ---- Many at once ------------------------------------------------------------------------------

TEST(TenLabs, SideBySideWithEqualAddressesAreAllGreenAndAllGo) {
  LABCTL_NEEDS_USER_NAMESPACES();
  EXPECT_TRUE(leaves_nothing(1000, Folders::GoAtOnce, [](Labctl& lab) {
    constexpr int kLabs = 10;
    const std::string file = lab.write("lab.yaml", cluster("many", "nodes: 3") + deployment("web", 10));
    std::set<std::string> addresses;
    for (int i = 0; i < kLabs; ++i) {
      const std::string name = "lab-" + std::to_string(i);
      require_code(lab.run({"up", file, "-n", name}), kPassed);
      addresses.insert(
          lab.run({"get", "pods", "-n", name, "-o", "wide", "--no-headers"}).out.find("10.244.3.2") !=
                  std::string::npos
              ? "equal"
              : name);
    }
    require(addresses == std::set<std::string>{"equal"}, "the labs' addresses differ");
    require(lines_of(lab.run({"ls", "-o", "name"}).out).size() == kLabs, "not all labs are up");
    std::vector<support::RunningProgram> matrices;
    for (int i = 0; i < kLabs; ++i) {
      matrices.push_back(lab.start({"matrix", "-n", "lab-" + std::to_string(i)}));
    }
    for (support::RunningProgram& matrix : matrices) {
      const ProgramResult result = matrix.wait();
      require_code(result, kPassed);
      require(result.out.find("150 of 150 as they should be") != std::string::npos,
              "not 150 pairs: " + result.out);
    }
    require_code(lab.run({"down", "--all"}), kPassed);
    require(lab.lab_folders().empty(), "a folder was left when down returned");
  }));
}

// ---- Probes ------------------------------------------------------------------------------------

// One lab for all probes. node-1: web-0, web-2; node-2: web-1.
class Probes : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (!support::why_no_user_namespaces().empty()) {
      return;
    }
    lab_ = std::make_unique<Labctl>();
    const std::string pod_spec =
        "spec: {containers: [{name: web, image: agnhost, args: [netexec], ports: [{containerPort: 8080}, "
        "{containerPort: 8081, protocol: UDP}]}]}";
    const std::string file = lab_->write(
        "lab.yaml",
        cluster("probes", "nodes: 2") +
            "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: web}\nspec:\n  replicas: 3\n"
            "  serviceName: web\n  selector: {matchLabels: {app: web}}\n"
            "  template:\n    metadata: {labels: {app: web}}\n    " +
            pod_spec + "\n");
    const ProgramResult up = lab_->run({"up", file});
    ASSERT_TRUE(ends_with(up, kPassed));
  }
  static void TearDownTestSuite() { lab_.reset(); }
  void SetUp() override { LABCTL_NEEDS_USER_NAMESPACES(); }

  // `labctl probe ARGUMENTS... -o json`
  static ProgramResult probe(std::vector<std::string> arguments, const std::string& input = {}) {
    arguments.insert(arguments.begin(), "probe");
    if (input.empty()) {
      arguments.insert(arguments.end(), {"-o", "json"});
    }
    return lab_->run(arguments, input);
  }

  static std::unique_ptr<Labctl> lab_;
};

std::unique_ptr<Labctl> Probes::lab_;

TEST_F(Probes, OfTcpTellWhoAnsweredAndWhatItSaw) {
  const ProgramResult result = probe({"--from", "pod/default/web-0", "--to", "pod/default/web-1:8080"});
  EXPECT_TRUE(ends_with(result, kPassed));
  EXPECT_TRUE(has(result.out, R"("outcome": "ok")"));
  EXPECT_TRUE(has(result.out, R"("backend": "pod/default/web-1")"));
  EXPECT_TRUE(has(result.out, R"("source": "10.244.1.2")"));
}

TEST_F(Probes, OfUdpTellWhoAnsweredAndWhatItSaw) {
  const ProgramResult result = probe({"web-0", "web-1:8081", "--proto", "udp"});
  EXPECT_TRUE(ends_with(result, kPassed));
  EXPECT_TRUE(has(result.out, R"("backend": "pod/default/web-1")"));
  EXPECT_TRUE(has(result.out, R"("source": "10.244.1.2")"));
}

TEST_F(Probes, FromANodeAndFromOutsideLeaveThere) {
  const ProgramResult node = probe({"node/node-2", "web-0:8080"});
  EXPECT_TRUE(ends_with(node, kPassed));
  EXPECT_TRUE(has(node.out, R"("source": "192.168.50.12")"));
  const ProgramResult outside = probe({"outside/client", "outside/www:80"});
  EXPECT_TRUE(ends_with(outside, kPassed));
  EXPECT_TRUE(has(outside.out, R"("source": "198.51.100.10")"));
}

TEST_F(Probes, ToTheOutsideComeWithTheNodesAddress) {
  const ProgramResult result = probe({"web-1", "198.51.100.80:80"});
  EXPECT_TRUE(ends_with(result, kPassed));
  EXPECT_TRUE(has(result.out, R"("backend": "outside/www")"));
  EXPECT_TRUE(has(result.out, R"("source": "192.168.50.12")"));
}

TEST_F(Probes, OfAClosedPortAreRefused) {
  for (const char* proto : {"tcp", "udp"}) {
    const ProgramResult result = probe({"web-0", "web-1:9", "--proto", proto});
    EXPECT_TRUE(ends_with(result, kAssertionFailed)) << proto;
    EXPECT_TRUE(has(result.out, R"("outcome": "refused")")) << proto;
  }
}

TEST_F(Probes, FromOutsideToAPodAreUnreachable) {
  const ProgramResult result = probe({"outside/client", "web-0:8080"});
  EXPECT_TRUE(has(result.out, R"("outcome": "unreachable")"));
  EXPECT_TRUE(ends_with(probe({"outside/client", "web-0:8080", "--expect", "unreachable"}), kPassed));
}

TEST_F(Probes, OfAnAddressWithoutAPodEndInTimeOrWithAReason) {
  const ProgramResult result = probe({"web-0", "10.244.2.200:8080", "--timeout", "300ms"});
  EXPECT_TRUE(ends_with(result, kAssertionFailed));
  EXPECT_TRUE(has(result.out, R"("outcome": "timeout")"));
  EXPECT_TRUE(has(result.out, "no answer within 300ms")) << result.out;
}

TEST_F(Probes, ExpectDecidesTheExitCode) {
  EXPECT_TRUE(ends_with(probe({"web-0", "web-1:9", "--expect", "refused"}), kPassed));
  EXPECT_TRUE(ends_with(probe({"web-0", "web-1:9", "--expect", "timeout,refused"}), kPassed));
  EXPECT_TRUE(ends_with(probe({"web-0", "web-1:8080", "--expect", "refused"}), kAssertionFailed));
  EXPECT_TRUE(ends_with(probe({"web-0", "web-1:8080", "--expect", "nonsense"}), kUsage));
}

TEST_F(Probes, CountCountsAnswersByBackend) {
  const ProgramResult result = probe({"web-0", "web-1:8080", "--count", "50"});
  EXPECT_TRUE(ends_with(result, kPassed));
  EXPECT_TRUE(has(result.out, R"("tries": 50)"));
  EXPECT_TRUE(has(result.out, R"("pod/default/web-1": 50)"));
}

TEST_F(Probes, OfHttpAndIcmpWork) {
  EXPECT_TRUE(ends_with(probe({"web-0", "http://10.244.2.2:8080/hostname"}), kPassed));
  EXPECT_TRUE(ends_with(probe({"web-0", "icmp:10.244.2.2"}), kPassed));
  EXPECT_TRUE(ends_with(probe({"web-0", "web-1", "--proto", "icmp", "--count", "3"}), kPassed));
}

TEST_F(Probes, RetryWithinEndsWhenTheOutcomeComes) {
  const ProgramResult result = probe({"web-0", "web-1:8080", "--retry-within", "10m"});
  EXPECT_TRUE(ends_with(result, kPassed)) << "longer than a program of a test may run";
}

TEST_F(Probes, OfTenThousandLinesEachIdComesBackOnce) {
  constexpr int kProbes = 10'000;
  std::string input;
  for (int i = 0; i < kProbes; ++i) {
    const std::string to =
        i % 5 == 0 ? "198.51.100.80:80" : "pod/default/web-" + std::to_string(i % 3) + ":8080";
    input += R"({"id":"p)" + std::to_string(i) + R"(","from":"pod/default/web-)" + std::to_string(i % 2) +
             R"(","to":")" + to + "\"}\n";
  }
  const ProgramResult result = probe({"-f", "-", "-o", "jsonl"}, input);
  EXPECT_TRUE(ends_with(result, kPassed)) << result.out.substr(0, 500);
  std::set<std::string> ids;
  const std::vector<std::string> answers = lines_of(result.out);
  for (const std::string& line : answers) {
    const std::string key = R"("id":")";
    const size_t at = line.find(key);
    ASSERT_NE(at, std::string::npos) << line;
    const size_t from = at + key.size();
    ids.insert(line.substr(from, line.find('"', from) - from));
    ASSERT_TRUE(has(line, R"("outcome":"ok")"));
  }
  EXPECT_EQ(answers.size(), static_cast<size_t>(kProbes));
  EXPECT_EQ(ids.size(), static_cast<size_t>(kProbes));
}

TEST_F(Probes, ABadLineIsReportedAndTheOthersAreAsked) {
  const ProgramResult result = probe({"-f", "-", "-o", "jsonl"},
                                     R"({"id":"a","from":"pod/default/web-0","to":"pod/default/web-1:8080"})"
                                     "\nnot JSON\n"
                                     R"({"id":"c","from":"pod/default/nobody","to":"pod/default/web-1:8080"})"
                                     "\n"
                                     R"({"id":"d","from":"pod/default/web-1","to":"pod/default/web-0:8080"})"
                                     "\n");
  EXPECT_TRUE(ends_with(result, kUsage));
  EXPECT_TRUE(has(result.err, "<stdin>:2: "));
  EXPECT_TRUE(has(result.err, "nobody"));
  EXPECT_TRUE(has(result.out, R"("id":"a")"));
  EXPECT_TRUE(has(result.out, R"("id":"c")"));
  EXPECT_TRUE(has(result.out, R"("id":"d")"));
  EXPECT_EQ(count_of(result.out, R"("outcome":"ok")"), 2);
}

TEST_F(Probes, OfAPlaceThatIsNotThereSayWhatIs) {
  const ProgramResult result = probe({"web-9", "web-1:8080"});
  EXPECT_TRUE(ends_with(result, kUsage));
  EXPECT_TRUE(has(result.err, "web-9"));
}

TEST_F(Probes, InAMatrixShowFailuresAndEndWithOne) {
  const ProgramResult result = lab_->run({"matrix", "--from", "web-0", "--to", "web-1", "--port", "9"});
  EXPECT_TRUE(ends_with(result, kAssertionFailed));
  EXPECT_TRUE(has(result.out, "0 of 1 as they should be"));
  EXPECT_TRUE(has(result.out, "pod/default/web-0 -> pod/default/web-1: refused"));
}

TEST_F(Probes, TheGraphNamesEveryPodAndNode) {
  for (const char* format : {"mermaid", "dot", "svg"}) {
    const ProgramResult graph = lab_->run({"graph", "-o", format});
    EXPECT_TRUE(ends_with(graph, kPassed)) << format;
    for (const char* name : {"web-0", "web-1", "web-2", "node-1", "node-2", "10.244.1.2"}) {
      EXPECT_TRUE(has(graph.out, name)) << format;
    }
  }
}

}  // namespace
}  // namespace labctl::e2e
