#include "labctl/api/expectation.hpp"

#include "topology/base/error.hpp"
#include "topology/base/excerpt.hpp"
#include "topology/base/pattern.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

namespace labctl::api {
namespace {

using nlohmann::json;
using probes::Outcome;

constexpr const char* kFail = "fail";
// Of a text, in a message.
constexpr std::size_t kShownMax = 200;
constexpr Range kBackendCount{0, std::numeric_limits<std::int32_t>::max(), "a number of backends"};

std::string percent(double share) {
  const auto tenths = std::lround(share * 1000);
  return std::to_string(tenths / 10) + (tenths % 10 != 0 ? "." + std::to_string(tenths % 10) : "") + "%";
}

void add_words(const std::string& text, std::set<std::string>& words) {
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find(',', at), text.size());
    words.insert(text.substr(at, end - at));
    at = end + 1;
  }
}

// From 0 to 1.
std::optional<double> share_of(const json& value) {
  const double share = value.is_number() ? value.get<double>() : -1;
  return share >= 0 && share <= 1 ? std::optional(share) : std::nullopt;
}

std::map<std::string, double> shares_in(Fields& fields) {
  std::map<std::string, double> shares;
  const json* value = fields.find("shares");
  if (value == nullptr) {
    return shares;
  }
  bool fits = value->is_object();
  for (auto one = value->begin(); fits && one != value->end(); ++one) {
    const auto share = share_of(*one);
    fits = share.has_value();
    shares[one.key()] = share.value_or(0);
  }
  if (!fits) {
    fields.mistake("shares", "must be an object of backends and shares from 0 to 1");
  }
  return shares;
}

}  // namespace

std::string joined(const std::set<std::string>& words, const std::string& none) {
  std::string text;
  for (const std::string& word : words) {
    text += (text.empty() ? "" : ", ") + word;
  }
  return text.empty() ? none : text;
}

void Verdict::fail(const std::string& wanted, const std::string& seen) {
  passed = false;
  message += (message.empty() ? "wanted " : "; wanted ") + wanted + ", seen " + seen;
}

std::optional<std::vector<std::string>> texts_in(Fields& fields, const char* name) {
  const json* value = fields.find(name);
  if (value == nullptr) {
    return std::nullopt;
  }
  return value->is_string() ? std::vector{value->get<std::string>()} : fields.texts(name);
}

std::optional<std::set<std::string>> words_in(Fields& fields, const char* name) {
  const json* value = fields.find(name);
  const auto texts = texts_in(fields, name);
  if (!texts) {
    return std::nullopt;
  }
  std::set<std::string> words;
  if (value->is_string()) {
    add_words(texts->front(), words);
  } else {
    words.insert(texts->begin(), texts->end());
  }
  return words;
}

void TextExpectation::judge(const std::string& what, const std::string& seen, Verdict& verdict,
                            std::uint64_t size_of_all) const {
  const auto shown = [&] {
    const std::string cut = size_of_all > seen.size()
                                ? " (cut: only the first " + with_commas(seen.size()) + " of " +
                                      with_commas(size_of_all) + " bytes are looked at)"
                                : "";
    return what + " \"" + excerpt(seen, kShownMax) + "\"" + cut;
  };
  if (contains && seen.find(*contains) == std::string::npos) {
    verdict.fail(what + " with \"" + *contains + "\"", shown());
  }
  if (equals && seen != *equals) {
    verdict.fail(what + " \"" + *equals + "\"", shown());
  }
  if (matches && !Pattern(*matches).is_found_in(seen)) {
    verdict.fail(what + " matching \"" + *matches + "\"", shown());
  }
}

TextExpectation parse_text_expectation(const json& value, const std::string& path) {
  TextExpectation expect;
  if (value.is_string()) {
    expect.equals = value.get<std::string>();
    return expect;
  }
  Mistakes mistakes;
  Fields fields(value, path, mistakes);
  const auto text = [&](const char* name) {
    return fields.find(name) != nullptr ? std::optional<std::string>(fields.text(name)) : std::nullopt;
  };
  expect.contains = text("contains");
  expect.equals = text("equals");
  expect.matches = text("matches");
  fields.close();
  mistakes.throw_if_any();
  return expect;
}

bool OutcomeExpectation::includes(Outcome outcome) const {
  if (any_of.empty() && !fail) {
    return outcome == Outcome::Ok;
  }
  const bool is_failure = outcome != Outcome::Ok && outcome != Outcome::Inconclusive;
  return (fail && is_failure) || std::find(any_of.begin(), any_of.end(), outcome) != any_of.end();
}

std::optional<Outcome> OutcomeExpectation::single() const {
  if (fail || any_of.size() > 1) {
    return std::nullopt;
  }
  return any_of.empty() ? Outcome::Ok : any_of.front();
}

void OutcomeExpectation::judge(Outcome seen, const std::string& reason, Verdict& verdict) const {
  if (includes(seen)) {
    return;
  }
  std::set<std::string> wanted;
  for (const Outcome outcome : any_of) {
    wanted.emplace(probes::to_string(outcome));
  }
  if (fail) {
    wanted.emplace(kFail);
  }
  verdict.fail(joined(wanted, std::string(probes::to_string(Outcome::Ok))),
               std::string(probes::to_string(seen)) + (reason.empty() ? "" : " (" + reason + ")"));
}

OutcomeExpectation parse_outcomes(const json& value, const std::string& path) {
  Mistakes mistakes;
  const json body{{path, value}};
  Fields fields(body, "", mistakes);
  OutcomeExpectation expect;
  for (const std::string& word : words_in(fields, path.c_str()).value_or(std::set<std::string>{})) {
    const auto outcome = probes::parse_outcome(word);
    if (!outcome && word != kFail) {
      throw Error(ErrorKind::InvalidInput, path + " \"" + word + "\": no such outcome",
                  "one of " + probes::outcome_names() + ", or fail for any but ok");
    }
    if (outcome) {
      expect.any_of.push_back(*outcome);
    } else {
      expect.fail = true;
    }
  }
  mistakes.throw_if_any();
  return expect;
}

BackendExpectation backends_in(Fields& fields) {
  BackendExpectation expect;
  expect.exactly = words_in(fields, "backends");
  if (auto backend = words_in(fields, "backend"); backend && !expect.exactly) {
    expect.exactly = std::move(backend);
  }
  expect.include = words_in(fields, "backendsInclude").value_or(std::set<std::string>{});
  if (fields.find("backendCount") != nullptr) {
    expect.count = static_cast<std::uint64_t>(fields.number("backendCount", kBackendCount, 0));
  }
  expect.shares = shares_in(fields);
  if (const json* tolerance = fields.find("shareTolerance")) {
    const auto share = share_of(*tolerance);
    if (!share) {
      fields.mistake("shareTolerance", "must be a share from 0 to 1");
    }
    expect.share_tolerance = share.value_or(expect.share_tolerance);
  }
  return expect;
}

void BackendExpectation::judge(const std::map<std::string, std::uint64_t>& answers, Verdict& verdict) const {
  std::set<std::string> seen;
  double total = 0;
  for (const auto& [backend, times] : answers) {
    seen.insert(backend);
    total += static_cast<double>(times);
  }
  const std::string who = joined(seen, "nobody");
  if (exactly && *exactly != seen) {
    verdict.fail("answers of " + joined(*exactly, "nobody"), "of " + who);
  }
  for (const std::string& wanted : include) {
    if (!seen.contains(wanted)) {
      verdict.fail("an answer of " + wanted, "answers of " + who);
    }
  }
  if (count && *count != seen.size()) {
    verdict.fail("answers of " + std::to_string(*count) + (*count == 1 ? " backend" : " backends"),
                 "of " + who);
  }
  for (const auto& [backend, share] : shares) {
    const auto times = answers.find(backend);
    const double got = times != answers.end() && total > 0 ? static_cast<double>(times->second) / total : 0;
    if (std::abs(got - share) > share_tolerance) {
      verdict.fail(
          percent(share) + " (give or take " + percent(share_tolerance) + ") of the answers by " + backend,
          percent(got) + " of " + std::to_string(static_cast<long>(total)));
    }
  }
}

}  // namespace labctl::api
