#include "topology/model/pod.hpp"

namespace labctl::model {
namespace {

constexpr size_t kHostnameMax = 63;

}  // namespace

std::string to_string(const PodKey& key) { return key.ns + "/" + key.name; }

std::string short_hostname_of(const Pod& pod) {
  if (!pod.hostname.empty()) {
    return pod.hostname;
  }
  std::string hostname = pod.key.name.substr(0, kHostnameMax);
  while (!hostname.empty() && (hostname.back() == '-' || hostname.back() == '.')) {
    hostname.pop_back();
  }
  return hostname;
}

std::string hostname_of(const Pod& pod, const std::string& cluster_domain) {
  if (!pod.hostname_override.empty()) {
    return pod.hostname_override;
  }
  std::string hostname = short_hostname_of(pod);
  if (pod.set_hostname_as_fqdn && !pod.subdomain.empty()) {
    hostname += "." + pod.subdomain + "." + pod.key.ns + ".svc." + cluster_domain;
  }
  return hostname;
}

}  // namespace labctl::model
