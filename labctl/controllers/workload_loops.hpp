#pragma once

// The loops that stand behind one kind each, as a table.

#include "labctl/controllers/work.hpp"

#include <span>
#include <string_view>

namespace labctl::controllers {

struct WorkloadLoop {
  std::string_view resource;
  std::string_view component;  // in events
  void (*sync)(Work&, const store::Key&);
  std::string_view takes;  // what it takes in that nobody owns
};

// Owners before what they own, so that most of a change is done in one round.
std::span<const WorkloadLoop> workload_loops();

// Null for other resources.
const WorkloadLoop* find_workload_loop(std::string_view resource);

}  // namespace labctl::controllers
