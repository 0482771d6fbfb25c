#include "labctl/apiserver/delete_objects.hpp"

#include "labctl/api/diagnostic_json.hpp"
#include "labctl/api/resource_kinds.hpp"
#include "labctl/apiserver/resource_rules.hpp"
#include "labctl/objects/deletion.hpp"
#include "topology/base/error.hpp"
#include "topology/manifest/identities.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace labctl::apiserver {
namespace {

using nlohmann::json;

struct Doomed {
  store::Key key;
  json result;
};

Doomed doomed_of(const api::ResourceKind& kind, const std::string& ns, const std::string& name) {
  return {{std::string(kind.plural), ns, name},
          {{"kind", kind.kind}, {"apiVersion", kind.api_version}, {"namespace", ns}, {"name", name}}};
}

manifest::Identities identities_in(const api::DeleteRequest& request) {
  manifest::Identities said = manifest::read_identities(request.sources, request.ns);
  const auto first = std::find_if(said.diagnostics.begin(), said.diagnostics.end(),
                                  [](const Diagnostic& d) { return d.severity == Severity::Error; });
  if (first != said.diagnostics.end()) {
    throw Error(ErrorKind::InvalidInput, to_string(*first));
  }
  return said;
}

std::string delete_one(const LabObjects& lab, const store::Key& key, const objects::DeleteOptions& options) {
  if (lab.store.find(key) == nullptr) {
    return "notfound";
  }
  objects::delete_object(lab.store, key, options);
  return "deleted";
}

}  // namespace

json delete_objects(const LabObjects& lab, const api::DeleteRequest& request) {
  objects::DeleteOptions options;
  options.grace = request.grace;
  const manifest::Identities said = identities_in(request);
  std::vector<Doomed> doomed;
  for (auto who = said.objects.rbegin(); who != said.objects.rend(); ++who) {
    // What the lab was made without cannot be deleted from it.
    if (const api::ResourceKind* kind = api::find_kind(who->api_version, who->kind)) {
      doomed.push_back(doomed_of(*kind, who->ns, who->name));
    }
  }
  for (const api::ResourceRef& ref : request.refs) {
    doomed.push_back(doomed_of(*ref.kind, ref.ns, ref.name));
  }
  for (const Doomed& one : doomed) {
    check_deletable(one.key);
  }
  in_turns(lab, doomed.size(),
           [&](std::size_t i) { doomed[i].result["action"] = delete_one(lab, doomed[i].key, options); });
  json results = json::array();
  for (Doomed& one : doomed) {
    results.push_back(std::move(one.result));
  }
  return {{"diagnostics", api::to_json(said.diagnostics)}, {"results", std::move(results)}};
}

}  // namespace labctl::apiserver
