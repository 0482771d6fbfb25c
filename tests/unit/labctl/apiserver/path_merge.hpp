#pragma once

// A second three-way merge, to hold the first against: by sets of paths instead of by walking three objects at
// once. It knows the API's lists by their paths, not by types, and shares no line with the other.

#include <nlohmann/json.hpp>

#include <map>
#include <string>
#include <vector>

namespace labctl::apiserver {

// What a kind's fields are, by their paths: "spec/containers/*/ports" (items of lists are "*").
struct PathRules {
  std::map<std::string, std::vector<std::string>> keyed_lists;  // path to the keys of its items; none: a set
  std::vector<std::string> unions;                              // what the new one does not say goes
  std::vector<std::string> whole_maps;
};

nlohmann::json path_merge(const PathRules& rules, const nlohmann::json& original,
                          const nlohmann::json& modified, const nlohmann::json& live);

}  // namespace labctl::apiserver
