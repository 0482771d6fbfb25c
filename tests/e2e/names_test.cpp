// The longest names that each kind takes, live: programs and probes run, Services and name servers answer,
// and what cannot be made of a name is told by the object that wants it.

#include "tests/e2e/labctl_program.hpp"

#include <filesystem>
#include <set>

namespace labctl::e2e {
namespace {

using support::ProgramResult;

const std::string kNamespace(63, 'n'), kPod(253, 'p'), kContainer(63, 'c'), kService(63, 's'),
    kHeadless(63, 'h'), kHost(63, 'o'), kPort(63, 'q'), kDeployment(242, 'd'), kStatefulSet(52, 't'),
    kDaemonSet(242, 'e');

// As long as a Service's whole name leaves room: 253 - 64 - 64 - 4.
std::string longest_domain() { return std::string(63, 'x') + "." + std::string(57, 'y'); }

std::string workload(const std::string& kind, const std::string& name, const std::string& spec) {
  return "apiVersion: apps/v1\nkind: " + kind + "\nmetadata: {name: " + name + ", namespace: " + kNamespace +
         "}\nspec:\n  " + spec +
         "\n  selector: {matchLabels: {app: w}}\n  template:\n    metadata: {labels: {app: w}}\n    spec: "
         "{containers: [{name: " +
         kContainer + ", image: agnhost, args: [netexec], ports: [{containerPort: 8080}]}]}\n---\n";
}

std::string service(const std::string& name, const std::string& spec) {
  return "apiVersion: v1\nkind: Service\nmetadata: {name: " + name + ", namespace: " + kNamespace +
         "}\nspec: {selector: {app: p}, " + spec + ", ports: [{name: " + kPort +
         ", port: 80, targetPort: 8080}]}\n---\n";
}

std::string longest_objects() {
  return "apiVersion: v1\nkind: Namespace\nmetadata: {name: " + kNamespace +
         "}\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: " + kPod + ", namespace: " + kNamespace +
         ", labels: {app: p}}\nspec: {hostname: " + kHost + ", subdomain: " + kHeadless +
         ", containers: [{name: " + kContainer +
         ", image: agnhost, args: [netexec], readinessProbe: {exec: {command: [\"true\"]}}}]}\n---\n" +
         // Cut in the middle of what may not end a name, for its host name and for its events.
         "apiVersion: v1\nkind: Pod\nmetadata: {name: " + std::string(62, 'r') + "." + std::string(175, 'r') +
         "." + std::string(14, 'r') +
         "}\nspec: {containers: [{name: c, image: host, command: [sleep, \"3600\"], " +
         "readinessProbe: {exec: {command: [\"true\"]}}}]}\n---\n" +
         workload("Deployment", kDeployment, "replicas: 1") +
         workload("StatefulSet", kStatefulSet, "serviceName: " + kHeadless + "\n  replicas: 1") +
         workload("DaemonSet", kDaemonSet, "minReadySeconds: 0") + service(kService, "type: NodePort") +
         service(kHeadless, "clusterIP: None");
}

class Names : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override { LABCTL_NEEDS_USER_NAMESPACES(); }

  int running() const {
    return count_of(lab_.run({"get", "pods", "-N", kNamespace, "--no-headers"}).out, "Running") +
           count_of(lab_.run({"get", "pods", "--no-headers"}).out, "Running");
  }
  std::string in_pod(std::vector<std::string> command) const {
    command.insert(command.begin(), {"exec", kPod, "-N", kNamespace, "-c", kContainer, "--"});
    return lab_.run(command).out;
  }

  Labctl lab_;
};

TEST_P(Names, AtTheirLimitsDoAllThatShortOnesDo) {
  const std::string spec =
      std::string("nodes: 2, dataplane: ") + GetParam() + ", dns: {domain: " + longest_domain() + "}";
  ASSERT_TRUE(ends_with(
      lab_.run({"up", lab_.write("lab.yaml", cluster(std::string(63, 'l'), spec) + longest_objects())}),
      kPassed));
  ASSERT_TRUE(eventually([&] { return running() == 6; })) << lab_.run({"get", "pods", "-A"}).out;
  const std::string vantage = "pod/" + kNamespace + "/" + kPod;
  // By its address, by its name, and by the name of the headless one.
  const auto answers = [&](const std::string& target) {
    return eventually([&] { return lab_.run({"probe", vantage, target}).exit_code == kPassed; });
  };
  EXPECT_TRUE(answers("svc/" + kNamespace + "/" + kService + ":80"));
  EXPECT_TRUE(answers("dns:" + kService + "." + kNamespace + ".svc." + longest_domain()));
  EXPECT_TRUE(answers("dns:" + kHeadless));
  EXPECT_TRUE(has(lab_.run({"describe", "svc", kService, "-N", kNamespace}).out, kService));
  EXPECT_EQ(in_pod({"uname", "-n"}), kHost + "\n");
  std::string variable(kService);
  for (char& c : variable) {
    c = static_cast<char>(c - 'a' + 'A');
  }
  EXPECT_TRUE(has(in_pod({"env"}), variable + "_SERVICE_HOST=10."));
  EXPECT_TRUE(ends_with(lab_.run({"logs", kPod, "-N", kNamespace, "-c", kContainer}), kPassed));
  EXPECT_TRUE(ends_with(lab_.run({"describe", "pod", kPod, "-N", kNamespace}), kPassed));
  EXPECT_TRUE(ends_with(lab_.run({"delete", "pod", kPod, "-N", kNamespace}), kPassed));
  EXPECT_TRUE(ends_with(lab_.run({"delete", "namespace", kNamespace}), kPassed));
  EXPECT_TRUE(eventually([&] { return running() == 1; })) << lab_.run({"get", "pods", "-A"}).out;
  EXPECT_TRUE(ends_with(lab_.run({"down"}), kPassed));
}

INSTANTIATE_TEST_SUITE_P(DataPlanes, Names, ::testing::Values("maps", "kube-proxy-nftables"),
                         [](const auto& info) {
                           return std::string(info.index == 0 ? "maps" : "kube_proxy");
                         });

using NamesOf = Names;

TEST_F(NamesOf, ThatAreTooLongAreRefusedOrToldAndTheLabGoesOn) {
  ASSERT_TRUE(ends_with(lab_.run({"up", lab_.write("lab.yaml", cluster("names",
                                                                       "nodes: 1, dns: {enabled: "
                                                                       "false}"))}),
                        kPassed));
  const auto pod_named = [](const std::string& name) {
    return "apiVersion: v1\nkind: Pod\nmetadata: {name: " + name +
           "}\nspec: {containers: [{name: c, image: a}]}\n";
  };
  for (const char* verb : {"lint", "apply"}) {
    const ProgramResult result = lab_.run({verb, lab_.write("pod.yaml", pod_named(std::string(254, 'p')))});
    EXPECT_EQ(result.exit_code, kUsage) << verb;
    EXPECT_TRUE(has(result.out + result.err, "metadata.name: has 254 characters; at most 253 are allowed"));
  }
  const std::string too_long = workload("Deployment", std::string(253, 'd'), "replicas: 1") +
                               workload("StatefulSet", std::string(63, 't'), "replicas: 1") +
                               workload("DaemonSet", std::string(253, 'e'), "minReadySeconds: 0") +
                               "apiVersion: v1\nkind: Namespace\nmetadata: {name: " + kNamespace + "}\n";
  const std::string file = lab_.write("long.yaml", too_long);
  const ProgramResult lint = lab_.run({"lint", file});
  EXPECT_TRUE(ends_with(lint, kPassed));
  EXPECT_EQ(count_of(lint.out + lint.err, "so there will be no pods"), 3);
  EXPECT_TRUE(ends_with(lab_.run({"apply", "-f", file}), kPassed));
  const auto events = [&] { return lab_.run({"events", "-N", kNamespace}).out; };
  EXPECT_TRUE(eventually([&] {
    return count_of(events(), "FailedCreate") == 2 && count_of(events(), "ReplicaSetCreateError") == 1;
  })) << events();
  EXPECT_EQ(lab_.run({"get", "pods", "-N", kNamespace, "--no-headers"}).out, "");
  EXPECT_TRUE(has(lab_.run({"get", "deploy", std::string(253, 'd'), "-N", kNamespace, "-o", "yaml"}).out,
                  "must be no more than 253 bytes"));
  EXPECT_TRUE(ends_with(lab_.run({"delete", "namespace", kNamespace}), kPassed));
  EXPECT_TRUE(ends_with(lab_.run({"status"}), kPassed));
}

TEST_F(NamesOf, ScenariosAndWhatTheyFailOnHaveEvidence) {
  lab_.write("manifests/pod.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: " + kPod +
                                       "}\nspec: {containers: [{name: " + kContainer +
                                       ", image: agnhost}]}\n");
  const std::filesystem::path file = lab_.write(
      "scenario.yaml",
      "apiVersion: labctl.dev/v1alpha1\nkind: Scenario\nmetadata: {name: " + std::string(253, 'x') +
          "}\nspec:\n  cluster: {nodes: [{name: " + std::string(63, 'k') +
          "}], dns: {enabled: false}, outside: {hosts: [{name: " + kHost +
          ", addresses: [198.51.100.9]}]}}\n  apply: [manifests/]\n  steps:\n  - {name: " +
          std::string(400, 'y') + ", wait: {for: pod/default/" + kPod + ", condition: Ready}}\n" +
          "  - {name: probe, probe: {from: outside/" + kHost + ", to: \"pod/default/" + kPod +
          ":81\", expect: {outcome: ok}}}\n");
  const std::filesystem::path evidence = file.parent_path() / "evidence";
  const ProgramResult result = lab_.run({"test", file.string(), "--evidence", evidence.string()});
  EXPECT_TRUE(ends_with(result, kAssertionFailed));
  EXPECT_EQ(count_of(result.out, "none kept"), 0) << result.out;
  std::set<std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(evidence)) {
    files.insert(entry.path().parent_path().filename().string().substr(0, 12) + "/" +
                 entry.path().filename().string().substr(0, 12));
  }
  for (const char* wanted : {"node_kkkkkkk/links.txt", "pod_default_/links.txt", "outside_oooo/routes.txt",
                             "logs/default_pppp", "objects/pods.json"}) {
    EXPECT_EQ(files.count(wanted), 1U) << wanted;
  }
}

}  // namespace
}  // namespace labctl::e2e
