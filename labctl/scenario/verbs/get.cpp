#include "labctl/api/resource_kinds.hpp"
#include "labctl/api/uri.hpp"
#include "labctl/scenario/object_query.hpp"
#include "labctl/scenario/verbs/verbs.hpp"
#include "topology/base/error.hpp"

namespace labctl::scenario {
namespace {

using nlohmann::json;

const api::ResourceKind& resource_of(const std::string& word) {
  const api::ResourceKind* kind = api::find_resource(word);
  if (kind == nullptr) {
    const std::string near = api::nearest_resource(word);
    throw Error(ErrorKind::InvalidInput, "\"" + word + "\": no such resource",
                near.empty() ? "" : "did you mean " + near + "?");
  }
  return *kind;
}

// The objects that are asked about; one that is not there is none.
json objects_of(Context& context, const json& value) {
  const api::ResourceKind& kind = resource_of(value["kind"].get<std::string>());
  const std::string ns = value.value("namespace", "");
  if (!value.contains("name")) {
    const std::string query = value.contains("selector")
                                  ? api::query_string({{"labelSelector", value["selector"]}})
                                  : std::string();
    return context.lab.get(api::collection_path(kind, ns) + query).json()["items"];
  }
  const std::string path =
      api::object_path(kind, ns.empty() ? "default" : ns, value["name"].get<std::string>());
  const api::Reply reply = context.lab.send("GET", path);
  if (reply.status == 404) {
    return json::array();
  }
  const json object = reply.json();
  if (reply.is_error()) {
    throw Error(ErrorKind::InvalidInput, "GET " + path + ": " + object.value("message", "refused"));
  }
  return json::array({object});
}

}  // namespace

Attempt do_get(Context& context, const json& value) {
  const std::string pointer = value.value("pointer", "/metadata/name");
  std::vector<std::string> seen;
  for (const json& object : objects_of(context, value)) {
    collect_values(object, pointer, seen);
  }
  Attempt attempt;
  check_values(value["expect"], pointer, seen, attempt);
  return attempt;
}

}  // namespace labctl::scenario
