#include "labctl/report/text/table.hpp"

#include "topology/base/printable.hpp"

#include <algorithm>
#include <ostream>
#include <string_view>
#include <utility>

namespace labctl::report {
namespace {

// The length of an SGR sequence ("ESC [ digits m") at `at`, or 0.
size_t sgr_length(const std::string& text, size_t at) {
  if (text.compare(at, 2, "\x1b[") != 0) {
    return 0;
  }
  size_t end = at + 2;
  while (end < text.size() && ((text[end] >= '0' && text[end] <= '9') || text[end] == ';')) {
    ++end;
  }
  return end < text.size() && text[end] == 'm' ? end - at + 1 : 0;
}

}  // namespace

size_t display_width(const std::string& text) {
  size_t width = 0;
  for (size_t i = 0; i < text.size();) {
    if (const size_t length = sgr_length(text, i); length > 0) {
      i += length;
      continue;
    }
    width += (static_cast<unsigned char>(text[i]) & 0xc0) != 0x80 ? 1 : 0;
    ++i;
  }
  return width;
}

std::string cut_to_width(const std::string& text, size_t width) {
  if (display_width(text) <= width) {
    return text;
  }
  constexpr std::string_view kCut = "...";
  const size_t kept = width > kCut.size() ? width - kCut.size() : 0;
  std::string_view rest(text);
  for (size_t i = 0; i < kept; ++i) {
    const size_t length = utf8_length(rest);
    rest.remove_prefix(length == 0 ? 1 : length);
  }
  return text.substr(0, text.size() - rest.size()) + std::string(kCut.substr(0, width));
}

Cell Cell::of_colour(std::string coloured) {
  Cell cell(std::move(coloured));
  cell.is_coloured = true;
  return cell;
}

std::string Cell::shown() const { return is_coloured ? text : printable_line(text); }

Table::Table(std::vector<std::string> columns, bool headers)
    : columns_(std::move(columns)), headers_(headers) {}

void Table::add(const std::vector<Cell>& cells) {
  std::vector<std::string> row;
  for (const Cell& cell : cells) {
    row.push_back(cell.shown());
  }
  row.resize(columns_.size());
  rows_.push_back(std::move(row));
}

void Table::print(std::ostream& out) const {
  std::vector<size_t> widths(columns_.size(), 0);
  for (size_t i = 0; i < columns_.size(); ++i) {
    widths[i] = headers_ ? display_width(columns_[i]) : 0;
    for (const auto& row : rows_) {
      widths[i] = std::max(widths[i], display_width(row[i]));
    }
  }
  const auto print_row = [&](const std::vector<std::string>& cells) {
    std::string line;
    for (size_t i = 0; i < cells.size(); ++i) {
      line += cells[i];
      if (i + 1 < cells.size()) {
        line.append(widths[i] - display_width(cells[i]) + 3, ' ');
      }
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out << line << '\n';
  };
  if (headers_) {
    print_row(columns_);
  }
  for (const auto& row : rows_) {
    print_row(row);
  }
}

}  // namespace labctl::report
