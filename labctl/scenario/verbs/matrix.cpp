#include "labctl/scenario/verbs/verbs.hpp"

namespace labctl::scenario {
namespace {

using nlohmann::json;

constexpr size_t kFailuresShown = 10;

// With an expectation every cell is held against it; without, against what the model says.
void check_cells(const json& expect, const json& result, Attempt& attempt) {
  size_t shown = 0;
  const auto note = [&](const std::string& from, const std::string& to, const std::string& seen) {
    attempt.passed = false;
    if (shown++ < kFailuresShown) {
      attempt.details += from + " -> " + to + ": " + seen + "\n";
    }
  };
  if (!expect.contains("outcome")) {
    for (const json& failure : result["failures"]) {
      note(failure["from"], failure["to"],
           "wanted " + failure["wanted"].get<std::string>() + ", seen " +
               failure["outcome"].get<std::string>());
    }
    return;
  }
  for (size_t row = 0; row < result["rows"].size(); ++row) {
    for (size_t column = 0; column < result["rows"][row].size(); ++column) {
      Attempt cell;
      check_outcome(expect, "ok", result["rows"][row][column], "", cell);
      if (!cell.passed) {
        note(result["sources"][row], result["destinations"][column], cell.message);
      }
    }
  }
}

}  // namespace

Attempt do_matrix(Context& context, const json& value) {
  json request{{"timeout_ms", milliseconds_of(value, "timeout", 1000)}};
  for (const char* field : {"proto", "port", "from", "to"}) {
    if (value.contains(field)) {
      request[field] = value[field];
    }
  }
  const json result = context.lab.post("/lab/v1/matrix", request.dump()).json();
  Attempt attempt;
  check_cells(value.value("expect", json::object()), result, attempt);
  const std::string counts = result["ok"].dump() + " of " + result["total"].dump() + " as they should be";
  if (!attempt.passed) {
    attempt.message = counts;
  } else {
    attempt.details = counts;
  }
  return attempt;
}

}  // namespace labctl::scenario
