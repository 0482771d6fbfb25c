#include "labctl/commands/sources.hpp"

#include "labctl/report/objects/fields.hpp"
#include "topology/manifest/yaml/source.hpp"

#include <nlohmann/json.hpp>

namespace labctl::commands {

nlohmann::json read_sources_json(const std::vector<std::string>& paths) {
  nlohmann::json sources = nlohmann::json::array();
  for (const manifest::Source& source : manifest::read_sources(paths)) {
    sources.push_back({{"name", source.name}, {"text", source.text}});
    if (!source.skipped.empty()) {
      sources.back()["skipped"] = source.skipped;
    }
  }
  return sources;
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
    out.push_back(std::move(diagnostic));
  }
  return out;
}

nlohmann::json to_json(const std::vector<Diagnostic>& diagnostics) {
  nlohmann::json out = nlohmann::json::array();
  for (const Diagnostic& diagnostic : diagnostics) {
    out.push_back({{"severity", diagnostic.severity == Severity::Error ? "error" : "warning"},
                   {"file", diagnostic.where.file},
                   {"line", diagnostic.where.line},
                   {"column", diagnostic.where.column},
                   {"path", diagnostic.path},
                   {"message", diagnostic.message},
                   {"hint", diagnostic.hint}});
  }
  return out;
}

}  // namespace labctl::commands
