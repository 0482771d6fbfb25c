#include "labctl/report/tests/test_results_json.hpp"

#include "topology/base/error.hpp"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

namespace labctl::report {
namespace {

using nlohmann::json;

// The library's own check, so that what it would refuse to write is what is written as bytes.
json text_to_json(const std::string& text) {
  json out = text;
  try {
    static_cast<void>(out.dump());
    return out;
  } catch (const json::type_error&) {
    json bytes = json::array();
    for (const char c : text) {
      bytes.push_back(static_cast<unsigned char>(c));
    }
    return {{"bytes", std::move(bytes)}};
  }
}

[[noreturn]] void refuse(const char* field, std::string_view why) {
  throw Error(ErrorKind::InvalidInput, "test result: " + std::string(field) + ": " + std::string(why));
}

const json& member(const json& object, const char* field) {
  if (!object.is_object()) {
    refuse(field, "what holds it is no object");
  }
  const auto found = object.find(field);
  if (found == object.end()) {
    refuse(field, "missing");
  }
  return *found;
}

const json& list_in(const json& object, const char* field) {
  const json& value = member(object, field);
  if (!value.is_array()) {
    refuse(field, "not a list");
  }
  return value;
}

std::string text_from_json(const json& value, const char* field) {
  if (value.is_string()) {
    return value.get<std::string>();
  }
  if (!value.is_object()) {
    refuse(field, "not text");
  }
  std::string out;
  for (const json& byte : list_in(value, "bytes")) {
    if (!byte.is_number_unsigned() || byte.get<std::uint64_t>() > 0xff) {
      refuse(field, "not a byte");
    }
    out += static_cast<char>(byte.get<unsigned char>());
  }
  return out;
}

std::string text_in(const json& object, const char* field) {
  return text_from_json(member(object, field), field);
}

std::int64_t number_in(const json& object, const char* field) {
  const json& value = member(object, field);
  constexpr auto kMax = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (!value.is_number_integer() || (value.is_number_unsigned() && value.get<std::uint64_t>() > kMax)) {
    refuse(field, "not a whole number");
  }
  return value.get<std::int64_t>();
}

int small_in(const json& object, const char* field) {
  const std::int64_t value = number_in(object, field);
  if (value < std::numeric_limits<int>::min() || value > std::numeric_limits<int>::max()) {
    refuse(field, "out of range");
  }
  return static_cast<int>(value);
}

std::chrono::microseconds time_in(const json& object, const char* field) {
  return std::chrono::microseconds(number_in(object, field));
}

Verdict verdict_in(const json& object, const char* field) {
  const std::string word = text_in(object, field);
  for (const Verdict verdict : {Verdict::Passed, Verdict::Failed, Verdict::Broken, Verdict::Skipped}) {
    if (word == to_string(verdict)) {
      return verdict;
    }
  }
  refuse(field, "no verdict");
}

}  // namespace

json check_to_json(const CheckResult& check) {
  return {{"name", text_to_json(check.name)},
          {"verdict", to_string(check.verdict)},
          {"message", text_to_json(check.message)},
          {"details", text_to_json(check.details)},
          {"explanation", text_to_json(check.explanation)},
          {"where",
           {{"file", text_to_json(check.where.file)},
            {"line", check.where.line},
            {"column", check.where.column}}},
          {"elapsedUs", check.elapsed.count()},
          {"tries", check.tries}};
}

json scenario_to_json(const ScenarioResult& scenario) {
  json labels = json::array();  // pairs: a key, too, may not be UTF-8
  for (const auto& [key, value] : scenario.labels) {
    labels.push_back(json::array({text_to_json(key), text_to_json(value)}));
  }
  json checks = json::array();
  for (const CheckResult& check : scenario.checks) {
    checks.push_back(check_to_json(check));
  }
  return {{"name", text_to_json(scenario.name)},
          {"file", text_to_json(scenario.file)},
          {"labels", std::move(labels)},
          {"lab", text_to_json(scenario.lab)},
          {"checks", std::move(checks)},
          {"error", text_to_json(scenario.error)},
          {"hint", text_to_json(scenario.hint)},
          {"skipped", text_to_json(scenario.skipped)},
          {"tries", scenario.tries},
          {"flaky", text_to_json(scenario.flaky)},
          {"evidence", text_to_json(scenario.evidence)},
          {"evidenceNote", text_to_json(scenario.evidence_note)},
          {"bootUs", scenario.boot.count()},
          {"elapsedUs", scenario.elapsed.count()}};
}

CheckResult check_from_json(const json& json) {
  CheckResult out;
  out.name = text_in(json, "name");
  out.verdict = verdict_in(json, "verdict");
  out.message = text_in(json, "message");
  out.details = text_in(json, "details");
  out.explanation = text_in(json, "explanation");
  const nlohmann::json& where = member(json, "where");
  out.where = {text_in(where, "file"), small_in(where, "line"), small_in(where, "column")};
  out.elapsed = time_in(json, "elapsedUs");
  out.tries = small_in(json, "tries");
  return out;
}

ScenarioResult scenario_from_json(const json& json) {
  ScenarioResult out;
  out.name = text_in(json, "name");
  out.file = text_in(json, "file");
  for (const nlohmann::json& label : list_in(json, "labels")) {
    if (!label.is_array() || label.size() != 2) {
      refuse("labels", "not a pair");
    }
    out.labels[text_from_json(label[0], "labels")] = text_from_json(label[1], "labels");
  }
  out.lab = text_in(json, "lab");
  for (const nlohmann::json& check : list_in(json, "checks")) {
    out.checks.push_back(check_from_json(check));
  }
  out.error = text_in(json, "error");
  out.hint = text_in(json, "hint");
  out.skipped = text_in(json, "skipped");
  out.tries = small_in(json, "tries");
  out.flaky = text_in(json, "flaky");
  out.evidence = text_in(json, "evidence");
  out.evidence_note = text_in(json, "evidenceNote");
  out.boot = time_in(json, "bootUs");
  out.elapsed = time_in(json, "elapsedUs");
  return out;
}

}  // namespace labctl::report
