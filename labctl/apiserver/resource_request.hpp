#pragma once

// A request for resources taken apart: which objects it means, and what it says of them. Pure but for reading
// the request; the other half of resource_api.

#include "labctl/api/http.hpp"
#include "labctl/api/resource_kinds.hpp"
#include "labctl/apiserver/watch.hpp"
#include "labctl/objects/deletion.hpp"
#include "labctl/store/store.hpp"

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

namespace labctl::apiserver {

// The longest body of one object (apiserver, MaxRequestBodyBytes).
inline constexpr std::size_t kBodyMax = 3u << 20;

// A refusal that no ErrorKind stands for; `reason` as in meta/v1 StatusReason. Thrown within resource_api
// only, which answers it.
struct Refusal {
  int status = 400;
  const char* reason = "BadRequest";
  std::string message;
  std::string hint;
};
Refusal bad_request(std::string message);

// One request against one resource path. Lives no longer than the request.
struct ResourceCall {
  const api::Request& request;
  api::ResourcePath path;

  std::string resource() const { return std::string(path.kind->plural); }
  store::Key key() const { return {resource(), path.kind->namespaced ? path.ns : "", path.name}; }
  // "" when absent.
  std::string query(const std::string& name) const;
  bool is_dry_run() const { return query("dryRun") == "All"; }
  bool is_watch() const { return query("watch") == "1" || query("watch") == "true"; }
};
Refusal method_not_allowed(const ResourceCall& call);

// All of these throw Refusal for a request that says nonsense.

// At most kBodyMax bytes, as the API server takes them.
nlohmann::json parse_body(const ResourceCall& call);
// A number from the query; nothing when absent.
std::optional<std::uint64_t> query_number(const ResourceCall& call, const std::string& name);
// The objects that path and selectors mean.
WatchFilter filter_of(const ResourceCall& call);
// Checks that a body is of the kind and namespace of its path, and completes what it leaves out.
void match_to_path(const ResourceCall& call, nlohmann::json& object);
// `before` with a patch of the request's type applied, which does not nest deeper than JSON may. Throws
// Error: InvalidInput when a JSON patch does not fit.
nlohmann::json patched(const ResourceCall& call, nlohmann::json patch, const nlohmann::json& before);
// The body of a deletion, {} for none.
nlohmann::json parse_delete_options(const ResourceCall& call);
objects::DeleteOptions delete_options(const ResourceCall& call, const nlohmann::json& body);
// preconditions.uid and .resourceVersion of a deletion: this object, not
// another of its name. Throws Error: Busy.
void check_preconditions(const store::Key& key, const nlohmann::json& object, const nlohmann::json& body);

// A list as text, from objects that are not copied.
std::string list_text(const api::ResourceKind& kind, const std::vector<store::ObjectPtr>& items,
                      std::uint64_t version);

}  // namespace labctl::apiserver
