#include "labctl/nameserver/dns_objects.hpp"

#include "topology/model/host_programs.hpp"

#include <nlohmann/json.hpp>

namespace labctl::nameserver {
namespace {

using nlohmann::json;

constexpr std::uint64_t kDnsHost = 10;  // of a Service range

json labels() { return {{objects::kDnsLabel, objects::kDnsName}}; }

json metadata() {
  return {{"name", objects::kDnsName}, {"namespace", objects::kDnsNamespace}, {"labels", labels()}};
}

constexpr const char* kPodName = "POD_NAME";
constexpr const char* kPodNameField = "metadata.name";

std::vector<std::string> command() {
  return {std::string(kDnsDirectory) + "/named",
          "-f",
          "-n",
          "1",
          "-c",
          std::string(kDnsDirectory) + "/$(POD_NAME)/named.conf"};
}

json container() {
  return {{"name", objects::kDnsContainer},
          {"image", model::kHostImage},
          {"command", command()},
          {"env", json::array(
                      {{{"name", kPodName}, {"valueFrom", {{"fieldRef", {{"fieldPath", kPodNameField}}}}}}})},
          {"ports", json::array({{{"name", "dns"}, {"containerPort", kDnsPort}, {"protocol", "UDP"}},
                                 {{"name", "dns-tcp"}, {"containerPort", kDnsPort}, {"protocol", "TCP"}}})}};
}

}  // namespace

std::vector<IpAddress> dns_addresses(const model::Cluster& cluster) {
  std::vector<IpAddress> addresses;
  for (const Prefix& range : cluster.network.service_cidrs) {
    addresses.push_back(range.address().plus(kDnsHost));
  }
  return addresses;
}

bool is_own_container(const model::Pod& pod, const model::Container& container) {
  return objects::is_dns_pod(pod) && pod.init_containers.empty() && container.image == model::kHostImage &&
         container.command == command() && container.args.empty() && container.working_dir.empty() &&
         container.env == std::vector<model::EnvVar>{{kPodName, "", kPodNameField}} &&
         container.env_from.empty() && container.volume_mounts.empty();
}

json dns_service(const model::Cluster& cluster) {
  json addresses = json::array();
  json families = json::array();
  for (const IpAddress& address : dns_addresses(cluster)) {
    addresses.push_back(to_string(address));
    families.push_back(to_string(address.family()));
  }
  const bool is_dual = families.size() > 1;
  return {
      {"apiVersion", "v1"},
      {"kind", "Service"},
      {"metadata", metadata()},
      {"spec",
       {{"type", "ClusterIP"},
        {"clusterIP", addresses.front()},
        {"clusterIPs", addresses},
        {"ipFamilies", families},
        {"ipFamilyPolicy", is_dual ? "RequireDualStack" : "SingleStack"},
        {"internalTrafficPolicy", "Cluster"},
        {"sessionAffinity", "None"},
        {"selector", labels()},
        {"ports",
         json::array(
             {{{"name", "dns"}, {"port", kDnsPort}, {"protocol", "UDP"}, {"targetPort", kDnsPort}},
              {{"name", "dns-tcp"}, {"port", kDnsPort}, {"protocol", "TCP"}, {"targetPort", kDnsPort}}})}}},
      {"status", {{"loadBalancer", json::object()}}}};
}

json dns_deployment(const model::Cluster& cluster) {
  // What a server is asked while it ends is lost; there is nothing to wait for.
  return {{"apiVersion", "apps/v1"},
          {"kind", "Deployment"},
          {"metadata", metadata()},
          {"spec",
           {{"replicas", cluster.dns.replicas},
            {"selector", {{"matchLabels", labels()}}},
            {"strategy",
             {{"type", "RollingUpdate"}, {"rollingUpdate", {{"maxSurge", "25%"}, {"maxUnavailable", 1}}}}},
            {"template",
             {{"metadata", {{"labels", labels()}}},
              {"spec",
               {{"dnsPolicy", "Default"},
                {"restartPolicy", "Always"},
                {"terminationGracePeriodSeconds", 0},
                {"readinessGates", json::array({{{"conditionType", kZonesLoaded}}})},
                {"containers", json::array({container()})}}}}}}}};
}

}  // namespace labctl::nameserver
