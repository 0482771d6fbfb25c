// What the verb `flow` of a Scenario's step may say: constant traffic over the
// steps between its start and its stop.

#include "topology/base/duration.hpp"
#include "topology/manifest/kinds/verb_schema.hpp"
#include "topology/manifest/yaml/findings.hpp"

#include <array>
#include <chrono>
#include <limits>
#include <map>
#include <string>
#include <vector>

namespace labctl::manifest {
namespace {

constexpr std::chrono::milliseconds kEveryMin{1};
constexpr std::chrono::seconds kFlowTimeoutMax{10};

std::optional<Complaint> check_every(std::string_view text) {
  if (auto complaint = check_duration(text)) {
    return complaint;
  }
  return *parse_duration(text) >= kEveryMin
             ? std::nullopt
             : std::optional<Complaint>({"must be at least 1ms, got " + in_quotes(text), {}});
}

// The end of a flow waits for its last probes.
std::optional<Complaint> check_flow_timeout(std::string_view text) {
  if (auto complaint = check_duration(text)) {
    return complaint;
  }
  return *parse_duration(text) <= kFlowTimeoutMax
             ? std::nullopt
             : std::optional<Complaint>({"must be at most 10s, got " + in_quotes(text), {}});
}

constexpr std::int64_t kManyProbes = std::numeric_limits<std::int32_t>::max();
constexpr std::array kFlowExpectFields{
    Field{.name = "okPercent", .type = FieldType::Number, .min = 0, .max = 100},
    number_or_variable("failed", 0, kManyProbes), number_or_variable("sent", 1, kManyProbes),
    texts("backends", check_vantage), texts("backendsInclude", check_vantage)};
constexpr Schema kFlowExpect{"flow expectation", kFlowExpectFields};
constexpr std::array kFlowFields{text("start", check_not_empty),
                                 text("stop", check_not_empty),
                                 text("from", check_vantage),
                                 text("to", check_target),
                                 text("proto").one_of_or_variable(kProbeProtocols),
                                 object("http", kHttpRequest),
                                 number_or_variable("sourcePort", 1, 65535),
                                 text("every", or_variable<check_every>),
                                 text("timeout", or_variable<check_flow_timeout>),
                                 object("expect", kFlowExpect)};

void check_flow(const Place& place, Findings& findings) {
  const Place start = place.field("start");
  const Place stop = place.field("stop");
  if (bool(start) == bool(stop)) {
    return findings.error(place,
                          start ? "a flow is started or stopped, not both at once"
                                : "a flow needs start or stop: the name it has between them",
                          "as in {start: web, from: pod/default/a, to: svc/default/web:80}, and in a later "
                          "step {stop: web, expect: {failed: 0}}");
  }
  for (const std::string_view field : {"from", "to"}) {
    if (start && !place.field(field)) {
      findings.error(place, "a flow that is started needs " + std::string(field));
    }
  }
  if (const Place expect = place.field("expect"); start && expect) {
    findings.error(expect, "what is expected of a flow is said where it is stopped",
                   "move it to the step with stop: " + std::string(start.text()));
  }
  for (const std::string_view field : {"from", "to", "proto", "http", "sourcePort", "every", "timeout"}) {
    if (const Place given = place.field(field); stop && given) {
      findings.error(given, std::string(field) + " belongs to the start of a flow");
    }
  }
}

}  // namespace

constexpr Schema kFlow{"flow", kFlowFields, check_flow};

void check_flows(const Place& steps, Findings& findings) {
  std::map<std::string, size_t, std::less<>> under_way;  // by the step that starts it
  for (size_t i = 0; i < steps.size(); ++i) {
    const Place step = steps.item(i);
    const Place flow = step.field("flow");
    const Place start = flow.field("start");
    const Place stop = flow.field("stop");
    if (start) {
      const auto [first, is_new] = under_way.emplace(start.text(), i);
      if (!is_new) {
        findings.error(start, "a second flow named " + in_quotes(start.text()),
                       "that of step " + std::to_string(first->second + 1) + " is not stopped before");
      } else if (step.field("cases").size() > 1 && !has_variable(start.text())) {
        findings.error(start, "each case starts a flow of this name", "put a variable into it");
      }
    } else if (stop && under_way.erase(std::string(stop.text())) == 0) {
      std::vector<std::string_view> names;
      for (const auto& [name, step_index] : under_way) {
        names.push_back(name);
      }
      const std::string near = nearest(stop.text(), names);
      findings.error(stop, "no flow named " + in_quotes(stop.text()) + " is under way",
                     near.empty()
                         ? "an earlier step starts it: flow: {start: " + std::string(stop.text()) + ", ...}"
                         : "did you mean " + near + "?");
    }
  }
  for (const auto& [name, i] : under_way) {
    const Place step = steps.item(i);
    const Place flow = step.field("flow");
    findings.error(flow.field("start"), "the flow " + in_quotes(name) + " is never stopped",
                   "add a step with flow: {stop: " + name + ", expect: {failed: 0}}");
  }
}

}  // namespace labctl::manifest
