#pragma once

// What a step has at hand: the lab it acts on and the place its paths are relative to.

#include "labctl/api/client.hpp"

#include <chrono>
#include <filesystem>

namespace labctl::scenario {

struct Context {
  api::Client& lab;
  std::filesystem::path folder;  // of the scenario's file
};

}  // namespace labctl::scenario
