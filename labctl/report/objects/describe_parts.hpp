#pragma once

// What descriptions are made of: blocks of "Key: value" lines, and tables below a heading.

#include <nlohmann/json.hpp>

#include <cstddef>
#include <iosfwd>
#include <string>
#include <utility>
#include <vector>

namespace labctl::report {

// "Key:   value" lines of one block, values in one column; a value of several lines continues in that column.
class Block {
 public:
  explicit Block(size_t indent) : indent_(indent) {}

  void add(std::string key, std::string value);
  void add_if(std::string key, std::string value);
  // A list of words, one below the other.
  void add_list(std::string key, const nlohmann::json& list);
  void add_map(std::string key, const nlohmann::json& map);

  void print(std::ostream& out) const;

 private:
  size_t indent_;
  std::vector<std::pair<std::string, std::string>> lines_;
};

// "Fri, 02 Jan 2026 03:04:05 UTC"
std::string long_time(const std::string& timestamp);

// Name and namespace; labels and annotations.
void add_identity(Block& block, const nlohmann::json& object);
void add_metadata(Block& block, const nlohmann::json& object);

// A table below a heading, underlined as kubectl does, and "<none>" beside the heading when there is nothing.
void print_section(std::ostream& out, const std::string& heading, const std::vector<std::string>& columns,
                   const std::vector<std::vector<std::string>>& rows);

// `text` with each line moved to the right.
void print_indented(std::ostream& out, const std::string& text, size_t indent);

}  // namespace labctl::report
