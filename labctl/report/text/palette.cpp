#include "labctl/report/text/palette.hpp"

#include <unistd.h>

#include <cstdlib>

namespace labctl::report {
namespace {

std::string_view environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string_view{} : std::string_view(value);
}

}  // namespace

bool wants_color(ColorChoice choice, int fd) {
  if (choice != ColorChoice::Auto) {
    return choice == ColorChoice::Always;
  }
  if (!environment("NO_COLOR").empty()) {
    return false;
  }
  if (const auto force = environment("CLICOLOR_FORCE"); !force.empty() && force != "0") {
    return true;
  }
  return ::isatty(fd) == 1 && environment("TERM") != "dumb";
}

std::string Palette::paint(std::string_view code, std::string_view text) const {
  if (!enabled_ || text.empty()) {
    return std::string(text);
  }
  return "\x1b[" + std::string(code) + "m" + std::string(text) + "\x1b[0m";
}

}  // namespace labctl::report
