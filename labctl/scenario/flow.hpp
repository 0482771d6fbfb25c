#pragma once

// Constant traffic over several steps of a scenario: the verb `flow`. Probes go over the control socket at
// their times, whatever became of those before, from a few threads, so that one without an answer holds up no
// other.

#include "labctl/api/client.hpp"
#include "labctl/api/expectation.hpp"
#include "labctl/api/probe_message.hpp"
#include "labctl/scenario/attempt.hpp"

#include <nlohmann/json_fwd.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace labctl::scenario {

struct FlowFailure {
  std::chrono::microseconds at{};  // since the flow began
  std::string step;                // the one that ran when it was sent
  std::string outcome, reason;
};

// What became of a flow.
struct FlowRecord {
  std::uint64_t sent = 0, ok = 0;
  std::chrono::microseconds lasted{};
  std::map<std::string, std::uint64_t> backends;  // how often each answered
  std::vector<FlowFailure> failures;              // in order of time
  std::string error, hint;                        // why it could not go on; else empty
};

// What a stop expects of the whole flow. Without ok_percent and failed none may fail.
struct FlowExpectation {
  std::optional<double> ok_percent{};     // at least so many of the probes
  std::optional<std::uint64_t> failed{};  // at most so many not
  std::uint64_t sent = 0;                 // at least
  api::BackendExpectation backends{};     // as of a probe with that many tries
};
// {"okPercent","failed","sent","backends","backendsInclude"}. Throws Error InvalidInput.
FlowExpectation parse_flow_expectation(const nlohmann::json& value);

Attempt judge_flow(const FlowExpectation& expect, const FlowRecord& record);

// Whether more probes could not turn judge_flow() for the better: as many are sent and all have answered that
// `expect` names, or what it rules out has happened. How many probes the steps between start and stop leave
// room for is a matter of how busy the machine is, and no fault of the lab.
bool is_flow_settled(const FlowExpectation& expect, const FlowRecord& record);

class Flow;

// The flows of one scenario, by name. Threads: one uses it; those of the flows are its own, and end with it.
class Flows {
 public:
  // `socket` is the lab's.
  explicit Flows(std::filesystem::path socket);
  ~Flows();
  Flows(const Flows&) = delete;
  Flows& operator=(const Flows&) = delete;

  // From here on failures are laid to this step.
  void step_begins(const std::string& name);

  // Begins `name` and returns with its first answer, which need not be ok. `request` is that of each probe.
  // Throws Error: InvalidInput when one of this name is under way, NotFound and others when the lab refuses
  // the request.
  void start(const std::string& name, const api::ProbeRequest& request, std::chrono::microseconds every);
  // Lets it go on until it is_flow_settled(), until `until` or `stop` at most; ends it, and waits for the
  // answers that are still to come. Throws Error NotFound.
  FlowRecord stop(const std::string& name, const FlowExpectation& expect,
                  std::chrono::steady_clock::time_point until, const std::atomic<int>& stop);

 private:
  std::filesystem::path socket_;
  std::string step_;
  std::map<std::string, std::unique_ptr<Flow>> flows_;
};

}  // namespace labctl::scenario
