#pragma once

// The Kubernetes kinds a lab serves, under every name users give them, and the paths of the API where they
// live: https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-uris. One row a kind: a new
// kind is a row.

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace labctl::api {

struct ResourceKind {
  std::string_view kind;         // "Deployment"
  std::string_view plural;       // "deployments": the word in paths, and the resource of store keys
  std::string_view singular;     // "deployment"
  std::string_view short_name;   // "deploy"; empty if kubectl has none
  std::string_view api_version;  // "apps/v1"
  bool namespaced = true;
  bool in_all = true;  // among what `get all` shows
};

// All of them, in the order `get all` shows them.
std::span<const ResourceKind> resource_kinds();

// By any name a user types, case ignored: plural, singular, short name, kind, and "deployments.apps" or
// "deployments.v1.apps". Null if there is none. The pointer lives as long as the program.
const ResourceKind* find_resource(std::string_view word);
// By the exact apiVersion and kind of an object.
const ResourceKind* find_kind(std::string_view api_version, std::string_view kind);

// The path of a collection; an empty `ns` means all namespaces.
std::string collection_path(const ResourceKind& kind, std::string_view ns = {});
// The path of one object; `ns` is not used for kinds without namespaces.
std::string object_path(const ResourceKind& kind, std::string_view ns, std::string_view name);

// What a path of the API names. `name` is empty for a collection;
// `subresource` is such as "scale" or "status".
struct ResourcePath {
  const ResourceKind* kind = nullptr;
  std::string ns;
  std::string name;
  std::string subresource;
};
// Nothing for a path that names no served resource. Takes the decoded path, without a query.
std::optional<ResourcePath> parse_resource_path(std::string_view path);

// One object as users point at it.
struct ResourceRef {
  const ResourceKind* kind = nullptr;
  std::string ns;  // empty for kinds without namespaces
  std::string name;
};
// "pod/web-0", "deploy/web", and with a namespace "default/pod/web-0" or "pod/default/web-0" (as probes name
// vantages). Throws Error InvalidInput for another shape or a kind that is not served.
ResourceRef parse_resource_ref(std::string_view text, std::string_view default_namespace = "default");

// A vantage: a network namespace of the lab, as "pod/default/web-0", "node/node-1" or "outside/client" (its
// id). Besides the id takes a bare pod name, "pod/NAME" and "po/NAME" (both in the default namespace),
// "no/NAME". Throws Error InvalidInput for another shape.
std::string parse_vantage(std::string_view text, std::string_view default_namespace = "default");

// "did you mean" for a resource word: the nearest name of the table, or empty when none is near.
std::string nearest_resource(std::string_view word);

}  // namespace labctl::api
