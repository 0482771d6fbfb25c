#include "labctl/report/host_report.hpp"

#include "labctl/report/objects/resources.hpp"
#include "labctl/report/text/table.hpp"
#include "topology/base/printable.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <ostream>
#include <sstream>
#include <string_view>

namespace labctl::report {
namespace {

std::string label_of(HostVerdict verdict, const Palette& palette) {
  switch (verdict) {
    case HostVerdict::Ok:
      return palette.good("ok  ");
    case HostVerdict::Warn:
      return palette.warn("warn");
    case HostVerdict::Fail:
      return palette.bad("FAIL");
    case HostVerdict::Info:
      return palette.faint("info");
  }
  return {};
}

void print_lines(std::ostream& out, const std::string& lines, std::string_view first_prefix) {
  std::istringstream parts(lines);
  std::string prefix(first_prefix);
  for (std::string line; std::getline(parts, line);) {
    out << "      " << prefix << printable_line(line) << '\n';
    prefix.assign(first_prefix.size(), ' ');
  }
}

}  // namespace

std::string_view to_string(HostVerdict verdict) {
  switch (verdict) {
    case HostVerdict::Ok:
      return "ok";
    case HostVerdict::Warn:
      return "warn";
    case HostVerdict::Fail:
      return "fail";
    case HostVerdict::Info:
      return "info";
  }
  return "info";
}

void print_host_report(std::ostream& out, const std::vector<HostItem>& items, bool can_run, Format format,
                       const Palette& palette) {
  if (is_structured(format)) {
    nlohmann::json checks = nlohmann::json::array();
    for (const HostItem& item : items) {
      checks.push_back({{"id", item.id},
                        {"title", item.title},
                        {"value", item.value},
                        {"verdict", to_string(item.verdict)},
                        {"message", item.message},
                        {"remedy", item.remedy}});
    }
    if (format == Format::JsonLines) {
      print_value(out, checks, format);
    } else {
      print_value(out, {{"canRun", can_run}, {"checks", checks}}, format);
    }
    return;
  }
  size_t width = 0;
  for (const HostItem& item : items) {
    width = std::max(width, display_width(item.title));
  }
  for (const HostItem& item : items) {
    if (format == Format::Name) {
      out << item.id << '\n';
      continue;
    }
    std::string line = "  " + printable_line(item.title);
    if (!item.value.empty()) {
      line.append(width - display_width(item.title) + 2, ' ');
      line += printable_line(item.value);
    }
    out << label_of(item.verdict, palette) << line << '\n';
    const bool explain =
        item.verdict == HostVerdict::Fail || item.verdict == HostVerdict::Warn || format == Format::Wide;
    if (explain) {
      print_lines(out, item.message, "");
      print_lines(out, item.remedy, "do: ");
    }
  }
  if (format != Format::Name) {
    out << '\n'
        << (can_run ? palette.good("This host can run labs.") : palette.bad("This host cannot run labs."))
        << '\n';
  }
}

}  // namespace labctl::report
