#include "labctl/allocation/service_families.hpp"

#include "labctl/allocation/service_values.hpp"
#include "labctl/objects/fields.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>

namespace labctl::allocation {
namespace {

using nlohmann::json;
using objects::field;
using objects::text_at;

const std::string kSingle = "SingleStack";
const std::string kRequire = "RequireDualStack";
constexpr std::string_view kPolicyPath = "spec.ipFamilyPolicy";

std::size_t list_size(const json& object, std::string_view path) {
  const json* list = field(object, path);
  return list != nullptr && list->is_array() ? list->size() : 0;
}

bool has_configured(const std::vector<Family>& configured, std::string_view family) {
  return std::any_of(configured.begin(), configured.end(),
                     [&](Family one) { return to_string(one) == family; });
}

bool has_selector(const json& service) {
  const json* selector = field(service, "spec.selector");
  return selector != nullptr && !selector->empty();
}

std::string default_policy(const json* before, const json& service) {
  if (before != nullptr && !text_at(*before, "spec.ipFamilyPolicy").empty()) {
    return text_at(*before, "spec.ipFamilyPolicy");
  }
  return is_headless(service) && !has_selector(service) ? kRequire : kSingle;
}

void check_reduction(const json& before, const json& service, objects::FieldErrors& errors) {
  const json& policy = service["spec"]["ipFamilyPolicy"];
  const std::size_t ips = list_size(service, "spec.clusterIPs");
  if (ips > 0 && ips < list_size(before, "spec.clusterIPs")) {
    errors.invalid(kPolicyPath, policy, "must be 'SingleStack' to release the secondary cluster IP");
  }
  const std::size_t families = list_size(service, "spec.ipFamilies");
  if (families > 0 && families < list_size(before, "spec.ipFamilies")) {
    errors.invalid(kPolicyPath, policy, "must be 'SingleStack' to release the secondary IP family");
  }
}

void check_single(const json& service, objects::FieldErrors& errors) {
  const json& policy = service["spec"]["ipFamilyPolicy"];
  if (list_size(service, "spec.clusterIPs") == 2) {
    errors.invalid(kPolicyPath, policy,
                   "must be 'RequireDualStack' or 'PreferDualStack' when multiple cluster IPs are specified");
  }
  if (list_size(service, "spec.ipFamilies") == 2) {
    errors.invalid(kPolicyPath, policy,
                   "must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families are specified");
  }
}

// Addresses that were asked for say their families.
void infer_families(json& service, const std::vector<Family>& configured, objects::FieldErrors& errors) {
  json& families = service["spec"]["ipFamilies"];
  const std::vector<std::string> ips = cluster_ips_of(service);
  for (std::size_t i = families.size(); i < ips.size(); ++i) {
    const auto address = IpAddress::parse(ips[i]);
    if (!address) {
      if (ips[i] != "None") {
        errors.invalid("spec.clusterIPs[" + std::to_string(i) + "]", ips[i],
                       "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)");
      }
      return;
    }
    const std::string family(to_string(address->family()));
    if (!has_configured(configured, family)) {
      errors.invalid("spec.clusterIPs[" + std::to_string(i) + "]", service["spec"]["clusterIPs"],
                     family + " is not configured on this cluster");
      return;
    }
    families.push_back(family);
  }
}

void check_matching(const json& service, objects::FieldErrors& errors) {
  const json& families = service["spec"]["ipFamilies"];
  const std::vector<std::string> ips = cluster_ips_of(service);
  for (std::size_t i = 0; i < ips.size() && i < families.size(); ++i) {
    const auto address = IpAddress::parse(ips[i]);
    if (address && families[i] != to_string(address->family())) {
      errors.invalid("spec.clusterIPs[" + std::to_string(i) + "]", ips[i],
                     "expected an " + families[i].get<std::string>() + " value as indicated by `ipFamilies[" +
                         std::to_string(i) + "]`");
    }
  }
}

void add_other_family(json& families) {
  families.push_back(families.front() == to_string(Family::IPv4) ? to_string(Family::IPv6)
                                                                 : to_string(Family::IPv4));
}

void fill_in_families(json& service, const std::vector<Family>& configured, objects::FieldErrors& errors) {
  json& families = service["spec"]["ipFamilies"];
  const std::string& policy = text_at(service, kPolicyPath);
  // Nobody reaches an address of the Service itself: its endpoints may be of any family.
  const bool is_free = is_headless(service) && !has_selector(service);
  if (!is_free && policy == kRequire && configured.size() < 2) {
    errors.invalid(kPolicyPath, policy, "this cluster is not configured for dual-stack services");
  }
  for (std::size_t i = 0; !is_free && i < families.size(); ++i) {
    if (!families[i].is_string() || !has_configured(configured, families[i].get<std::string>())) {
      errors.invalid("spec.ipFamilies[" + std::to_string(i) + "]", families[i],
                     "not configured on this cluster");
    }
  }
  if (!errors.empty()) {
    return;
  }
  if (families.empty()) {
    families.push_back(to_string(configured.front()));
  }
  if (policy != kSingle && families.size() == 1 && (is_free || configured.size() == 2)) {
    add_other_family(families);
  }
}

}  // namespace

void settle_families(const json* before, json& service, const std::vector<Family>& configured,
                     objects::FieldErrors& errors) {
  if (!needs_cluster_ip(service)) {
    return;
  }
  json& spec = service["spec"];
  if (text_at(service, kPolicyPath).empty()) {
    spec["ipFamilyPolicy"] = default_policy(before, service);
  }
  if (!spec.contains("ipFamilies") || !spec["ipFamilies"].is_array()) {
    spec["ipFamilies"] = json::array();
  }
  const bool is_single = spec["ipFamilyPolicy"] == kSingle;
  if (before != nullptr && !is_single && needs_cluster_ip(*before)) {
    check_reduction(*before, service, errors);
  }
  if (is_single) {
    check_single(service, errors);
  }
  infer_families(service, configured, errors);
  check_matching(service, errors);
  if (errors.empty()) {
    fill_in_families(service, configured, errors);
  }
}

}  // namespace labctl::allocation
