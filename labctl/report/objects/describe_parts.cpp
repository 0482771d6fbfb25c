#include "labctl/report/objects/describe_parts.hpp"

#include "labctl/report/objects/age.hpp"
#include "labctl/report/objects/fields.hpp"
#include "labctl/report/text/table.hpp"
#include "topology/base/printable.hpp"
#include "topology/base/timestamp.hpp"
#include "topology/model/well_known.hpp"

#include <algorithm>
#include <ctime>
#include <ostream>
#include <sstream>

namespace labctl::report {
namespace {

using Json = nlohmann::json;

}  // namespace

void Block::add(std::string key, std::string value) {
  lines_.emplace_back(std::move(key) + ":", std::move(value));
}

void Block::add_if(std::string key, std::string value) {
  if (!value.empty()) {
    add(std::move(key), std::move(value));
  }
}

void Block::add_list(std::string key, const Json& list) {
  std::string value;
  if (list.is_array()) {
    for (const Json& item : list) {
      value += (value.empty() ? "" : "\n") +
               (item.is_string() ? printable_line(item.get<std::string>()) : item.dump());
    }
  }
  if (!value.empty()) {
    add(std::move(key), value);
  }
}

void Block::add_map(std::string key, const Json& map) {
  std::string value;
  if (map.is_object()) {
    for (const auto& [name, item] : map.items()) {
      value += (value.empty() ? "" : "\n") +
               printable_line(name + "=" + (item.is_string() ? item.get<std::string>() : item.dump()));
    }
  }
  add(std::move(key), value.empty() ? "<none>" : value);
}

void Block::print(std::ostream& out) const {
  size_t width = 0;
  for (const auto& [key, value] : lines_) {
    width = std::max(width, key.size());
  }
  for (const auto& [key, value] : lines_) {
    std::istringstream parts(value);
    std::string part;
    bool first = true;
    while (std::getline(parts, part) || first) {
      std::string line(indent_, ' ');
      line += first ? key : "";
      line.append(indent_ + width + 2 - line.size(), ' ');
      line += printable_line(part);
      line.erase(line.find_last_not_of(' ') + 1);
      out << line << '\n';
      first = false;
    }
  }
}

std::string long_time(const std::string& timestamp) {
  const auto when = parse_timestamp(timestamp);
  if (!when) {
    return timestamp;
  }
  const std::time_t time = std::chrono::system_clock::to_time_t(*when);
  std::tm parts{};
  ::gmtime_r(&time, &parts);
  char buffer[64];
  std::strftime(buffer, sizeof buffer, "%a, %d %b %Y %H:%M:%S UTC", &parts);
  return buffer;
}

void add_identity(Block& block, const Json& object) {
  block.add("Name", text(object, "/metadata/name"));
  block.add_if("Namespace", text(object, "/metadata/namespace"));
}

void add_metadata(Block& block, const Json& object) {
  block.add_map("Labels", at(object, "/metadata/labels"));
  Json annotations = at(object, "/metadata/annotations");
  if (annotations.is_object()) {
    annotations.erase(
        model::kLastAppliedAnnotation);  // as kubectl describe: it says all of the object once more
  }
  block.add_map("Annotations", annotations);
}

void print_section(std::ostream& out, const std::string& heading, const std::vector<std::string>& columns,
                   const std::vector<std::vector<std::string>>& rows) {
  if (rows.empty()) {
    out << heading << ":  <none>\n";
    return;
  }
  std::vector<std::string> first = columns;
  std::vector<std::string> rules;
  for (const std::string& column : columns) {
    rules.emplace_back(column.size(), '-');
  }
  Table table(first);
  table.add({rules.begin(), rules.end()});
  for (const auto& row : rows) {
    table.add({row.begin(), row.end()});
  }
  std::ostringstream body;
  table.print(body);
  out << heading << ":\n";
  print_indented(out, body.str(), 2);
}

void print_indented(std::ostream& out, const std::string& text, size_t indent) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    out << std::string(line.empty() ? 0 : indent, ' ') << line << '\n';
  }
}

}  // namespace labctl::report
