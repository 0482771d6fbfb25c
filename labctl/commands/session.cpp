#include "labctl/commands/session.hpp"

#include "labctl/api/diagnostic_json.hpp"
#include "labctl/commands/standard_streams.hpp"
#include "labctl/report/text/error_text.hpp"
#include "labctl/report/text/json_text.hpp"
#include "labctl/supervisor/registry.hpp"
#include "topology/base/duration.hpp"
#include "topology/base/printable.hpp"
#include "topology/base/timestamp.hpp"

#include <nlohmann/json.hpp>

#include <unistd.h>

#include <algorithm>
#include <iostream>

namespace labctl::commands {
namespace {

report::ColorChoice parse_color(std::string_view word) {
  if (word == "auto") {
    return report::ColorChoice::Auto;
  }
  if (word == "always") {
    return report::ColorChoice::Always;
  }
  if (word == "never") {
    return report::ColorChoice::Never;
  }
  throw Error(ErrorKind::InvalidInput, "--color " + std::string(word) + ": not auto, always or never");
}

std::string timestamp_now() { return timestamp(std::chrono::system_clock::now()); }

// How the labs ended of which only the folder is left, as a hint to who finds none.
Error no_lab_is_up(const std::vector<supervisor::LabEntry>& labs) {
  std::vector<std::string> dead;
  const supervisor::LabEntry* last = nullptr;
  for (const supervisor::LabEntry& entry : labs) {
    if (entry.is_dead()) {
      dead.push_back(entry.name);
      last = &entry;
    }
  }
  if (dead.size() == 1) {
    return {ErrorKind::NotFound, "no lab is up; " + supervisor::story_of(last->name, last->end),
            "`labctl up` boots it again"};
  }
  return {ErrorKind::NotFound, "no lab is up",
          dead.empty() ? "`labctl up FILE` boots one" : "`labctl ls` shows how those ended that were"};
}

std::string join(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) {
    out += (out.empty() ? "" : ", ") + word;
  }
  return out;
}

}  // namespace

Session::Session(const Globals& globals) : globals_(globals) {
  const report::ColorChoice choice = parse_color(globals.color);
  out_palette_ = report::Palette(report::wants_color(choice, STDOUT_FILENO));
  err_palette_ = report::Palette(report::wants_color(choice, STDERR_FILENO));
  if (globals.log_format != "text" && globals.log_format != "json") {
    throw Error(ErrorKind::InvalidInput, "--log-format " + globals.log_format + ": not text or json");
  }
  json_talk_ = globals.log_format == "json";
}

std::ostream& Session::out() const { return std::cout; }

void Session::line(std::string_view text) const { std::cout << printable_line(text) << '\n'; }

void Session::lines(std::string_view text) const { std::cout << printable(text); }

void Session::talk(std::string_view level, std::string_view message, std::string_view hint) const {
  lost_output();  // flushed, so that talk and data keep their order on a terminal
  if (json_talk_) {
    nlohmann::json line{{"time", timestamp_now()}, {"level", level}, {"message", message}};
    if (!hint.empty()) {
      line["hint"] = hint;
    }
    std::cerr << report::json_text(line) << '\n';
    return;
  }
  const std::string heading = level == "error"     ? err_palette_.bad("error:") + " "
                              : level == "warning" ? err_palette_.warn("warning:") + " "
                                                   : "";
  report::print_message(std::cerr, heading, message, hint, err_palette_);
}

void Session::note(std::string_view message) const {
  if (!globals_.quiet) {
    talk("info", message, {});
  }
}

void Session::warn(std::string_view message, std::string_view hint) const {
  if (!globals_.quiet) {
    talk("warning", message, hint);
  }
}

void Session::error(const Error& error) const { talk("error", error.message(), error.hint()); }

void Session::diagnostics(const std::vector<Diagnostic>& diagnostics) const {
  lost_output();
  std::vector<Diagnostic> told = diagnostics;
  if (globals_.quiet) {
    std::erase_if(told, [](const Diagnostic& one) { return one.severity == Severity::Warning; });
  }
  if (!json_talk_) {
    report::print_findings(std::cerr, told, verbosity() > 0, err_palette_);
    return;
  }
  for (const Diagnostic& diagnostic : told) {
    nlohmann::json line = api::to_json(diagnostic);
    line["time"] = timestamp_now();
    line["level"] = std::move(line["severity"]);  // as all that is told on this stream has it
    line.erase("severity");
    std::cerr << report::json_text(line) << '\n';
  }
}

std::string Session::lab(const std::string& chosen) const {
  const std::string& named = chosen.empty() ? globals_.lab : chosen;
  const std::vector<supervisor::LabEntry> labs = supervisor::list_labs();
  std::vector<std::string> up;
  for (const supervisor::LabEntry& entry : labs) {
    if (entry.is_alive) {
      up.push_back(entry.name);
    }
  }
  if (!named.empty()) {
    const std::optional<supervisor::LabEntry> entry = supervisor::find_lab(named);
    if (entry && !entry->is_alive) {
      throw Error(ErrorKind::NotFound, supervisor::story_of(named, entry->end),
                  "`labctl up` boots it again, `labctl gc` removes what is left of it");
    }
    if (!entry) {
      throw Error(ErrorKind::NotFound, "lab \"" + named + "\" is not up",
                  up.empty() ? "no lab is; `labctl up` boots one"
                             : "up: " + join(up) + " (-n names a lab; a namespace is -N)");
    }
    return named;
  }
  if (up.empty()) {
    throw no_lab_is_up(labs);
  }
  if (up.size() > 1) {
    throw Error(ErrorKind::InvalidInput, "several labs are up: " + join(up),
                "choose one with -n, such as -n " + up.front() + ", or set LABCTL_NAME");
  }
  return up.front();
}

api::Client Session::client(std::chrono::milliseconds timeout, const std::string& chosen) const {
  const std::string name = lab(chosen);
  if (verbosity() > 0) {
    note("lab " + name + " at " + supervisor::socket_path(name).string());
  }
  return api::Client(supervisor::socket_path(name), timeout);
}

report::Format parse_output(std::string_view word, std::initializer_list<report::Format> allowed) {
  const auto format = report::parse_format(word);
  if (format && std::find(allowed.begin(), allowed.end(), *format) != allowed.end()) {
    return *format;
  }
  std::string names;
  for (const report::Format one : allowed) {
    names += (names.empty() ? "" : ", ") + std::string(report::to_string(one));
  }
  throw Error(ErrorKind::InvalidInput, "-o " + std::string(word) + ": no such format here",
              "one of " + names);
}

std::chrono::milliseconds parse_flag_duration(std::string_view flag, std::string_view text) {
  const auto duration = parse_duration(text);
  if (!duration) {
    throw Error(ErrorKind::InvalidInput, std::string(flag) + " " + std::string(text) + ": not a duration",
                "such as 500ms, 2s or 1m30s");
  }
  return std::chrono::ceil<std::chrono::milliseconds>(*duration);
}

}  // namespace labctl::commands
