#include "labctl/scenario/verbs/verbs.hpp"

namespace labctl::scenario {
namespace {

using nlohmann::json;

constexpr std::int64_t kFlowTimeoutMs = 500;
constexpr std::int64_t kEveryMs = 10;
// How long a flow that is stopped goes on for what is expected of it.
constexpr std::chrono::seconds kGoesOn{30};

}  // namespace

Attempt do_flow(Context& context, const json& value) {
  if (value.contains("stop")) {
    const FlowExpectation expect = parse_flow_expectation(value.value("expect", json::object()));
    const auto within = context.within.count() > 0 ? context.within : kGoesOn;
    const auto until = std::chrono::steady_clock::now() + context.at_most(within);
    return judge_flow(expect, context.flows.stop(value["stop"], expect, until, context.stop));
  }
  context.flows.start(value["start"], probe_request(value, kFlowTimeoutMs),
                      std::chrono::milliseconds(milliseconds_of(value, "every", kEveryMs)));
  return {};
}

}  // namespace labctl::scenario
