#include "labctl/lab/own_objects.hpp"

#include "labctl/store/change.hpp"
#include "topology/model/well_known.hpp"

#include <algorithm>
#include <string_view>

namespace labctl::lab {

bool is_own_object(const store::Key& key) {
  const std::string_view resource = key.resource;
  if (resource == "namespaces") {
    return std::find(model::kBornNamespaces.begin(), model::kBornNamespaces.end(),
                     std::string_view(key.name)) != model::kBornNamespaces.end();
  }
  if (key.ns == model::kDefaultNamespace) {
    // "kubernetes-ipv6" is the slice of a second family.
    return ((resource == "services" || resource == "endpoints") && key.name == model::kKubernetesService) ||
           (resource == "endpointslices" && key.name.starts_with(model::kKubernetesService));
  }
  return key.ns == model::kSystemNamespace && key.name == model::kDnsService &&
         (resource == "services" || resource == "deployments");
}

}  // namespace labctl::lab
