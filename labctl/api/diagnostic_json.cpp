#include "labctl/api/diagnostic_json.hpp"

#include <nlohmann/json.hpp>

namespace labctl::api {

nlohmann::json to_json(const Diagnostic& diagnostic) {
  nlohmann::json out{{"severity", diagnostic.severity == Severity::Error ? "error" : "warning"},
                     {"file", diagnostic.where.file},
                     {"line", diagnostic.where.line},
                     {"column", diagnostic.where.column},
                     {"path", diagnostic.path},
                     {"message", diagnostic.message},
                     {"hint", diagnostic.hint},
                     {"times", diagnostic.times}};
  if (diagnostic.topic != Topic::None) {
    out["topic"] = to_string(diagnostic.topic);
    out["subject"] = diagnostic.subject;
  }
  for (const SourcePosition& place : diagnostic.also) {
    out["also"].push_back({{"file", place.file}, {"line", place.line}, {"column", place.column}});
  }
  return out;
}

nlohmann::json to_json(const std::vector<Diagnostic>& diagnostics) {
  nlohmann::json list = nlohmann::json::array();
  for (const Diagnostic& diagnostic : diagnostics) {
    list.push_back(to_json(diagnostic));
  }
  return list;
}

}  // namespace labctl::api
