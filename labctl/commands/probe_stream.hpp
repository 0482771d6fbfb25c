#pragma once

// Probes read as lines of JSON and answered as they come in: for other programs to ask thousands of questions
// through a pipe. Input is sent on in batches, when one is full or when the input pauses; a few batches are
// under way at once, each on a connection of its own, so results may come in another order than their probes.

#include "labctl/api/probe_expectation.hpp"
#include "labctl/report/probe_results.hpp"

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

namespace labctl::commands {

struct ProbeStreamOptions {
  std::filesystem::path socket;                 // of the lab
  std::chrono::milliseconds timeout{60'000};    // for a batch
  std::string ns = "default";                   // for names without one
  std::optional<api::ProbeExpectation> expect;  // for lines that have none of their own
  size_t batch_lines = 500;                     // a batch is full with so many
  int batches = 4;                              // under way at once
};

// What became of a stream.
struct ProbeStreamEnd {
  size_t probes = 0;
  size_t unexpected = 0;  // results that were not as expected
  size_t bad_lines = 0;   // lines that are no probe, or that the lab could not make
};

// Reads `fd` to its end. `on_result` gets an answer to each line that is a JSON object, with the probe's own
// id (the line's number if it had none), and, where something was expected, whether it is so; `on_bad_line` a
// line's number and what is wrong with it, also of those that `on_result` is told of with an error. Both are
// called by one thread at a time. Throws what the first failing request threw.
ProbeStreamEnd stream_probes(int fd, const ProbeStreamOptions& options,
                             const std::function<void(const report::ProbeLine&)>& on_result,
                             const std::function<void(size_t, const std::string&)>& on_bad_line);

// A target as users shorten it, in full: places as model::parse_short_place() takes them, with or without a
// port; "svc/web:80" gets its namespace, a bare address becomes "icmp:ADDRESS". Everything else is left as it
// is, for the lab to judge.
std::string complete_target(const std::string& target, const std::string& ns);

}  // namespace labctl::commands
