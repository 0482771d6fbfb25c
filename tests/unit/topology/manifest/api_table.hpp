#pragma once

// A table of what the Kubernetes API says of the objects in written_manifests.hpp, written by hand from its reference and
// validation, and sharing nothing with the tables of the product: the second opinion of a test.

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace labctl::manifest {

struct Judgement {
  std::vector<std::string> refusals;  // "path: why"
  std::vector<std::string> unknown;   // paths of fields that strict decoding refuses
  bool has_status = false;            // one that says something
};

Judgement judge(const nlohmann::json& object);

}  // namespace labctl::manifest
