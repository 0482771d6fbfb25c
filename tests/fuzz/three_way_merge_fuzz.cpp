// The merge of an apply: what was applied last stands in an annotation that anybody may write, and the object
// that lives may be anybody's, too. Input is a list of the three, [original, modified, live].

#include "labctl/api/request_reader.hpp"
#include "labctl/apiserver/last_applied.hpp"
#include "labctl/apiserver/three_way_merge.hpp"
#include "tests/fuzz/require.hpp"
#include "topology/base/error.hpp"

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string_view>

using labctl::fuzz::require;
using namespace labctl::apiserver;
using nlohmann::json;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const json three = labctl::api::parse_json(text, "three objects");
    if (!three.is_array() || three.size() != 3) {
      return 0;
    }
    for (const auto& [api_version, kind] :
         {std::pair("v1", "Pod"), std::pair("apps/v1", "Deployment"), std::pair("v1", "Service"),
          std::pair("policy/v1", "PodDisruptionBudget"), std::pair("example.org/v1", "Thing")}) {
      const PatchType& type = patch_type(api_version, kind);
      const json merged = three_way_merge(three[0], three[1], three[2], type);
      for (const auto& [name, value] : three[1].items()) {
        require(!three[1].is_object() || merged.contains(name) != value.is_null(), "what is said is there");
      }
      // Without lists that merge a repeat changes nothing, whatever the three are.
      require(!type.fields.empty() || three_way_merge(three[1], three[1], merged, type) == merged,
              "a repeat changes nothing");
    }
    json noted = {
        {"metadata", {{"annotations", {{"kubectl.kubernetes.io/last-applied-configuration", text}}}}}};
    require(last_applied(noted) == std::nullopt || last_applied(noted)->is_object(), "an object was applied");
  } catch (const labctl::Error& error) {
    require(error.kind() == labctl::ErrorKind::InvalidInput, "a client's mistake is none of ours");
  }
  return 0;
}
