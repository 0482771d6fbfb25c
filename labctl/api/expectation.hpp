#pragma once

// What is expected of an answer, and whether it is so: of texts, outcomes, and who answered. Shared by all
// that expect something: probes, flows, matrices, commands.
//
// Pure. What an expectation has wrong is told with the path of the field (request_reader.hpp).

#include "labctl/api/request_reader.hpp"
#include "probes/outcome/outcome.hpp"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace labctl::api {

struct Verdict {
  bool passed = true;
  bool broken = false;  // it could not be done at all: nothing was learnt
  std::string message;  // why not: wanted and seen, one line
  std::string details;  // evidence, any number of lines

  // Adds a reason; it has not passed then.
  void fail(const std::string& wanted, const std::string& seen);
};

// A text, or a list of them. Nothing when absent.
std::optional<std::vector<std::string>> texts_in(Fields& fields, const char* name);
// Words without commas: several in one text, with commas in between, or a list of them. Nothing when absent.
std::optional<std::set<std::string>> words_in(Fields& fields, const char* name);

// {contains, equals, matches} on a text; a text alone is `equals`.
struct TextExpectation {
  std::optional<std::string> contains;
  std::optional<std::string> equals;
  std::optional<std::string> matches;  // a Pattern

  bool is_said() const { return contains || equals || matches; }
  // `what` names the text in the message. `size_of_all`: of the text there was, if `seen` is only its
  // beginning; a failure says so. Throws Error InvalidInput when `matches` is no pattern.
  void judge(const std::string& what, const std::string& seen, Verdict& verdict,
             std::uint64_t size_of_all = 0) const;
};
TextExpectation parse_text_expectation(const nlohmann::json& value, const std::string& path);

// Any of these; "fail" is every outcome but ok and inconclusive, for a probe that could not be made shows
// nothing, least of all that something is denied. None: ok.
struct OutcomeExpectation {
  std::vector<probes::Outcome> any_of;
  bool fail = false;

  bool includes(probes::Outcome outcome) const;
  // The one to try again for; nothing if there are several.
  std::optional<probes::Outcome> single() const;
  void judge(probes::Outcome seen, const std::string& reason, Verdict& verdict) const;
};
// "ok", "refused,reset", "fail", or a list of such words. Throws Error InvalidInput.
OutcomeExpectation parse_outcomes(const nlohmann::json& value, const std::string& path);

// Who may answer.
struct BackendExpectation {
  std::optional<std::set<std::string>> exactly;  // all that do, and nobody else
  std::set<std::string> include;                 // some of them
  std::optional<std::uint64_t> count;            // how many, whoever they are
  std::map<std::string, double> shares;          // how often each, of one
  double share_tolerance = 0.1;                  // of the answers, give or take

  // `answers`: how often each answered.
  void judge(const std::map<std::string, std::uint64_t>& answers, Verdict& verdict) const;
};
// "backends" (or "backend"), "backendsInclude", "backendCount", "shares", "shareTolerance".
BackendExpectation backends_in(Fields& fields);

// "a, b", or `none`.
std::string joined(const std::set<std::string>& words, const std::string& none);

}  // namespace labctl::api
