#include "labctl/report/text/format.hpp"

#include <array>
#include <utility>

namespace labctl::report {
namespace {

constexpr std::array kNames{std::pair{Format::Table, std::string_view("table")},
                            std::pair{Format::Wide, std::string_view("wide")},
                            std::pair{Format::Json, std::string_view("json")},
                            std::pair{Format::Yaml, std::string_view("yaml")},
                            std::pair{Format::JsonLines, std::string_view("jsonl")},
                            std::pair{Format::Name, std::string_view("name")}};

}  // namespace

std::optional<Format> parse_format(std::string_view word) {
  for (const auto& [format, name] : kNames) {
    if (name == word) {
      return format;
    }
  }
  return std::nullopt;
}

std::string_view to_string(Format format) { return kNames[static_cast<size_t>(format)].second; }

bool is_structured(Format format) {
  return format == Format::Json || format == Format::Yaml || format == Format::JsonLines;
}

}  // namespace labctl::report
