// The objects that are the lab's own, when they are deleted and when files bring them.

#include "tests/e2e/dns_client.hpp"

#include <nlohmann/json.hpp>

namespace labctl::e2e {
namespace {

constexpr const char* kAsker = "pod/default/tool";

class OwnObjects : public ::testing::Test {
 protected:
  void SetUp() override { LABCTL_NEEDS_USER_NAMESPACES(); }

  void up(const std::string& objects = {}) {
    const std::string file =
        lab_.write("lab.yaml", cluster("own", "nodes: 2") + host_pod("tool", "sleep 3600") + objects);
    ASSERT_TRUE(ends_with(lab_.run({"up", file}), kPassed));
  }
  bool has_names() const {
    api::Client client = client_of(lab_, "own");
    return eventually([&] {
      return ask_one(client, kAsker, "kubernetes.default.svc.cluster.local").data ==
             std::set<std::string>{"10.96.0.1"};
    });
  }
  std::string cluster_ip(const std::string& ns, const std::string& name) const {
    return lab_.run({"get", "svc", name, "-N", ns, "-o", "json"}).out;
  }

  Labctl lab_;
};

TEST_F(OwnObjects, ComeBackWhenTheyAreDeleted) {
  up();
  ASSERT_TRUE(has_names());
  ASSERT_TRUE(ends_with(lab_.run({"delete", "svc", "kubernetes"}), kPassed));
  EXPECT_TRUE(eventually([&] { return count_of(cluster_ip("default", "kubernetes"), "10.96.0.1\"") > 0; }));
  for (const char* kind : {"svc", "deploy", "endpointslices"}) {
    ASSERT_TRUE(ends_with(lab_.run({"delete", kind, "--all", "-N", "kube-system"}), kPassed)) << kind;
  }
  EXPECT_TRUE(has_names());
  EXPECT_TRUE(
      eventually([&] { return count_of(cluster_ip("kube-system", "kube-dns"), "10.96.0.10\"") > 0; }));
  ASSERT_TRUE(ends_with(lab_.run({"delete", "ns", "kube-node-lease"}), kPassed));
  EXPECT_TRUE(eventually([&] { return count_of(lab_.run({"get", "ns"}).out, "kube-node-lease") == 1; }));
}

TEST_F(OwnObjects, ThatNoClusterLetsGoOfAreRefused) {
  up();
  const std::string file = lab_.write(
      "ns.yaml", host_pod("other", "true") + "apiVersion: v1\nkind: Namespace\nmetadata: {name: default}\n");
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"delete", "ns", "default"}, {"delete", "-f", file}}) {
    const support::ProgramResult result = lab_.run(command);
    EXPECT_FALSE(ends_with(result, kPassed));
    EXPECT_TRUE(has(result.err, "namespaces \"default\" is forbidden: this namespace may not be deleted"));
  }
  EXPECT_TRUE(has(lab_.run({"get", "pods"}).out, "tool"));
}

TEST_F(OwnObjects, OfAnExportAreTheNewLabs) {
  const std::string web =
      "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {selector: {app: web}, ports: "
      "[{port: 80, targetPort: 8080}]}\n"
      "---\n";
  up(deployment("web", 3) + "---\n" + web);
  const auto names = [&] { return lab_.run({"get", "pods,rs,deploy,svc", "-A", "-o", "name"}).out; };
  const std::string before = names();
  const std::string all = lab_.run({"get", "all", "-A", "-o", "yaml"}).out;
  const std::string more = lab_.run({"get", "ns,nodes,endpoints,endpointslices", "-A", "-o", "yaml"}).out;
  ASSERT_TRUE(ends_with(lab_.run({"down", "own"}), kPassed));
  ASSERT_TRUE(ends_with(
      lab_.run({"up", "-n", "own", lab_.write("all.yaml", all), lab_.write("more.yaml", more)}), kPassed));
  EXPECT_EQ(names(), before);
  EXPECT_TRUE(has_names());
  ASSERT_TRUE(eventually([&] {
    return ends_with(lab_.run({"probe", kAsker, "http://web/hostname"}), kPassed);
  }));
}

}  // namespace
}  // namespace labctl::e2e
