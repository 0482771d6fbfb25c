// Situations out of other projects' bug reports, a folder each in tests/e2e/situations: each scenario
// passes, and fails when what it is about is edited away.

#include "tests/e2e/labctl_program.hpp"
#include "tests/support/leak_check.hpp"
#include "tests/support/temp_dir.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <ostream>
#include <string>

namespace labctl::e2e {
namespace {

namespace fs = std::filesystem;
using support::ProgramResult;

struct Situation {
  std::string name;
  std::string file;  // with another text it fails
  std::string text;
  std::string instead;
};

void PrintTo(const Situation& situation, std::ostream* out) { *out << situation.name; }

const std::vector<Situation>& situations() {
  static const std::vector<Situation> all{
      {"same-nodeport-for-tcp-and-udp", "both.yaml", "targetPort: t, nodePort", "targetPort: 54, nodePort"},
      {"nil-conditions-and-two-slices", "m.yaml", "[10.244.2.2], conditions: {}",
       "[10.244.2.2], conditions: {ready: false}"},
      {"two-endpoints-of-one-address", "m.yaml", "{name: http, containerPort: 8081}",
       "{name: web, containerPort: 8081}"},
      {"parallel-statefulset-before-ready", "m.yaml", "publishNotReadyAddresses: true",
       "publishNotReadyAddresses: false"},
      {"name-asked-before-it-exists", "sts.yaml", "serviceName: db", "serviceName: other"},
      {"names-that-are-no-names", "m.yaml", "subdomain: headless", "subdomain: other"},
      {"search-list-of-the-root-and-underscores", "m.yaml", "searches: [\".\", ", "searches: ["},
      {"udp-to-a-service-whose-only-pod-is-replaced", "second.yaml", "containerPort: 53",
       "containerPort: 54"},
      {"local-policy-from-pods-of-other-nodes", "m.yaml", "externalIPs: [198.51.100.222], ", ""},
      {"affinity-lets-go-of-an-unready-pod", "m.yaml", "sessionAffinity: ClientIP, ", ""},
      {"vxlan-from-nodes", "m.yaml", "nodePort: 30080", "nodePort: 30081"},
      {"duplicate-variable-repaired", "fixed.yaml", "{name: Y, value: \"2\"}", "{name: Z, value: \"2\"}"},
      {"long-names-with-one-beginning", "m.yaml", "image: nginx, ports",
       "image: host, command: [sleep, \"1000\"], ports"},
      {"local-redirect-elsewhere-and-odd-probes", "m.yaml", "sleep 5", "sleep 0"},
      {"forced-rollback", "fixed.yaml", "[\"true\"]", "[\"false\"]"},
      {"deletion-cost-and-isolated-pods", "scenario.yaml", "\"-100\"", "\"100\""},
      {"hand-written-endpoints", "m.yaml", "skip-mirror: \"true\"", "skip-mirror: \"false\""},
      {"names-of-variables", "m.yaml", "value: b", "value: d"},
      {"long-bodies", "scenario.yaml", "echo%20END", "echo%20OF"},
  };
  return all;
}

class Situations : public ::testing::TestWithParam<Situation> {
 protected:
  void SetUp() override {
    LABCTL_NEEDS_USER_NAMESPACES();
    fs::copy(fs::path(LABCTL_SOURCE_DIR) / "tests/e2e/situations" / GetParam().name, folder_.path(),
             fs::copy_options::recursive);
  }
  ProgramResult run() const { return lab_.run({"test", folder_.path().string()}); }

  Labctl lab_;
  support::TempDir folder_;
};

TEST_P(Situations, AreAsInACluster) { EXPECT_TRUE(ends_with(run(), kPassed)); }

TEST_P(Situations, AreNotWhenTheyAreEditedAway) {
  const fs::path file = folder_.path() / GetParam().file;
  std::string text = support::read_file(file);
  const std::size_t at = text.find(GetParam().text);
  ASSERT_NE(at, std::string::npos) << file << " has no " << GetParam().text;
  std::ofstream(file) << text.replace(at, GetParam().text.size(), GetParam().instead);
  EXPECT_TRUE(ends_with(run(), kAssertionFailed));
}

INSTANTIATE_TEST_SUITE_P(Of, Situations, ::testing::ValuesIn(situations()), [](const auto& info) {
  std::string name = info.param.name;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

TEST(Situation, AThousandPortsOfOneService) {
  LABCTL_NEEDS_USER_NAMESPACES();
  const Labctl lab;
  std::string pod =
      "apiVersion: v1\nkind: Pod\nmetadata: {name: sip, labels: {app: sip}}\nspec:\n  containers:\n  - name: "
      "c\n"
      "    image: sip\n    ports:\n";
  std::string service =
      "---\napiVersion: v1\nkind: Service\nmetadata: {name: sip}\nspec:\n  type: NodePort\n  selector: {app: "
      "sip}\n"
      "  ports:\n";
  for (int i = 0; i < 1000; ++i) {
    const std::string port = std::to_string(20000 + i);
    pod += "    - {containerPort: " + port + ", protocol: UDP}\n";
    service += "  - {name: rtp-" + std::to_string(i) + ", port: " + port + ", protocol: UDP}\n";
  }
  ASSERT_TRUE(ends_with(lab.run({"up", "-n", "l", "-f", lab.write("m.yaml", pod + service)}), kPassed));
  for (const char* port : {"20000", "20999"}) {
    EXPECT_TRUE(
        ends_with(lab.run({"probe", "node/node-1", std::string("svc/default/sip:") + port, "--proto", "udp"}),
                  kPassed));
  }
  EXPECT_TRUE(ends_with(
      lab.run({"probe", "node/node-1", "svc/default/sip:20999", "--proto", "tcp", "--expect", "refused"}),
      kPassed));
}

}  // namespace
}  // namespace labctl::e2e
