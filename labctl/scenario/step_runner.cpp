#include "labctl/scenario/step_runner.hpp"

#include "labctl/scenario/verbs/verbs.hpp"
#include "topology/base/duration.hpp"
#include "topology/base/error.hpp"

#include <poll.h>

#include <array>
#include <deque>
#include <optional>
#include <utility>

namespace labctl::scenario {
namespace {

using nlohmann::json;
using std::chrono::steady_clock;

// Between two tries of a patient step; a try costs about a millisecond.
constexpr int kBetweenTriesMs = 20;

using Verb = Attempt (*)(Context&, const json&);
constexpr std::array<std::pair<const char*, Verb>, 12> kVerbs{{{"probe", do_probe},
                                                               {"exec", do_exec},
                                                               {"matrix", do_matrix},
                                                               {"wait", do_wait},
                                                               {"apply", do_apply},
                                                               {"delete", do_delete},
                                                               {"scale", do_scale},
                                                               {"label", do_label},
                                                               {"patch", do_patch},
                                                               {"get", do_get},
                                                               {"resync", do_resync},
                                                               {"flow", do_flow}}};

Attempt try_once(Context& context, const json& step) {
  for (const auto& [name, verb] : kVerbs) {
    const auto value = step.find(name);
    if (value == step.end()) {
      continue;
    }
    try {
      return verb(context, *value);
    } catch (const Error& error) {
      return {.passed = false, .broken = true, .message = error.message(), .details = error.hint()};
    }
  }
  return {.passed = false, .broken = true, .message = "no verb", .details = {}};
}

// The last tries of a patient step, for who wants to know how it went;
// those that say the same are counted up.
class LastTries {
 public:
  void add(steady_clock::duration at, const Attempt& attempt) {
    const std::string said = attempt.passed ? "passed" : attempt.message;
    if (!tries_.empty() && tries_.back().said == said) {
      ++tries_.back().count;
      return;
    }
    tries_.push_back({std::chrono::round<std::chrono::milliseconds>(at), said, 1});
    if (tries_.size() > kShown) {
      tries_.pop_front();
    }
  }
  std::string text() const {
    std::string text = "the last tries:";
    for (const Try& one : tries_) {
      text += "\n  after " + to_string(one.at) + ": " + one.said +
              (one.count > 1 ? " (" + std::to_string(one.count) + " times)" : "");
    }
    return text;
  }

 private:
  static constexpr size_t kShown = 5;
  struct Try {
    std::chrono::milliseconds at;
    std::string said;
    int count;
  };
  std::deque<Try> tries_;
};

// within: until a try passes; for: until one fails; neither: once. A flow is
// stopped once, and waits by itself.
Attempt try_patiently(Context& context, const json& step, int& tries) {
  LastTries last;
  const auto begin = steady_clock::now();
  const std::int64_t within = step.contains("flow") ? 0 : milliseconds_of(step, "within", 0);
  const std::int64_t lasting = milliseconds_of(step, "for", 0);
  const auto deadline = begin + std::chrono::milliseconds(std::max(within, lasting));
  for (;;) {
    Attempt attempt = try_once(context, step);
    ++tries;
    last.add(steady_clock::now() - begin, attempt);
    const bool is_settled = lasting > 0 ? !attempt.passed : attempt.passed;
    if (is_settled || steady_clock::now() >= deadline || context.stop != 0) {
      if (!attempt.passed && tries > 1) {
        attempt.details += (attempt.details.empty() ? "" : "\n") + last.text();
      }
      return attempt;
    }
    ::poll(nullptr, 0, kBetweenTriesMs);
  }
}

report::CheckResult run_case(Context& context, const json& step, const SourcePosition& where,
                             const Variables& variables) {
  report::CheckResult result;
  result.where = where;
  const auto begin = steady_clock::now();
  try {
    const json filled = expand(step, variables);
    result.name = text_of(filled["name"]);
    result.explanation = filled.value("explain", "");
    result.tries = 0;
    context.flows.step_begins(result.name);
    context.within = std::chrono::milliseconds(milliseconds_of(filled, "within", 0));
    const Attempt attempt = try_patiently(context, filled, result.tries);
    result.message = attempt.message;
    result.details = attempt.details;
    if (!attempt.passed) {
      result.verdict = attempt.broken ? report::Verdict::Broken : report::Verdict::Failed;
    }
  } catch (const Error& error) {
    result.name = text_of(step["name"]);
    result.verdict = report::Verdict::Broken;
    result.message = error.message();
    result.details = error.hint();
  }
  result.elapsed = std::chrono::duration_cast<std::chrono::microseconds>(steady_clock::now() - begin);
  return result;
}

}  // namespace

std::vector<report::CheckResult> run_step(Context& context, const json& step, const SourcePosition& where,
                                          const Variables& variables) {
  std::vector<report::CheckResult> results;
  const json cases = step.value("cases", json::array());
  if (cases.empty()) {
    return {run_case(context, step, where, variables)};
  }
  for (size_t i = 0; i < cases.size() && context.stop == 0; ++i) {
    Variables with_case = variables;
    for (const auto& [name, value] : cases[i].items()) {
      with_case[name] = text_of(value);
    }
    results.push_back(run_case(context, step, where, with_case));
    if (results.back().name == text_of(step["name"])) {
      // Reports need a name for each: the case's number tells those apart that the name does not.
      results.back().name += " [" + std::to_string(i + 1) + "]";
    }
  }
  return results;
}

}  // namespace labctl::scenario
