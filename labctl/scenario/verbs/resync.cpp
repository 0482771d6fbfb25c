#include "labctl/scenario/verbs/verbs.hpp"

namespace labctl::scenario {

Attempt do_resync(Context& context, const nlohmann::json& value) {
  const auto mended = context.lab.post("/lab/v1/resync", "{}").json().value("mended", std::int64_t{0});
  const std::int64_t wanted = value.value(nlohmann::json::json_pointer("/expect/mended"), mended);
  Attempt attempt;
  if (mended != wanted) {
    attempt.fail(std::to_string(wanted) + " differences mended", std::to_string(mended));
  }
  return attempt;
}

}  // namespace labctl::scenario
