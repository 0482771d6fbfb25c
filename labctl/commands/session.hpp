#pragma once

// What every command shares: the global flags, where data and talk go, and which lab is meant.
//
// stdout is data, stderr is talk. Talk is lines of text, or with --log-format json objects
// {"time","level","message","hint"}.

#include "labctl/api/client.hpp"
#include "labctl/report/text/format.hpp"
#include "labctl/report/text/palette.hpp"
#include "topology/base/diagnostic.hpp"
#include "topology/base/error.hpp"

#include <chrono>
#include <functional>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace labctl::commands {

// As the user wrote them; flags or LABCTL_NAME, LABCTL_COLOR, ...
struct Globals {
  std::string lab;
  std::string color = "auto";
  std::string log_format = "text";
  bool quiet = false;
  int verbose = 0;
  // What the chosen command does; set when the command line has been understood. Returns the exit code.
  std::function<int()> action;
};

class Session {
 public:
  // Throws Error InvalidInput for a bad --color or --log-format.
  explicit Session(const Globals& globals);

  // Data, for those who print what is fit for a terminal already (report), or bytes as they are.
  std::ostream& out() const;
  // A line of data. Any text: it is shown as printable_line(), so without colours.
  void line(std::string_view text) const;
  // The same of any number of lines, ended by whoever wrote them.
  void lines(std::string_view text) const;
  // Colours for stdout and stderr: decided separately, since one may be a pipe.
  const report::Palette& palette() const { return out_palette_; }
  int verbosity() const { return globals_.verbose; }

  // A line of talk; nothing with --quiet.
  void note(std::string_view message) const;
  void warn(std::string_view message, std::string_view hint = {}) const;
  void error(const Error& error) const;
  // All of them, errors and warnings; with --quiet only errors.
  void diagnostics(const std::vector<Diagnostic>& diagnostics) const;

  // The lab that is meant: `chosen` or -n, else the only one that is up.
  // Throws Error: NotFound when that one or none is up, InvalidInput when
  // several are (the message names them).
  std::string lab(const std::string& chosen = {}) const;
  // The lab of -n, or empty: for commands that may make one.
  const std::string& named_lab() const { return globals_.lab; }
  // A client of lab(chosen); throws as it does.
  api::Client client(std::chrono::milliseconds timeout = std::chrono::seconds(30),
                     const std::string& chosen = {}) const;

 private:
  void talk(std::string_view level, std::string_view message, std::string_view hint) const;

  const Globals& globals_;
  report::Palette out_palette_;
  report::Palette err_palette_;
  bool json_talk_ = false;
};

// "table", "json", ...; only those in `allowed`. Throws Error InvalidInput that lists them.
report::Format parse_output(std::string_view word, std::initializer_list<report::Format> allowed);
// "30s", as in --timeout. Throws Error InvalidInput naming the flag.
std::chrono::milliseconds parse_flag_duration(std::string_view flag, std::string_view text);

}  // namespace labctl::commands
