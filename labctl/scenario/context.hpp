#pragma once

// What a step has at hand: the lab it acts on, the place its paths are relative to, and how long it may take.

#include "labctl/api/client.hpp"
#include "labctl/scenario/flow.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <string>

namespace labctl::scenario {

struct Context {
  api::Client& lab;
  std::filesystem::path folder;  // of the scenario's file
  std::atomic<int>& stop;        // the signal that asks the run to end; 0: none
  std::chrono::steady_clock::time_point deadline;
  Flows& flows;
  // The step's `within`, for the verb that waits by itself instead of being tried again; 0: not said.
  std::chrono::milliseconds within{0};
  // Of objects in files that name none; empty: the scenario names none either.
  std::string ns{};

  // `wanted`, or what is left of the scenario's time; at least one millisecond.
  std::chrono::milliseconds at_most(std::chrono::milliseconds wanted) const {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    return std::clamp(wanted, std::chrono::milliseconds(1), std::max(left, std::chrono::milliseconds(1)));
  }
};

}  // namespace labctl::scenario
