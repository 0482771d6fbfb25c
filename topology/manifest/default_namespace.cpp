#include "topology/manifest/default_namespace.hpp"

#include "topology/base/error.hpp"
#include "topology/manifest/defaults.hpp"
#include "topology/manifest/yaml/text_format.hpp"
#include "topology/model/well_known.hpp"

#include <algorithm>

namespace labctl::manifest {

void ask_for_namespace(LoadOptions& options, const std::string& ns) {
  if (ns.empty()) {
    return;
  }
  if (const auto complaint = check_dns_label(ns)) {
    throw Error(ErrorKind::InvalidInput, "namespace " + in_quotes(ns) + ": " + complaint->message,
                complaint->hint);
  }
  options.ns = ns;
  options.is_namespace_fixed = true;
}

std::string read_namespace(const Place& said, const LoadOptions& options, Findings& findings) {
  if (!said || !said.node->is_string() || said.text().empty()) {
    return options.ns;
  }
  if (options.is_namespace_fixed && said.text() != options.ns) {
    findings.error(said,
                   "the namespace from the provided object " + in_quotes(said.text()) +
                       " does not match the namespace " + in_quotes(options.ns),
                   "you must pass '--namespace=" + std::string(said.text()) + "' to perform this operation");
  }
  return std::string(said.text());
}

std::set<std::string> known_namespaces(const LoadOptions& options) {
  std::set<std::string> known = options.known_namespaces;
  if (options.is_namespace_fixed) {
    known.insert(options.ns);
  }
  return known;
}

void add_missing_namespace(Loaded& loaded, const LoadOptions& options) {
  const auto is_born = [&] {
    return std::find(model::kBornNamespaces.begin(), model::kBornNamespaces.end(), options.ns) !=
           model::kBornNamespaces.end();
  };
  const auto stands_there = [&](const Object& object) { return object.ns == options.ns; };
  const auto makes_it = [&](const Object& object) {
    return object.kind == "Namespace" && object.name == options.ns;
  };
  if (!options.is_namespace_fixed || options.known_namespaces.contains(options.ns) || is_born() ||
      std::none_of(loaded.objects.begin(), loaded.objects.end(), stands_there) ||
      std::any_of(loaded.objects.begin(), loaded.objects.end(), makes_it)) {
    return;
  }
  Object made;
  made.api_version = "v1";
  made.kind = "Namespace";
  made.name = options.ns;
  made.json = {{"apiVersion", "v1"}, {"kind", "Namespace"}, {"metadata", {{"name", options.ns}}}};
  fill_in_defaults(made.json, made.kind);
  loaded.objects.insert(loaded.objects.begin(), std::move(made));
}

}  // namespace labctl::manifest
