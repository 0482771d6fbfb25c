#include "labctl/objects/own_pods.hpp"

#include "labctl/objects/fields.hpp"

#include <nlohmann/json.hpp>
#include <string>

namespace labctl::objects {

using nlohmann::json;

bool is_dns_pod(const model::Pod& pod) {
  const auto label = pod.labels.find(kDnsLabel);
  return pod.key.ns == kDnsNamespace && label != pod.labels.end() && label->second == kDnsName &&
         pod.containers.size() == 1 && pod.containers.front().name == kDnsContainer;
}

bool is_dns_pod(const json& pod) {
  const json* label = field(pod, std::string("metadata.labels.") + kDnsLabel);
  const json& containers = list_at(pod, "spec.containers");
  return namespace_of(pod) == kDnsNamespace && label != nullptr && *label == kDnsName &&
         containers.size() == 1 && text_at(containers.front(), "name") == kDnsContainer;
}

}  // namespace labctl::objects
