#pragma once

// An object as kubectl notes it when it applies a file (kubectl, GetModifiedConfiguration): what the file says
// and no more, no default, nulls kept, in the text that Go's encoding/json writes.

#include "topology/manifest/yaml/yaml_tree.hpp"

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <string_view>

namespace labctl::manifest {

// Who the object is, whatever its own fields leave out; `ns` is empty for a kind without namespaces.
struct AppliedIdentity {
  std::string_view api_version;
  std::string_view kind;
  std::string_view ns;
};
// The value of kubectl.kubernetes.io/last-applied-configuration, with the line's end that kubectl writes.
std::string applied_text(const YamlNode& object, const AppliedIdentity& identity);

// JSON with its keys in order, and with <, >, &, U+2028 and U+2029 escaped, as Go writes it.
std::string go_json(const nlohmann::json& value);

}  // namespace labctl::manifest
