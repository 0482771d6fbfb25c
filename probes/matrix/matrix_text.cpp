#include "probes/matrix/matrix_text.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <vector>

namespace labctl::matrix {
namespace {

using probes::Outcome;

constexpr char kNotProbed = ' ';
constexpr char kAsWanted = '-';
constexpr char kUnwantedOk = '!';

char cell_glyph(const ReachMatrix& matrix, std::size_t source, std::size_t destination) {
  const auto seen = matrix.seen(source, destination);
  if (!seen) {
    return kNotProbed;
  }
  if (*seen == matrix.wanted(source, destination)) {
    return *seen == Outcome::Ok ? probes::glyph(Outcome::Ok) : kAsWanted;
  }
  return *seen == Outcome::Ok ? kUnwantedOk : probes::glyph(*seen);
}

std::string meaning_of(char glyph) {
  if (glyph == kAsWanted) {
    return "not ok, as wanted";
  }
  if (glyph == kUnwantedOk) {
    return "ok, but should not be";
  }
  for (const Outcome outcome : probes::kOutcomes) {
    if (probes::glyph(outcome) == glyph) {
      return std::string(to_string(outcome));
    }
  }
  return "not probed";
}

std::string right(const std::string& text, std::size_t width) {
  return std::string(width - std::min(width, text.size()), ' ') + text;
}

std::string left(const std::string& text, std::size_t width) {
  return text + std::string(width - std::min(width, text.size()), ' ');
}

std::size_t widest(const std::vector<std::string>& texts) {
  std::size_t width = 0;
  for (const std::string& text : texts) {
    width = std::max(width, text.size());
  }
  return width;
}

// Column numbers written downwards, tens above ones.
std::string column_numbers(std::size_t columns, std::size_t indent) {
  std::string text;
  std::size_t unit = 1;
  while (unit * 10 <= columns) {
    unit *= 10;
  }
  for (; unit > 0; unit /= 10) {
    text += std::string(indent, ' ');
    for (std::size_t column = 1; column <= columns; ++column) {
      const bool shown = unit == 1 || (column >= unit && column % unit == 0);
      text += shown ? static_cast<char>('0' + column / unit % 10) : ' ';
    }
    text.erase(text.find_last_not_of(' ') + 1);
    text += '\n';
  }
  return text;
}

std::string legend(const std::set<char>& glyphs) {
  std::string text;
  for (const char glyph : glyphs) {
    if (glyph != kNotProbed) {
      text += (text.empty() ? "" : "    ") + std::string(1, glyph) + "  " + meaning_of(glyph);
    }
  }
  return text + '\n';
}

std::string cells(const ReachMatrix& matrix) {
  const std::size_t number = std::to_string(matrix.sources().size()).size();
  const std::size_t name = widest(matrix.sources());
  std::string text = column_numbers(matrix.destinations().size(), number + name + 3);
  std::set<char> used;
  for (std::size_t row = 0; row < matrix.sources().size(); ++row) {
    text += right(std::to_string(row + 1), number) + ' ' + left(matrix.sources()[row], name) + "  ";
    for (std::size_t column = 0; column < matrix.destinations().size(); ++column) {
      text += cell_glyph(matrix, row, column);
      used.insert(text.back());
    }
    text.erase(text.find_last_not_of(' ') + 1);
    text += '\n';
  }
  if (matrix.sources() != matrix.destinations()) {
    text += "\nto:\n";
    const std::size_t width = std::to_string(matrix.destinations().size()).size();
    for (std::size_t column = 0; column < matrix.destinations().size(); ++column) {
      text += right(std::to_string(column + 1), width) + ' ' + matrix.destinations()[column] + '\n';
    }
  }
  return text + '\n' + legend(used);
}

struct GroupCell {
  std::size_t probed = 0;
  std::size_t as_wanted = 0;
};

std::vector<std::string> groups_of(const std::vector<std::string>& names,
                                   std::vector<std::size_t>& group_by_name) {
  std::vector<std::string> groups;
  std::map<std::string, std::size_t> known;
  for (const std::string& name : names) {
    const auto [entry, is_new] = known.try_emplace(group_of(name), groups.size());
    if (is_new) {
      groups.push_back(entry->first);
    }
    group_by_name.push_back(entry->second);
  }
  return groups;
}

// "as wanted/probed" for each pair of groups, as lines: a table would be as wide as the groups' names.
std::string group_lines(const ReachMatrix& matrix) {
  std::vector<std::size_t> source_group;
  std::vector<std::size_t> destination_group;
  const std::vector<std::string> from = groups_of(matrix.sources(), source_group);
  const std::vector<std::string> to = groups_of(matrix.destinations(), destination_group);
  std::vector<GroupCell> grid(from.size() * to.size());
  for (std::size_t row = 0; row < source_group.size(); ++row) {
    for (std::size_t column = 0; column < destination_group.size(); ++column) {
      if (const auto seen = matrix.seen(row, column)) {
        GroupCell& cell = grid[source_group[row] * to.size() + destination_group[column]];
        ++cell.probed;
        cell.as_wanted += *seen == matrix.wanted(row, column) ? 1 : 0;
      }
    }
  }
  std::string text = left("from", widest(from)) + "  " + left("to", widest(to)) + "  as wanted\n";
  for (std::size_t i = 0; i < grid.size(); ++i) {
    if (grid[i].probed > 0) {
      text += left(from[i / to.size()], widest(from)) + "  " + left(to[i % to.size()], widest(to)) + "  " +
              std::to_string(grid[i].as_wanted) + '/' + std::to_string(grid[i].probed) + '\n';
    }
  }
  return text;
}

std::string failure_lines(const ReachMatrix& matrix, std::size_t count, std::size_t limit) {
  std::string text = "\nnot as wanted:\n";
  for (const ReachMatrix::Failure& failure : matrix.failures(limit)) {
    text += "  " + matrix.sources()[failure.source] + " -> " + matrix.destinations()[failure.destination] +
            ": wanted " + std::string(to_string(failure.wanted)) + ", seen " +
            std::string(to_string(failure.seen)) + '\n';
  }
  if (count > limit) {
    text += "  ... and " + std::to_string(count - limit) + " more\n";
  }
  return text;
}

}  // namespace

std::string to_text(const ReachMatrix& matrix, const TextOptions& options) {
  if (matrix.sources().empty() || matrix.destinations().empty()) {
    return "nothing to probe\n";
  }
  const ReachMatrix::Summary summary = matrix.summary();
  const bool fits =
      matrix.destinations().size() <= options.columns_max && matrix.sources().size() <= options.rows_max;
  std::string text = fits ? cells(matrix) : group_lines(matrix);
  text += '\n' + std::to_string(summary.as_wanted) + " of " + std::to_string(summary.probed) +
          " as wanted; seen: " + to_string(summary.seen) + '\n';
  if (summary.as_wanted < summary.probed) {
    text += failure_lines(matrix, summary.probed - summary.as_wanted, options.failures_max);
  }
  return text;
}

}  // namespace labctl::matrix
