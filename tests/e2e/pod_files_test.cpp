// What a pod finds in its /run, and what becomes of a lab when that, or the
// supervisor's own file system, is full.

#include "tests/e2e/dns_client.hpp"

#include <nlohmann/json.hpp>

#include <sstream>

namespace labctl::e2e {
namespace {

using support::ProgramResult;

constexpr const char* kToolPod = "pod/default/tool";
// What a busy machine may need to fill a disk, or to get to the end of a back-off.
constexpr std::chrono::seconds kWithin{60};

std::string service_at(const std::string& name, const std::string& address) {
  return "apiVersion: v1\nkind: Service\nmetadata: {name: " + name + "}\nspec: {clusterIP: " + address +
         ", ports: [{port: 80}]}\n---\n";
}

class PodFiles : public ::testing::Test {
 protected:
  void SetUp() override { LABCTL_NEEDS_USER_NAMESPACES(); }

  void up(const std::string& objects = {}) {
    const std::string file =
        lab_.write("lab.yaml", cluster("files", "nodes: 1, dns: {replicas: 1}") +
                                   host_pod("tool", "sleep 3600") + deployment("web", 1) + objects);
    ASSERT_TRUE(ends_with(lab_.run({"up", file}), kPassed));
  }
  void apply(const std::string& objects) {
    EXPECT_TRUE(ends_with(lab_.run({"apply", "-f", lab_.write("more.yaml", objects)}), kPassed));
  }
  // "pod/NAMESPACE/NAME" of the first whose name begins so.
  std::string pod(const std::string& ns, const std::string& prefix) const {
    const nlohmann::json list = client_of(lab_, "files").get("/api/v1/namespaces/" + ns + "/pods").json();
    for (const nlohmann::json& item : list.at("items")) {
      const std::string name = item.at("metadata").at("name");
      if (name.starts_with(prefix)) {
        return "pod/" + ns + "/" + name;
      }
    }
    return "no pod " + prefix;
  }
  std::string dns_pod() const { return pod("kube-system", "kube-dns-"); }
  bool is_ready(const std::string& name) const {
    api::Client client = client_of(lab_, "files");
    return eventually(
        [&] {
          const nlohmann::json pod = client.get("/api/v1/namespaces/default/pods/" + name).json();
          for (const nlohmann::json& condition :
               pod.at("status").value("conditions", nlohmann::json::array())) {
            if (condition.at("type") == "Ready" && condition.at("status") == "True") {
              return true;
            }
          }
          return false;
        },
        kWithin);
  }
  bool is_said(const std::string& name, const std::string& address) const {
    api::Client client = client_of(lab_, "files");
    return eventually(
        [&] {
          return ask_one(client, kToolPod, name + ".default.svc.cluster.local").data ==
                 std::set<std::string>{address};
        },
        kWithin);
  }

  Labctl lab_;
};

TEST_F(PodFiles, NothingOfTheSupervisorsFilesIsSeenInAPod) {
  up();
  for (const std::string& place :
       {std::string(kToolPod), pod("default", "web-"), std::string("node/node-1")}) {
    const ProgramResult run = lab_.exec(
        place, {"find", "/run", "-mindepth", "1", "(", "-type", "f", "-o", "-name", "labctl*", ")"});
    EXPECT_EQ(run.out, "") << place << ": " << run.err;
    // Nor by way of another process.
    const ProgramResult others = lab_.exec(
        place,
        {"sh", "-c", "ls -d /proc/*/root/run/labctl-pods /proc/*/root/run/labctl-scratch 2>/dev/null"});
    EXPECT_EQ(others.out, "") << place;
  }
  const std::string dns = dns_pod();
  const ProgramResult folders = lab_.exec(dns, {"ls", "/run", "/run/labctl-dns"});
  EXPECT_EQ(folders.out,
            "/run:\nlabctl-dns\n\n/run/labctl-dns:\n" + dns.substr(dns.rfind('/') + 1) + "\nnamed\n")
      << folders.err;
  // What is a pod's own is there.
  EXPECT_TRUE(has(lab_.exec(kToolPod, {"cat", "/etc/hosts"}).out, "tool"));
}

TEST_F(PodFiles, APodThatFillsItsRunKeepsNobodyFromAnything) {
  up(host_pod("filler", "cat /dev/zero > /run/fill; sleep 3600"));
  ASSERT_TRUE(eventually(
      [&] {
        return lab_.exec("pod/default/filler", {"stat", "-f", "-c", "%f", "/run"}).out == "0\n";
      },
      kWithin));
  apply(service_at("late", "10.96.0.80") + host_pod("late", "sleep 3600"));
  EXPECT_TRUE(is_said("late", "10.96.0.80"));
  EXPECT_TRUE(is_ready("late"));
  EXPECT_TRUE(
      has(lab_.exec(pod("default", "web-"), {"cat", "/etc/resolv.conf"}).out, "nameserver 10.96.0.10"));
  EXPECT_TRUE(ends_with(lab_.exec("pod/default/late", {"sh", "-c", "echo x > /run/mine"}), kPassed));
}

// Only the lab's own DNS server can write where the supervisor does.
TEST_F(PodFiles, AllIsWellAgainWhenTheSupervisorsDiskWasFull) {
  up();
  const std::string dns = dns_pod();
  const std::string fill = "/run/labctl-dns/" + dns.substr(dns.rfind('/') + 1) + "/fill";
  EXPECT_EQ(lab_.exec(dns, {"sh", "-c", "cat /dev/zero > " + fill}).exit_code, 1);

  apply(service_at("late", "10.96.0.80") + host_pod("late", "sleep 3600"));
  const auto has_failed = [&](const std::string& reason) {
    return lab_.run({"get", "events", "-A"}).out.find(reason) != std::string::npos;
  };
  // What the server has room for by chance it takes.
  for (int i = 0; i < 200 && !has_failed("DNSUpdateRefused"); ++i) {
    apply(service_at("filler-" + std::to_string(i), "10.96.1." + std::to_string(i + 1)));
  }
  EXPECT_TRUE(has_failed("DNSUpdateRefused"));
  EXPECT_NE(lab_.exec(pod("default", "web-"), {"true"}).exit_code, kPassed);

  EXPECT_TRUE(ends_with(lab_.exec(dns, {"rm", fill}), kPassed));
  EXPECT_TRUE(is_said("late", "10.96.0.80"));
  EXPECT_TRUE(is_ready("late"));
  EXPECT_TRUE(
      has(lab_.exec(pod("default", "web-"), {"cat", "/etc/resolv.conf"}).out, "nameserver 10.96.0.10"));
  EXPECT_TRUE(has(lab_.exec("pod/default/late", {"cat", "/etc/resolv.conf"}).out, "nameserver 10.96.0.10"));
}

}  // namespace
}  // namespace labctl::e2e
