#pragma once

// What yaml-cpp says of a text that it cannot read, in the words of who writes files.

#include "topology/manifest/yaml/text_check.hpp"
#include "topology/manifest/yaml/yaml_tree.hpp"

#include <optional>
#include <string>

namespace labctl::manifest {

// Ends the reading of one document.
struct Refusal {
  Mark mark;
  std::string message;
  std::string hint;
};

// `words` are those of YAML::Exception::msg.
Refusal translated(const std::string& words, Mark mark);

// yaml-cpp trips over a tab only later in its line. `mark`: where it did.
std::optional<Refusal> tab_in_indentation(const TextChunk& chunk, Mark mark);

}  // namespace labctl::manifest
