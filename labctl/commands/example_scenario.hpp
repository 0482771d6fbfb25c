#pragma once

// The scenario that `labctl init` writes: small, complete, and commented for a first reader.

#include <span>
#include <string_view>

namespace labctl::commands {

struct ExampleFile {
  std::string_view path;  // below the scenario's folder
  std::string_view text;
};

// In the order in which they are to be read.
std::span<const ExampleFile> example_scenario();

}  // namespace labctl::commands
