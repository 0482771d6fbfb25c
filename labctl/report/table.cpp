#include "labctl/report/table.hpp"

#include <algorithm>
#include <cstdio>
#include <ostream>
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

std::string one_line(const std::string& text) {
  std::string out;
  for (size_t i = 0; i < text.size();) {
    if (const size_t length = sgr_length(text, i); length > 0) {
      out.append(text, i, length);
      i += length;
      continue;
    }
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte == '\n' || byte == '\t' || byte == '\r') {
      out += ' ';
    } else if (byte < 0x20 || byte == 0x7f) {
      char escaped[5];
      std::snprintf(escaped, sizeof escaped, "\\x%02x", byte);
      out += escaped;
    } else {
      out += text[i];
    }
    ++i;
  }
  return out;
}

Table::Table(std::vector<std::string> columns, bool headers)
    : columns_(std::move(columns)), headers_(headers) {}

void Table::add(std::vector<std::string> cells) {
  for (std::string& cell : cells) {
    cell = one_line(cell);
  }
  cells.resize(columns_.size());
  rows_.push_back(std::move(cells));
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
