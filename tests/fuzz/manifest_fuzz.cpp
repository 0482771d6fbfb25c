// Any bytes as a manifest: no crash, every finding with a position, and what passes can be decoded.

#include "labctl/objects/decode_pod.hpp"
#include "labctl/objects/decode_service.hpp"
#include "labctl/store/selectors.hpp"
#include "tests/fuzz/require.hpp"
#include "topology/manifest/loader.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

using labctl::fuzz::require;

namespace {

void check(const labctl::manifest::Loaded& loaded) {
  for (const labctl::Diagnostic& diagnostic : loaded.diagnostics) {
    require(diagnostic.where.line > 0 && diagnostic.where.column > 0, "a finding has a place");
    require(!diagnostic.message.empty() && !labctl::to_string(diagnostic).empty(), "a finding says what");
  }
  if (labctl::has_errors(loaded.diagnostics)) {
    return;
  }
  for (const labctl::manifest::Object& object : loaded.objects) {
    require(!object.name.empty(), "an object has a name");
    if (object.kind == "Pod") {
      labctl::objects::decode_pod(object.json);
    } else if (object.kind == "Service") {
      labctl::objects::decode_service(object.json);
    } else if (object.api_version == "apps/v1") {
      labctl::store::selector_from_json(object.json.at("spec").at("selector"));
    }
    // What was taken once is taken again in the form it is stored in.
    labctl::manifest::LoadOptions options;
    options.allow_cluster = false;
    options.known_namespaces = {object.ns};
    const auto again = labctl::manifest::load({{"again.json", object.json.dump()}}, options);
    require(!labctl::has_errors(again.diagnostics), "an object in its stored form is taken");
    require(again.objects.size() == 1 && again.objects[0].json == object.json, "and is the same");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  labctl::manifest::LoadOptions options;
  check(labctl::manifest::load({{"fuzz.yaml", text}}, options));
  options.strict = true;
  options.allow_cluster = false;
  options.known_nodes = {"node-1"};
  check(labctl::manifest::load({{"fuzz.yaml", text}}, options));
  return 0;
}
