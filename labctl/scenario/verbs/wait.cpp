#include "labctl/api/resource_kinds.hpp"
#include "labctl/scenario/verbs/verbs.hpp"
#include "topology/base/error.hpp"

namespace labctl::scenario {
namespace {

using nlohmann::json;

constexpr std::int64_t kWaitTimeoutMs = 30'000;

}  // namespace

Attempt do_wait(Context& context, const json& value) {
  const api::ResourceRef ref = api::parse_resource_ref(value["for"].get<std::string>());
  json request{{"resource", ref.kind->plural},
               {"namespace", ref.ns},
               {"name", ref.name},
               {"timeout_ms",
                context.at_most(std::chrono::milliseconds(milliseconds_of(value, "timeout", kWaitTimeoutMs)))
                    .count()}};
  for (const char* field : {"condition", "pointer", "equals"}) {
    if (value.contains(field)) {
      request[field] = value[field];
    }
  }
  Attempt attempt;
  const json result = context.lab.post("/lab/v1/wait", request.dump()).json();
  if (!result.value("met", false)) {
    const std::string what = value.contains("condition")
                                 ? "condition " + value["condition"].get<std::string>()
                                 : value["pointer"].get<std::string>() + " == " + value["equals"].dump();
    attempt.fail(what, result.value("seen", "nothing"));
  }
  return attempt;
}

}  // namespace labctl::scenario
