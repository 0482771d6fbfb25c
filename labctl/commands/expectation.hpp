#pragma once

// What a probe is expected to give: `--expect`, and "expect" in a line of a probe file.

#include <nlohmann/json_fwd.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace labctl::commands {

struct Expectation {
  std::vector<std::string> outcomes;  // any of these; "fail" stands for all but ok; empty: any
  std::vector<std::string> backends;  // who may answer; with several tries, each of them must
  std::string source;                 // the client address the server must have seen; empty: any

  // Why `result` (a line of POST /lab/v1/probes) is not as expected; nothing when it is.
  std::optional<std::string> mismatch(const nlohmann::json& result) const;
  // The one outcome to retry for, if there is just one.
  std::optional<std::string> single_outcome() const;
};

// "ok", "refused,reset", "fail". Throws Error InvalidInput for a word that is no outcome.
Expectation parse_expectation(std::string_view words);
// A string as above, a list of outcomes, or {"outcome","backends","backend","source"}.
// Throws Error InvalidInput.
Expectation expectation_from_json(const nlohmann::json& value);

}  // namespace labctl::commands
