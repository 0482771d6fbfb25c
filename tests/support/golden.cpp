#include "tests/support/golden.hpp"

#include "tests/support/temp_dir.hpp"

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

namespace labctl::support {
namespace {

// "line 3:\n  wanted: ...\n  seen:   ..." for the first line that differs.
std::string first_difference(const std::string& wanted, const std::string& seen) {
  std::istringstream wanted_lines(wanted);
  std::istringstream seen_lines(seen);
  for (int number = 1;; ++number) {
    std::string wanted_line;
    std::string seen_line;
    const bool has_wanted = static_cast<bool>(std::getline(wanted_lines, wanted_line));
    const bool has_seen = static_cast<bool>(std::getline(seen_lines, seen_line));
    if (!has_wanted && !has_seen) {
      return "only the final newline differs";
    }
    if (has_wanted != has_seen || wanted_line != seen_line) {
      return "line " + std::to_string(number) + ":\n  wanted: " + (has_wanted ? wanted_line : "(end)") +
             "\n  seen:   " + (has_seen ? seen_line : "(end)");
    }
  }
}

bool is_updating() {
  const char* update = std::getenv("LABCTL_UPDATE_GOLDEN");
  return update != nullptr && std::string_view(update) == "1";
}

}  // namespace

::testing::AssertionResult matches_golden(std::string_view actual, const std::filesystem::path& file) {
  const std::filesystem::path path =
      file.is_absolute() ? file : std::filesystem::path(LABCTL_SOURCE_DIR) / file;
  if (is_updating()) {
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << actual;
    return ::testing::AssertionSuccess() << path << " written";
  }
  const std::string hint = "; LABCTL_UPDATE_GOLDEN=1 writes it";
  if (!std::filesystem::exists(path)) {
    return ::testing::AssertionFailure() << path << " is not there" << hint << "\nseen:\n" << actual;
  }
  const std::string wanted = read_file(path);
  if (wanted == actual) {
    return ::testing::AssertionSuccess();
  }
  return ::testing::AssertionFailure() << path << " differs" << hint << "\n"
                                       << first_difference(wanted, std::string(actual)) << "\nseen:\n"
                                       << actual;
}

}  // namespace labctl::support
