#pragma once

// What a step has at hand: the lab it acts on and the place its paths are relative to.

#include "labctl/api/client.hpp"

#include <atomic>
#include <filesystem>

namespace labctl::scenario {

struct Context {
  api::Client& lab;
  std::filesystem::path folder;  // of the scenario's file
  std::atomic<int>& stop;        // the signal that asks the run to end; 0: none
};

}  // namespace labctl::scenario
