#pragma once

// Colours by meaning, or none at all: the eight of ECMA-48 SGR, which every terminal maps to its own theme.

#include <string>
#include <string_view>

namespace labctl::report {

enum class ColorChoice { Auto, Always, Never };

// Whether to colour what goes to the descriptor `fd`. Auto: when it is a terminal, TERM is not "dumb" and
// NO_COLOR (no-color.org) is empty; a CLICOLOR_FORCE other than "0" colours files and pipes too.
bool wants_color(ColorChoice choice, int fd);

class Palette {
 public:
  Palette() = default;
  explicit Palette(bool enabled) : enabled_(enabled) {}

  bool enabled() const { return enabled_; }
  std::string good(std::string_view text) const { return paint("32", text); }
  std::string bad(std::string_view text) const { return paint("31", text); }
  std::string warn(std::string_view text) const { return paint("33", text); }
  std::string note(std::string_view text) const { return paint("36", text); }
  std::string faint(std::string_view text) const { return paint("2", text); }
  std::string strong(std::string_view text) const { return paint("1", text); }

 private:
  std::string paint(std::string_view code, std::string_view text) const;
  bool enabled_ = false;
};

}  // namespace labctl::report
