#include "tests/support/obeyed.hpp"

#include "topology/base/printable.hpp"

#include <sstream>
#include <string_view>

namespace labctl::support {

std::string obeyed_in(const std::string& output) {
  std::istringstream lines(output);
  for (std::string line; std::getline(lines, line);) {
    if (find_ci_command(line) != std::string::npos) {
      return "a command: " + line;
    }
    for (std::string_view rest = line; !rest.empty();) {
      const std::size_t length = utf8_length(rest);
      if (length == 0 || is_unseen(rest.substr(0, length))) {
        return "characters that do not show: " + printable(line);
      }
      rest.remove_prefix(length);
    }
  }
  return {};
}

}  // namespace labctl::support
