#include "labctl/commands/expectation.hpp"

#include "labctl/report/objects/fields.hpp"
#include "probes/outcome/outcome.hpp"
#include "topology/base/error.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <set>

namespace labctl::commands {
namespace {

constexpr const char* kFail = "fail";

std::string checked_outcome(const std::string& word) {
  if (word == kFail || probes::parse_outcome(word)) {
    return word;
  }
  throw Error(ErrorKind::InvalidInput, "expect \"" + word + "\": no such outcome",
              "one of " + probes::outcome_names() + ", or fail for any but ok");
}

// A string with commas, or a list of strings.
std::vector<std::string> words_of(const nlohmann::json& value, const std::string& what) {
  std::vector<std::string> words;
  if (value.is_array()) {
    for (const nlohmann::json& item : value) {
      if (!item.is_string()) {
        throw Error(ErrorKind::InvalidInput, what + ": must be strings");
      }
      words.push_back(item.get<std::string>());
    }
    return words;
  }
  if (!value.is_string()) {
    throw Error(ErrorKind::InvalidInput, what + ": must be a string or a list of them");
  }
  const std::string text = value.get<std::string>();
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find(',', at), text.size());
    words.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return words;
}

std::string join(const std::vector<std::string>& words, const char* separator) {
  std::string out;
  for (const std::string& word : words) {
    out += (out.empty() ? "" : separator) + word;
  }
  return out;
}

// Who answered, over all tries.
std::set<std::string> answered(const nlohmann::json& result) {
  std::set<std::string> seen;
  if (const nlohmann::json& responses = report::at(result, "/responses"); responses.is_object()) {
    for (const auto& [backend, count] : responses.items()) {
      seen.insert(backend);
    }
  }
  if (const std::string backend = report::text(result, "/backend"); seen.empty() && !backend.empty()) {
    seen.insert(backend);
  }
  return seen;
}

}  // namespace

std::optional<std::string> Expectation::mismatch(const nlohmann::json& result) const {
  const std::string outcome = report::text_or(result, "/outcome", "inconclusive");
  // A probe that could not be made shows nothing, least of all that something is denied.
  if (result.contains("error")) {
    return report::text(result, "/error");
  }
  const auto matches = [&](const std::string& wanted) {
    return wanted == kFail ? outcome != "ok" && outcome != "inconclusive" : wanted == outcome;
  };
  if (!outcomes.empty() && std::none_of(outcomes.begin(), outcomes.end(), matches)) {
    return "wanted " + join(outcomes, " or ") + ", seen " + outcome;
  }
  // With several tries the outcome is that of most; each one has to be as wanted.
  if (const nlohmann::json& all = report::at(result, "/outcomes");
      !outcomes.empty() && all.is_object() && all.size() > 1) {
    return "wanted " + join(outcomes, " or ") + " each time, seen " + all.dump();
  }
  if (!backends.empty()) {
    const std::set<std::string> seen = answered(result);
    for (const std::string& backend : seen) {
      if (std::find(backends.begin(), backends.end(), backend) == backends.end()) {
        return "wanted an answer from " + join(backends, " or ") + ", seen " + backend;
      }
    }
    if (seen.empty()) {
      return "wanted an answer from " + join(backends, " or ") + ", seen none";
    }
    for (const std::string& backend : backends) {
      if (report::number(result, "/tries") > 1 && !seen.contains(backend)) {
        return "wanted an answer from " + backend + " too, seen none";
      }
    }
  }
  if (!source.empty() && report::text(result, "/source") != source) {
    return "wanted source " + source + ", seen " + report::text_or(result, "/source", "none");
  }
  return std::nullopt;
}

std::optional<std::string> Expectation::single_outcome() const {
  return outcomes.size() == 1 && outcomes.front() != kFail ? std::optional(outcomes.front()) : std::nullopt;
}

Expectation parse_expectation(std::string_view words) { return expectation_from_json(std::string(words)); }

Expectation expectation_from_json(const nlohmann::json& value) {
  Expectation out;
  const nlohmann::json& outcome = value.is_object() ? report::at(value, "/outcome") : value;
  if (!outcome.is_null()) {
    for (const std::string& word : words_of(outcome, "expect")) {
      out.outcomes.push_back(checked_outcome(word));
    }
  }
  if (!value.is_object()) {
    return out;
  }
  for (const auto& [key, item] : value.items()) {
    if (key == "backends" || key == "backend") {
      out.backends = words_of(item, "expect." + key);
    } else if (key == "source" && item.is_string()) {
      out.source = item.get<std::string>();
    } else if (key != "outcome") {
      throw Error(ErrorKind::InvalidInput, "expect." + key + ": no such field",
                  "outcome, backends and source are");
    }
  }
  return out;
}

}  // namespace labctl::commands
