// A lab's DNS while clients ask it without pause: sets that are replaced, thousands of changes at once, and a
// server that is killed.

#include "tests/e2e/dns_client.hpp"

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <utility>

namespace labctl::e2e {
namespace {

using nlohmann::json;

constexpr std::chrono::milliseconds kNoPatience{0};
// Where a killed server was, questions are refused until the Service leaves it out, milliseconds later.
constexpr std::chrono::milliseconds kAskedAgain{10'000};
constexpr const char* kEveryLab = "kubernetes.default.svc.cluster.local";

struct DnsPod {
  std::string name;
  std::string address;
  int restarts = 0;
  bool is_ready = false;
};

// A lab with a pod `tool` that asks.
class DnsUnderLoad : public ::testing::Test {
 protected:
  void SetUp() override { LABCTL_NEEDS_USER_NAMESPACES(); }

  void up(int replicas) {
    const std::string spec = "nodes: 2, dns: {replicas: " + std::to_string(replicas) + "}";
    ASSERT_TRUE(ends_with(
        lab_.run({"up", lab_.write("lab.yaml", cluster("names", spec) + host_pod("tool", "sleep 3600"))}),
        kPassed));
  }
  std::vector<DnsPod> dns_pods() const {
    api::Client client = client_of(lab_, "names");
    const json list =
        client.get("/api/v1/namespaces/kube-system/pods?labelSelector=k8s-app%3Dkube-dns").json();
    std::vector<DnsPod> pods;
    for (const json& pod : list.at("items")) {
      const json& container = pod.at("status").at("containerStatuses").at(0);
      const json& conditions = pod.at("status").at("conditions");
      pods.push_back({pod.at("metadata").at("name"), pod.at("status").value("podIP", ""),
                      container.at("restartCount"),
                      std::any_of(conditions.begin(), conditions.end(), [](const json& condition) {
                        return condition.at("type") == "Ready" && condition.at("status") == "True";
                      })});
    }
    return pods;
  }
  bool all_are_ready(std::size_t replicas) const {
    const std::vector<DnsPod> pods = dns_pods();
    return pods.size() == replicas &&
           std::all_of(pods.begin(), pods.end(), [](const DnsPod& pod) { return pod.is_ready; });
  }
  int restarts() const {
    int count = 0;
    for (const DnsPod& pod : dns_pods()) {
      count += pod.restarts;
    }
    return count;
  }
  // Every server by itself, and the Service.
  std::vector<std::string> servers() const {
    std::vector<std::string> addresses{kDnsService};
    for (const DnsPod& pod : dns_pods()) {
      addresses.push_back(pod.address);
    }
    return addresses;
  }

  Labctl lab_;
};

// What came, for a message.
std::string to_string(const std::map<Answer, std::size_t>& answers) {
  std::string text;
  for (const auto& [answer, count] : answers) {
    text += std::to_string(count) + " x " + to_string(answer) + "\n";
  }
  return text;
}

// ---- Sets of addresses -------------------------------------------------------------------------

std::set<std::string> addresses_of(int set) {
  std::set<std::string> addresses;
  for (int i = 0; i < 3 + set % 3; ++i) {
    addresses.insert("10.9." + std::to_string(set) + "." + std::to_string(1 + i));
  }
  return addresses;
}

std::string slice_of(int set) {
  json endpoints = json::array();
  for (const std::string& address : addresses_of(set)) {
    endpoints.push_back({{"addresses", {address}}, {"conditions", {{"ready", true}}}});
  }
  return json{
      {"apiVersion", "discovery.k8s.io/v1"},
      {"kind", "EndpointSlice"},
      {"metadata",
       {{"name", "sets-1"}, {"namespace", "default"}, {"labels", {{"kubernetes.io/service-name", "sets"}}}}},
      {"addressType", "IPv4"},
      {"ports", {{{"name", "http"}, {"protocol", "TCP"}, {"port", 80}}}},
      {"endpoints", endpoints}}
      .dump();
}

TEST_F(DnsUnderLoad, AThousandReplacedSetsAreEachSeenWholeOrNotAtAll) {
  constexpr int kSets = 20;
  constexpr int kReplacements = 1'000;
  constexpr std::size_t kAnswers = 3'000;
  up(2);
  api::Client client = client_of(lab_, "names");
  const std::string slices = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices";
  client.post("/api/v1/namespaces/default/services",
              R"({"apiVersion":"v1","kind":"Service","metadata":{"name":"sets","namespace":"default"},)"
              R"("spec":{"clusterIP":"None","ports":[{"name":"http","port":80}]}})");
  client.post(slices, slice_of(0));
  const std::string name = "sets.default.svc.cluster.local";
  for (const std::string& server : servers()) {
    ASSERT_TRUE(eventually(
        [&] { return ask_one(client, "pod/default/tool", name, server).data == addresses_of(0); }));
  }

  Asker asker(lab_, "names", "pod/default/tool", name, kNoPatience);
  int last = 0;
  const auto replace_one = [&] {
    last = (last + 1) % kSets;
    client.put(slices + "/sets-1", slice_of(last));
  };
  for (int i = 0; i < kReplacements; ++i) {
    replace_one();
  }
  // However slowly they were asked for.
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(120);
  while (asker.count() < kAnswers && std::chrono::steady_clock::now() < until) {
    replace_one();
  }
  const std::map<Answer, std::size_t> answers = asker.stop();
  EXPECT_GE(asker.count(), kAnswers);
  EXPECT_GE(answers.size(), 10U) << to_string(answers);
  for (const auto& [answer, count] : answers) {
    bool is_written = false;
    for (int set = 0; set < kSets; ++set) {
      is_written = is_written || answer.data == addresses_of(set);
    }
    EXPECT_TRUE(is_written && answer.rcode == "NOERROR") << count << " x " << to_string(answer);
  }
  for (const std::string& server : servers()) {
    EXPECT_TRUE(eventually([&] {
      return ask_one(client, "pod/default/tool", name, server).data == addresses_of(last);
    })) << server;
  }
  EXPECT_EQ(restarts(), 0);
}

// ---- Thousands at once -------------------------------------------------------------------------

constexpr int kServices = 2'500;

std::string many_name(int i) { return "many-" + std::to_string(i); }
std::string many_address(int i) {
  return "10.96." + std::to_string(100 + i / 200) + "." + std::to_string(1 + i % 200);
}

std::string many_services() {
  std::string text;
  for (int i = 0; i < kServices; ++i) {
    text += "apiVersion: v1\nkind: Service\nmetadata: {name: " + many_name(i) +
            "}\nspec: {clusterIP: " + many_address(i) + ", ports: [{name: http, port: 80}]}\n---\n";
  }
  return text;
}

// How many of the Services `server` answers for as it should.
int answered(api::Client& client, const std::string& server) {
  std::vector<std::string> names;
  for (int i = 0; i < kServices; ++i) {
    names.push_back(many_name(i) + ".default.svc.cluster.local");
  }
  const std::map<std::string, Answer> answers = ask(client, "pod/default/tool", names, server);
  int count = 0;
  for (int i = 0; i < kServices; ++i) {
    count += answers.at(names[static_cast<std::size_t>(i)]).data == std::set{many_address(i)} ? 1 : 0;
  }
  return count;
}

// How many of the Services `server` knows that it does not know.
int unknown(api::Client& client, const std::string& server) {
  std::vector<std::string> names;
  for (int i = 0; i < kServices; ++i) {
    names.push_back(many_name(i) + ".default.svc.cluster.local");
  }
  const std::map<std::string, Answer> answers = ask(client, "pod/default/tool", names, server);
  return static_cast<int>(std::count_if(answers.begin(), answers.end(),
                                        [](const auto& entry) { return entry.second.rcode == "NXDOMAIN"; }));
}

void expect_every_lookup_found(const std::map<Answer, std::size_t>& answers) {
  const Answer found{"ok", "NOERROR", {"10.96.0.1"}};
  EXPECT_TRUE(answers.size() == 1 && answers.begin()->first == found) << to_string(answers);
}

class ThousandsAtOnce : public DnsUnderLoad {
 protected:
  // Applies and deletes them. No lookup fails meanwhile, and none is asked again: every server stays.
  void come_and_go(int replicas) {
    up(replicas);
    api::Client client = client_of(lab_, "names");
    const std::string file = lab_.write("many.yaml", many_services());
    Asker asker(lab_, "names", "pod/default/tool", kEveryLab, kNoPatience);
    ASSERT_TRUE(ends_with(lab_.run({"apply", file}), kPassed));
    for (const std::string& server : servers()) {
      EXPECT_TRUE(eventually([&] { return answered(client, server) == kServices; })) << server;
    }
    ASSERT_TRUE(ends_with(lab_.run({"delete", "-f", file}), kPassed));
    for (const std::string& server : servers()) {
      EXPECT_TRUE(eventually([&] { return unknown(client, server) == kServices; })) << server;
    }
    // However slowly it was asked for.
    EXPECT_TRUE(eventually([&] { return asker.count() >= 1'000; }));
    const std::map<Answer, std::size_t> answers = asker.stop();
    expect_every_lookup_found(answers);
    EXPECT_EQ(restarts(), 0);
  }
};

TEST_F(ThousandsAtOnce, AreToldToTwoServersWhileTheyAnswer) { come_and_go(2); }

TEST_F(ThousandsAtOnce, AreToldToAnOnlyServerWhileItAnswers) { come_and_go(1); }

// ---- A killed server ---------------------------------------------------------------------------

// In a DNS pod: kills the server, which is what runs in this network and is named so.
constexpr const char* kKillNamed =
    "for p in /proc/[0-9]*; do "
    "if [ \"$(cat $p/comm)\" = named ] && [ \"$(readlink $p/ns/net)\" = \"$(readlink /proc/self/ns/net)\" ]; "
    "then kill -9 ${p#/proc/}; fi; done";

TEST_F(DnsUnderLoad, OneOfTwoServersIsKilledAndNoLookupFails) {
  up(2);
  api::Client client = client_of(lab_, "names");
  Asker asker(lab_, "names", "pod/default/tool", kEveryLab, kAskedAgain);
  ASSERT_TRUE(eventually([&] { return asker.count() > 500; }));
  for (int round = 0; round < 2; ++round) {
    const DnsPod victim = dns_pods().at(static_cast<std::size_t>(round));
    const std::string service = "while-" + std::to_string(round);
    lab_.exec("pod/kube-system/" + victim.name, {"sh", "-c", kKillNamed});  // goes with its container
    client.post("/api/v1/namespaces/default/services",
                R"({"apiVersion":"v1","kind":"Service","metadata":{"name":")" + service +
                    R"(","namespace":"default"},"spec":{"clusterIP":"10.96.9.9)" + std::to_string(round) +
                    R"(","ports":[{"port":80}]}})");
    ASSERT_TRUE(eventually([&] { return restarts() == round + 1; }));
    ASSERT_TRUE(eventually([&] { return all_are_ready(2); }));
    // Ready means that it answers for all there is.
    EXPECT_EQ(
        ask_one(client, "pod/default/tool", service + ".default.svc.cluster.local", victim.address).data,
        std::set{"10.96.9.9" + std::to_string(round)});
  }
  const std::size_t before = asker.count();
  EXPECT_TRUE(eventually([&] { return asker.count() > before + 500; }));
  const std::map<Answer, std::size_t> answers = asker.stop();
  expect_every_lookup_found(answers);
  RecordProperty("asked_again", static_cast<int>(asker.repeated()));
}

}  // namespace
}  // namespace labctl::e2e
