#pragma once

// Which of the scenarios found are run, in which order, and by which of several machines. Pure.

#include "labctl/scenario/discovery.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace labctl::scenario {

struct Selection {
  std::string run{};                // only names that this regular expression finds something in; empty: all
  std::string skip{};               // not names that this one finds something in
  std::vector<std::string> tags{};  // "KEY=VALUE", "KEY" or "VALUE" of a label; any of them will do
  std::optional<std::set<std::string>> only{};  // names
};

// Throws Error InvalidInput for a bad expression.
std::vector<Scenario> select(std::vector<Scenario> all, const Selection& selection);

// In an order that depends on the seed alone.
void shuffle(std::vector<Scenario>& scenarios, std::uint64_t seed);

// A share of the scenarios for one of several machines.
struct Shard {
  int index = 1;  // from 1
  int total = 1;
  std::string source;  // where it was said: "--shard", "CI_NODE_INDEX"

  bool operator==(const Shard&) const = default;
};

// `flag` is "INDEX/TOTAL", or "TOTAL" where JOB_COMPLETION_INDEX (Kubernetes Indexed Job, from 0) tells the
// index; empty: what the environment says, GitLab (CI_NODE_INDEX from 1, CI_NODE_TOTAL) or Bazel
// (TEST_SHARD_INDEX from 0, TEST_TOTAL_SHARDS). Nothing: all of them. Throws Error InvalidInput.
using Environment = std::function<const char*(const char* name)>;
std::optional<Shard> shard_of(const std::string& flag, const Environment& environment);

// Every total-th scenario, so that neighbours, which tend to take equally long, are spread.
std::vector<Scenario> take_shard(std::vector<Scenario> scenarios, const Shard& shard);

}  // namespace labctl::scenario
