#include "labctl/api/json_line.hpp"
#include "labctl/api/matrix_message.hpp"
#include "labctl/scenario/verbs/verbs.hpp"

namespace labctl::scenario {
namespace {

using nlohmann::json;

constexpr size_t kFailuresShown = 10;

// With an expectation every cell is held against it; without, against what the model says.
void check_cells(const json& expect, const matrix::ReachMatrix& reach, Attempt& attempt) {
  size_t shown = 0;
  const auto note = [&](size_t row, size_t column, const std::string& why) {
    attempt.passed = false;
    if (shown++ < kFailuresShown) {
      attempt.details += reach.sources()[row] + " -> " + reach.destinations()[column] + ": " + why + "\n";
    }
  };
  if (!expect.contains("outcome")) {
    for (const matrix::ReachMatrix::Failure& failure : reach.failures()) {
      Attempt cell;
      cell.fail(std::string(probes::to_string(failure.wanted)), std::string(probes::to_string(failure.seen)));
      note(failure.source, failure.destination, cell.message);
    }
    return;
  }
  const api::OutcomeExpectation outcome = api::parse_outcomes(expect["outcome"], "expect.outcome");
  for (size_t row = 0; row < reach.sources().size(); ++row) {
    for (size_t column = 0; column < reach.destinations().size(); ++column) {
      Attempt cell;
      outcome.judge(reach.seen(row, column).value_or(probes::Outcome::Inconclusive), "", cell);
      if (!cell.passed) {
        note(row, column, cell.message);
      }
    }
  }
}

}  // namespace

Attempt do_matrix(Context& context, const json& value) {
  json body{{"timeout_ms", milliseconds_of(value, "timeout", 1000)}};
  for (const char* field : {"proto", "port", "from", "to"}) {
    if (value.contains(field)) {
      body[field] = value[field];
    }
  }
  const api::MatrixRequest request = api::parse_matrix(body);
  const api::MatrixReply reply =
      api::parse_matrix_reply(context.lab.post("/lab/v1/matrix", api::json_line(to_json(request))).json());
  Attempt attempt;
  check_cells(value.value("expect", json::object()), reply.reach, attempt);
  const auto counted = reply.reach.summary();
  const std::string counts =
      std::to_string(counted.as_wanted) + " of " + std::to_string(counted.probed) + " as they should be";
  if (!attempt.passed) {
    attempt.message = counts;
  } else {
    attempt.details = counts;
  }
  return attempt;
}

}  // namespace labctl::scenario
