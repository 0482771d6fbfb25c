#pragma once

// Columns of text, aligned as kubectl aligns them: three spaces between, the last column unpadded.

#include <iosfwd>
#include <string>
#include <utility>
#include <vector>

namespace labctl::report {

// Text of a cell: it is shown as printable_line(), unless it is that already, and coloured.
struct Cell {
  Cell(std::string plain) : text(std::move(plain)) {}
  Cell(const char* plain) : text(plain) {}
  // `coloured` went through printable_line() before it was given colour.
  static Cell of_colour(std::string coloured);
  std::string shown() const;

  std::string text;
  bool is_coloured = false;
};

class Table {
 public:
  // Without `headers` (for --no-headers) only rows are printed.
  explicit Table(std::vector<std::string> columns, bool headers = true);

  // A row has as many cells as there are columns, and is a line.
  void add(const std::vector<Cell>& cells);
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

// At most `width` characters; what is cut off at the end shows as "...".
std::string cut_to_width(const std::string& text, size_t width);

}  // namespace labctl::report
