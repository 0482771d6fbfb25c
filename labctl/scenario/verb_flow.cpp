#include "labctl/scenario/verbs.hpp"

namespace labctl::scenario {
namespace {

using nlohmann::json;

constexpr std::int64_t kFlowTimeoutMs = 500;
constexpr std::int64_t kEveryMs = 10;

}  // namespace

Attempt do_flow(Context& context, const json& value) {
  if (value.contains("stop")) {
    return judge_flow(value.value("expect", json::object()), context.flows.stop(value["stop"]));
  }
  json request = probe_request(value);
  const std::chrono::milliseconds timeout(milliseconds_of(value, "timeout", kFlowTimeoutMs));
  request["timeout_ms"] = timeout.count();
  context.flows.start(value["start"], request,
                      std::chrono::milliseconds(milliseconds_of(value, "every", kEveryMs)), timeout);
  return {};
}

}  // namespace labctl::scenario
