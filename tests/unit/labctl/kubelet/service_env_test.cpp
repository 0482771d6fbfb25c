#include "labctl/kubelet/service_env.hpp"

#include "tests/unit/labctl/controllers/control_loop_fixture.hpp"

namespace labctl::kubelet {
namespace {

using nlohmann::json;

class ServiceEnvTest : public ::testing::Test {
 protected:
  void add(const std::string& ns, const std::string& name, const char* spec) {
    store.create({"services", ns, name}, {{"spec", json::parse(spec)}});
  }
  Environment flat(const std::string& ns, bool links) {
    Environment env;
    for (const auto& service : *environments.of(ns, links)) {
      env.insert(env.end(), service->begin(), service->end());
    }
    return env;
  }
  std::vector<std::string> names(const std::string& ns, bool links = true) {
    std::vector<std::string> hosts;
    for (const auto& [name, value] : flat(ns, links)) {
      if (name.ends_with("_SERVICE_HOST")) {
        hosts.push_back(name.substr(0, name.size() - 13) + "=" + value);
      }
    }
    return hosts;
  }
  using Names = std::vector<std::string>;
  controllers::FakeClock clock;
  store::Store store{"test", clock};
  ServiceEnvironments environments{store};
};

TEST_F(ServiceEnvTest, HasTheVariablesOfKubernetesInTheirOrder) {
  add("default", "redis-primary", R"({"clusterIP": "10.0.0.11", "ports": [
    {"name": "main-port", "port": 6379, "protocol": "TCP"}, {"name": "gossip", "port": 7000, "protocol": "UDP"}]})");
  EXPECT_EQ(flat("default", true), (Environment{{"REDIS_PRIMARY_SERVICE_HOST", "10.0.0.11"},
                                                {"REDIS_PRIMARY_SERVICE_PORT", "6379"},
                                                {"REDIS_PRIMARY_SERVICE_PORT_MAIN_PORT", "6379"},
                                                {"REDIS_PRIMARY_SERVICE_PORT_GOSSIP", "7000"},
                                                {"REDIS_PRIMARY_PORT", "tcp://10.0.0.11:6379"},
                                                {"REDIS_PRIMARY_PORT_6379_TCP", "tcp://10.0.0.11:6379"},
                                                {"REDIS_PRIMARY_PORT_6379_TCP_PROTO", "tcp"},
                                                {"REDIS_PRIMARY_PORT_6379_TCP_PORT", "6379"},
                                                {"REDIS_PRIMARY_PORT_6379_TCP_ADDR", "10.0.0.11"},
                                                {"REDIS_PRIMARY_PORT_7000_UDP", "udp://10.0.0.11:7000"},
                                                {"REDIS_PRIMARY_PORT_7000_UDP_PROTO", "udp"},
                                                {"REDIS_PRIMARY_PORT_7000_UDP_PORT", "7000"},
                                                {"REDIS_PRIMARY_PORT_7000_UDP_ADDR", "10.0.0.11"}}));
}

TEST_F(ServiceEnvTest, AnIpv6AddressIsBracketedInUrlsOnly) {
  add("default", "six", R"({"clusterIP": "fd00::1", "ports": [{"port": 80}]})");
  const Environment env = flat("default", true);
  EXPECT_EQ(env.at(0).second, "fd00::1");
  EXPECT_EQ(env.at(2), std::pair(std::string("SIX_PORT"), std::string("tcp://[fd00::1]:80")));
}

TEST_F(ServiceEnvTest, OnlyServicesOfTheNamespaceWithAnAddressAndKubernetes) {
  const char* plain = R"({"clusterIP": "10.0.0.1", "ports": [{"port": 80}]})";
  add("default", "kubernetes", plain);
  add("default", "other", plain);
  add("shop", "web", plain);
  add("shop", "headless", R"({"clusterIP": "None", "ports": [{"port": 80}]})");
  add("shop", "outside", R"({"type": "ExternalName", "externalName": "x.example", "ports": [{"port": 80}]})");
  EXPECT_EQ(names("shop"), (Names{"KUBERNETES=10.0.0.1", "WEB=10.0.0.1"}));
  EXPECT_EQ(names("default"), (Names{"KUBERNETES=10.0.0.1", "OTHER=10.0.0.1"}));
  EXPECT_EQ(names("shop", false), Names{"KUBERNETES=10.0.0.1"});
}

TEST_F(ServiceEnvTest, AnOwnKubernetesTakesTheOthersPlaceWithLinksOnly) {
  add("default", "kubernetes", R"({"clusterIP": "10.0.0.1", "ports": [{"port": 443}]})");
  add("shop", "kubernetes", R"({"clusterIP": "10.0.0.2", "ports": [{"port": 443}]})");
  EXPECT_EQ(names("shop"), Names{"KUBERNETES=10.0.0.2"});
  EXPECT_EQ(names("shop", false), Names{"KUBERNETES=10.0.0.1"});
}

TEST_F(ServiceEnvTest, AllPodsOfANamespaceShareOneUntilAServiceChanges) {
  add("default", "kubernetes", R"({"clusterIP": "10.0.0.1", "ports": [{"port": 443}]})");
  add("shop", "web", R"({"clusterIP": "10.0.0.2", "ports": [{"port": 80}]})");
  const ServiceLinks before = environments.of("shop", true);
  EXPECT_EQ(environments.of("shop", true), before);
  add("other", "web", R"({"clusterIP": "10.0.0.3", "ports": [{"port": 80}]})");
  EXPECT_EQ(environments.of("shop", true), before);

  store.modify({"services", "shop", "web"}, [](json& service) { service["spec"]["clusterIP"] = "10.0.0.9"; });
  EXPECT_EQ(names("shop"), (Names{"KUBERNETES=10.0.0.1", "WEB=10.0.0.9"}));
  EXPECT_EQ(before->at(1)->at(0).second, "10.0.0.2");  // of the pods that started with it
  EXPECT_EQ(environments.of("shop", true)->at(0), before->at(0));

  store.remove({"services", "shop", "web"});
  EXPECT_EQ(names("shop"), Names{"KUBERNETES=10.0.0.1"});
}

TEST_F(ServiceEnvTest, AChangeOfKubernetesReachesEveryNamespace) {
  EXPECT_EQ(names("shop"), Names{});
  EXPECT_EQ(names("shop", false), Names{});
  add("default", "kubernetes", R"({"clusterIP": "10.0.0.1", "ports": [{"port": 443}]})");
  EXPECT_EQ(names("shop"), Names{"KUBERNETES=10.0.0.1"});
  EXPECT_EQ(names("shop", false), Names{"KUBERNETES=10.0.0.1"});
}

}  // namespace
}  // namespace labctl::kubelet
