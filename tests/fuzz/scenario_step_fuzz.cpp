// Steps of scenarios that the manifest room takes, as the verbs read them: fields it let pass have the types
// that the verbs count on, whatever the lab answers.

#include "labctl/api/probe_expectation.hpp"
#include "labctl/scenario/flow.hpp"
#include "labctl/scenario/object_query.hpp"
#include "labctl/scenario/variables.hpp"
#include "labctl/scenario/verbs/verbs.hpp"
#include "tests/fuzz/require.hpp"
#include "topology/base/error.hpp"
#include "topology/manifest/loader.hpp"

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

using labctl::fuzz::require;
using namespace labctl::scenario;
using nlohmann::json;

namespace {

// What a lab may say to a probe.
const std::vector<json>& results() {
  static const std::vector<json> results{{{"outcome", "ok"},
                                          {"backend", "pod/default/b"},
                                          {"source", "10.244.1.2"},
                                          {"rtt_us", 61},
                                          {"tries", 1},
                                          {"status", 200},
                                          {"body", "b"},
                                          {"headers", {{"Server", "x"}}},
                                          {"responses", {{"pod/default/b", 3}, {"pod/default/c", 1}}},
                                          {"rtt_percentiles_us", {{"p50", 10}, {"p99", 20}}}},
                                         {{"outcome", "timeout"}, {"reason", "no answer"}},
                                         {{"outcome", "ok"},
                                          {"dns",
                                           {{"server", "10.96.0.10"},
                                            {"rcode", "NOERROR"},
                                            {"flags", {"aa"}},
                                            {"answer", {"www.example.org. 30 IN A 192.0.2.1"}},
                                            {"queries",
                                             {{{"type", "A"},
                                               {"name", "www"},
                                               {"outcome", "ok"},
                                               {"rcode", "NOERROR"},
                                               {"server", "10.96.0.10"}}}}}}}};
  return results;
}

// Whatever `get` may say of a probe's fields or an object's is read alike.
void check_values_of(const json& value) {
  for (const json& result : results()) {
    Attempt attempt;
    std::vector<std::string> seen;
    const auto pointer = value.find("pointer");
    const std::string path =
        pointer != value.end() && pointer->is_string() ? pointer->get<std::string>() : "";
    collect_values(result, path, seen);
    check_values(value.value("expect", json::object()), path, seen, attempt);
  }
}

void judge_results(const json& probe) {
  labctl::api::ProbeRequest request = probe_request(probe);
  const auto expect = labctl::api::parse_probe_expectation(probe.value("expect", json::object()));
  expect.prepare(request);
  require(!to_json(request).empty(), "a probe asks something");
  for (const json& result : results()) {
    const Attempt attempt = expect.judge(request.from, labctl::api::parse_probe_result(result), {});
    require(attempt.passed == attempt.message.empty(), "what has failed says why");
  }
}

void read_step(const json& step, const Variables& variables) {
  try {
    const json filled = expand(step, variables);
    text_of(filled.value("name", json()));
    milliseconds_of(filled, "within", 0);
    milliseconds_of(filled, "for", 0);
    if (const auto probe = filled.find("probe"); probe != filled.end()) {
      judge_results(*probe);
    }
    if (const auto get = filled.find("get"); get != filled.end()) {
      check_values_of(*get);
    }
    if (const auto flow = filled.find("flow"); flow != filled.end() && flow->contains("expect")) {
      FlowRecord record;
      record.sent = 10;
      record.ok = 9;
      record.failures = {{std::chrono::milliseconds(3), "step", "timeout", "no answer"}};
      judge_flow(parse_flow_expectation((*flow)["expect"]), record);
    }
  } catch (const labctl::Error& error) {
    require(error.kind() == labctl::ErrorKind::InvalidInput && !error.message().empty(),
            "a refusal says why");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  labctl::manifest::LoadOptions options;
  options.known_variables = {"set"};
  for (const auto& scenario : labctl::manifest::load({{"scenario.yaml", text}}, options).scenarios) {
    const json spec = scenario.json.value("spec", json::object());
    Variables variables{{"set", "80"}};
    const json vars = spec.value("vars", json::object());
    for (const auto& [name, value] : vars.items()) {
      variables[name] = text_of(value);
    }
    for (const json& step : spec.value("steps", json::array())) {
      read_step(step, variables);
      for (const json& one : step.value("cases", json::array())) {
        Variables with_case = variables;
        for (const auto& [name, value] : one.items()) {
          with_case[name] = text_of(value);
        }
        read_step(step, with_case);
      }
    }
  }
  return 0;
}
