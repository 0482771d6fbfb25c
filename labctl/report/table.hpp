#pragma once

// Columns of text, aligned as kubectl aligns them: three spaces between, the last column unpadded.

#include <iosfwd>
#include <string>
#include <vector>

namespace labctl::report {

class Table {
 public:
  // Without `headers` (for --no-headers) only rows are printed.
  explicit Table(std::vector<std::string> columns, bool headers = true);

  // A row has as many cells as there are columns. Control characters in cells are shown escaped and newlines
  // become spaces: a row is a line. SGR colour sequences count no width.
  void add(std::vector<std::string> cells);
  bool empty() const { return rows_.empty(); }
  size_t size() const { return rows_.size(); }
  void print(std::ostream& out) const;

 private:
  std::vector<std::string> columns_;
  std::vector<std::vector<std::string>> rows_;
  bool headers_;
};

// Columns a terminal gives to UTF-8 text: one a code point, none for SGR sequences.
size_t display_width(const std::string& text);

// For a cell: newlines become spaces, control characters are escaped, SGR sequences stay.
std::string one_line(const std::string& text);

}  // namespace labctl::report
