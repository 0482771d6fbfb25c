#include "labctl/commands/sources.hpp"

#include "labctl/api/lab_requests.hpp"
#include "labctl/report/objects/fields.hpp"
#include "topology/manifest/yaml/source.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace labctl::commands {

nlohmann::json read_sources_json(const std::vector<std::string>& paths) {
  return api::to_json(manifest::read_sources(paths));
}

std::vector<Diagnostic> diagnostics_of(const nlohmann::json& reply) {
  std::vector<Diagnostic> out;
  for (const nlohmann::json& entry : report::at(reply, "/diagnostics")) {
    Diagnostic diagnostic;
    const std::string severity = report::text(entry, "/severity");
    diagnostic.severity =
        severity == "warning" || severity == "Warning" ? Severity::Warning : Severity::Error;
    diagnostic.where = {report::text(entry, "/file"), static_cast<int>(report::number(entry, "/line")),
                        static_cast<int>(report::number(entry, "/column"))};
    diagnostic.path = report::text(entry, "/path");
    diagnostic.message = report::text(entry, "/message");
    diagnostic.hint = report::text(entry, "/hint");
    diagnostic.topic = topic_named(report::text(entry, "/topic"));
    diagnostic.subject = report::text(entry, "/subject");
    diagnostic.times = std::max(1, static_cast<int>(report::number(entry, "/times")));
    for (const nlohmann::json& place : report::at(entry, "/also")) {
      diagnostic.also.push_back({report::text(place, "/file"),
                                 static_cast<int>(report::number(place, "/line")),
                                 static_cast<int>(report::number(place, "/column"))});
    }
    out.push_back(std::move(diagnostic));
  }
  return out;
}

}  // namespace labctl::commands
