#include "labctl/report/tests/test_progress.hpp"

#include "labctl/report/objects/age.hpp"
#include "labctl/report/tests/test_summary.hpp"
#include "labctl/report/text/table.hpp"
#include "topology/base/excerpt.hpp"
#include "topology/base/printable.hpp"
#include "topology/base/timestamp.hpp"

#include <algorithm>
#include <ostream>
#include <string_view>
#include <utility>

namespace labctl::report {
namespace {

constexpr std::string_view kDetailIndent = "        ";
constexpr std::string_view kEvidenceIndent = "        | ";
constexpr size_t kLineWidth = 100;
// Of what a check shows; the reports and the evidence have more.
constexpr size_t kShownLines = 60;
constexpr size_t kShownOfALine = 1'000;
// To the first column, and what stands on the line away (ECMA-48 EL).
constexpr std::string_view kEraseLine = "\r\x1b[K";

std::string label_of(Verdict verdict, const Palette& palette) {
  switch (verdict) {
    case Verdict::Passed:
      return palette.good("ok   ");
    case Verdict::Failed:
      return palette.bad("FAIL ");
    case Verdict::Broken:
      return palette.bad("ERROR");
    case Verdict::Skipped:
      return palette.warn("skip ");
  }
  return {};
}

std::string label_of(const ScenarioResult& scenario, const Palette& palette) {
  return scenario.is_flaky() ? palette.warn("flaky") : label_of(scenario.verdict(), palette);
}

std::string times_of(const ScenarioResult& scenario) {
  const std::string elapsed = format_elapsed(scenario.elapsed);
  return scenario.boot.count() > 0 ? "(booted in " + format_elapsed(scenario.boot) + ", " + elapsed + ")"
                                   : "(" + elapsed + ")";
}

void print_indented(std::ostream& out, std::string_view text, std::string_view indent) {
  while (!text.empty()) {
    const size_t end = text.find('\n');
    out << indent << printable(text.substr(0, end)) << '\n';
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
}

// Breaks at blanks, so that a line fits a usual terminal.
void print_wrapped(std::ostream& out, std::string_view text, std::string_view indent) {
  const size_t width = kLineWidth - indent.size();
  while (!text.empty()) {
    size_t end = text.size();
    if (end > width) {
      end = text.rfind(' ', width);
      end = end == std::string_view::npos ? text.find(' ') : end;
      end = end == std::string_view::npos ? text.size() : end;
    }
    out << indent << printable(text.substr(0, end)) << '\n';
    text.remove_prefix(end);
    text.remove_prefix(std::min(text.size(), text.find_first_not_of(" \n")));
  }
}

std::string position(const SourcePosition& where) {
  return where.line > 0 ? where.file + ":" + std::to_string(where.line) : where.file;
}

// "a, b, +2": as many names as fit; the first is cut rather than left out.
std::string names_within(const std::vector<std::string>& names, size_t width) {
  std::string text;
  for (size_t i = 0; i < names.size(); ++i) {
    const std::string next = (i == 0 ? "" : ", ") + printable_line(names[i]);
    const size_t left = names.size() - i - 1;
    const std::string rest = left == 0 ? "" : ", +" + std::to_string(left);
    if (display_width(text + next + rest) <= width) {
      text += next;
      continue;
    }
    if (i > 0) {
      return text + ", +" + std::to_string(names.size() - i);
    }
    const size_t room = width > rest.size() ? width - rest.size() : 0;
    return cut_to_width(next, room) + rest;
  }
  return text;
}

// Why it was not run or could not be, above the line that ends it in Follow and below it elsewhere.
void print_whole(std::ostream& out, const Palette& palette, const ScenarioResult& scenario,
                 std::string_view indent) {
  print_indented(out, scenario.skipped, indent);
  print_indented(out, scenario.error, indent);
  if (!scenario.hint.empty()) {
    out << "    " << palette.note("hint:") << ' ' << printable_line(scenario.hint) << '\n';
  }
}

}  // namespace

std::string status_line(const ProgressStatus& status, size_t width) {
  std::string head = std::to_string(status.finished);
  if (status.total > 0) {
    head += "/" + std::to_string(status.total);
  }
  std::string tail;
  for (const auto& [count, word] : {std::pair(status.failed, "failed"), std::pair(status.broken, "broken")}) {
    if (count > 0) {
      tail += (tail.empty() ? "  " : ", ") + std::to_string(count) + " " + word;
    }
  }
  if (!status.running.empty()) {
    head += "  " + std::to_string(status.running.size()) + " running";
    constexpr size_t kNameLeast = 8;  // less of a name says nothing
    const size_t taken = head.size() + 2 + tail.size();
    if (taken + kNameLeast <= width) {
      head += ": " + names_within(status.running, width - taken);
    }
  }
  return cut_to_width(head + tail, width);
}

TestProgress::TestProgress(std::ostream& out, Palette palette, ProgressOptions options)
    : out_(out), palette_(palette), options_(std::move(options)) {}

TestProgress::~TestProgress() {
  try {
    erase_status();
    out_.flush();
  } catch (...) {  // a stream that throws has nobody left to tell
  }
}

void TestProgress::draw_status() {
  if (options_.style != ProgressStyle::Live) {
    return;
  }
  // The last column stays free: some terminals go to the next line when it is written.
  const size_t width = options_.width > 1 ? options_.width - 1 : 1;
  out_ << kEraseLine << palette_.faint(status_line({finished_, total_, failed_, broken_, running_}, width));
  has_status_ = true;
}

void TestProgress::erase_status() {
  if (has_status_) {
    out_ << kEraseLine;
    has_status_ = false;
  }
}

void TestProgress::print_check(const CheckResult& check) {
  out_ << "  " << label_of(check.verdict, palette_) << " " << printable_line(check.name);
  std::string aside = format_elapsed(check.elapsed);
  if (check.tries > 1) {
    aside += ", " + std::to_string(check.tries) + " tries";
  }
  out_ << "  " << palette_.faint("(" + aside + ")") << '\n';
  print_wrapped(out_, check.explanation, kDetailIndent);
  // A check that teaches shows what it saw, too.
  if (check.verdict == Verdict::Passed && !options_.verbose && check.explanation.empty()) {
    return;
  }
  print_indented(out_, check.message, kDetailIndent);
  print_indented(out_, excerpt_of_lines(check.details, kShownLines, kShownOfALine), kEvidenceIndent);
  if (!check.where.file.empty() && check.verdict != Verdict::Passed) {
    out_ << kDetailIndent << palette_.faint(printable_line(position(check.where))) << '\n';
  }
}

void TestProgress::print_aftermath(const ScenarioResult& scenario) {
  if (scenario.is_flaky()) {
    print_indented(
        out_,
        "passed on try " + std::to_string(scenario.tries) + "; before: " + printable_line(scenario.flaky),
        "    ");
  }
  if (!scenario.evidence.empty()) {
    out_ << "    evidence: " << printable_line(scenario.evidence) << '\n';
  }
  if (!scenario.evidence_note.empty()) {
    out_ << "    " << (scenario.evidence.empty() ? "evidence: " : "  ")
         << printable_line(scenario.evidence_note) << '\n';
  }
  if (!scenario.lab.empty()) {
    const std::string lab = printable_line(scenario.lab);
    out_ << "    kept: `labctl -n " << lab << " exec node/NAME -- sh` enters it, `labctl down " << lab
         << "` takes it down\n";
  }
}

// One line, and below it what is not as it should be.
void TestProgress::print_scenario(const ScenarioResult& scenario) {
  if (options_.style == ProgressStyle::Dated) {
    out_ << palette_.faint(timestamp(options_.now())) << ' ';
  }
  out_ << label_of(scenario, palette_) << ' ' << printable_line(scenario.name) << "  "
       << palette_.faint(times_of(scenario)) << '\n';
  for (const CheckResult& check : scenario.checks) {
    if (options_.verbose || check.verdict == Verdict::Failed || check.verdict == Verdict::Broken) {
      print_check(check);
    }
  }
  print_whole(out_, palette_, scenario, "    ");
}

void TestProgress::run_started(size_t scenarios) {
  total_ = scenarios;
  draw_status();
  out_.flush();
}

void TestProgress::scenario_started(const ScenarioResult& scenario) {
  if (std::find(running_.begin(), running_.end(), scenario.name) == running_.end()) {
    running_.push_back(scenario.name);
  }
  if (options_.style == ProgressStyle::Follow) {
    out_ << palette_.strong("=== " + printable_line(scenario.name)) << "  "
         << palette_.faint(printable_line(scenario.file)) << '\n';
  }
  draw_status();
  out_.flush();
}

void TestProgress::check_finished(const ScenarioResult&, const CheckResult& check) {
  if (options_.style == ProgressStyle::Follow) {
    print_check(check);
    out_.flush();
  }
}

void TestProgress::scenario_finished(const ScenarioResult& scenario) {
  const Verdict verdict = scenario.verdict();
  std::erase(running_, scenario.name);
  ++finished_;
  failed_ += verdict == Verdict::Failed ? 1 : 0;
  broken_ += verdict == Verdict::Broken ? 1 : 0;
  erase_status();
  if (options_.style == ProgressStyle::Follow) {
    print_whole(out_, palette_, scenario, "  ");
    out_ << "--- " << label_of(scenario, palette_) << ' ' << printable_line(scenario.name) << "  "
         << palette_.faint(times_of(scenario)) << '\n';
  } else {
    print_scenario(scenario);
  }
  print_aftermath(scenario);
  draw_status();
  out_.flush();
}

void TestProgress::run_finished(const TestRun& run) {
  erase_status();
  write_summary(out_, palette_, run);
  out_.flush();
}

}  // namespace labctl::report
