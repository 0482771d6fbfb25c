#include "labctl/report/text/error_text.hpp"
#include "topology/base/printable.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <ostream>
#include <string>
#include <utility>

namespace labctl::report {
namespace {

// Misspelt names want to be seen; a dozen of them is a file of a newer version.
constexpr size_t kUnknownListedMax = 3;
constexpr size_t kSubjectsListedMax = 8;

constexpr std::array kTopics{Topic::NotApplied, Topic::NoEffect, Topic::Dropped,     Topic::Unknown,
                             Topic::KeptOnly,   Topic::LeftOut,  Topic::HostProgram, Topic::StoodIn};

struct Counted {
  std::string subject;
  int times = 0;
};

std::string counted(int n, const char* noun) { return std::to_string(n) + " " + noun + (n == 1 ? "" : "s"); }

// "14 fields have no effect here" of `total` places with `subjects` names.
std::string heading_of(Topic topic, int total, size_t subjects) {
  const bool is_one = total == 1;
  const std::string fields = counted(total, "field");
  const std::string objects =
      counted(total, "object") + (is_one ? "" : " of " + counted(static_cast<int>(subjects), "kind"));
  switch (topic) {
    case Topic::None:
      return {};
    case Topic::NotApplied:
      return fields + (is_one ? " is" : " are") + " not applied yet";
    case Topic::NoEffect:
      return fields + (is_one ? " has" : " have") + " no effect here";
    case Topic::Dropped:
      return fields + (is_one ? " is" : " are") + " the lab's own, and dropped";
    case Topic::Unknown:
      return fields + (is_one ? " is" : " are") + " unknown";
    case Topic::KeptOnly:
      return objects + " kept and shown, without effect";
    case Topic::LeftOut:
      return objects + " left out";
    case Topic::HostProgram:
      return fields + (is_one ? " runs" : " run") + " programs of this host";
    case Topic::StoodIn:
      return fields + (is_one ? " names" : " name") + " what this lab stands in for with its own";
  }
  return {};
}

// By how often, and then as they come.
std::vector<Counted> subjects_of(const std::vector<Diagnostic>& diagnostics, Topic topic) {
  std::vector<Counted> subjects;
  for (const Diagnostic& one : diagnostics) {
    if (one.topic != topic || one.severity != Severity::Warning) {
      continue;
    }
    auto found = std::find_if(subjects.begin(), subjects.end(),
                              [&](const Counted& known) { return known.subject == one.subject; });
    if (found == subjects.end()) {
      found = subjects.insert(subjects.end(), {one.subject, 0});
    }
    found->times += one.times;
  }
  std::stable_sort(subjects.begin(), subjects.end(),
                   [](const Counted& a, const Counted& b) { return a.times > b.times; });
  return subjects;
}

void print_summary(std::ostream& out, Topic topic, const std::vector<Counted>& subjects,
                   const Palette& palette) {
  if (subjects.empty()) {
    return;
  }
  int total = 0;
  std::string names;
  for (size_t i = 0; i < subjects.size(); ++i) {
    total += subjects[i].times;
    if (i < kSubjectsListedMax) {
      names += (i == 0 ? "" : ", ") + subjects[i].subject + " (" + std::to_string(subjects[i].times) + ")";
    }
  }
  if (subjects.size() > kSubjectsListedMax) {
    names += " and " + std::to_string(subjects.size() - kSubjectsListedMax) + " more";
  }
  out << palette.warn("warning:") << ' '
      << printable_line(heading_of(topic, total, subjects.size()) + ": " + names + "; -v lists them") << '\n';
}

bool is_listed(const Diagnostic& one, size_t unknown) {
  return one.topic == Topic::None || one.severity == Severity::Error ||
         (one.topic == Topic::Unknown && unknown <= kUnknownListedMax);
}

// Each place by itself; the last says how many there were no room for.
std::vector<Diagnostic> every_place(const std::vector<Diagnostic>& diagnostics) {
  std::vector<Diagnostic> all;
  for (const Diagnostic& one : diagnostics) {
    Diagnostic here = one;
    here.also.clear();
    here.times = 1;
    all.push_back(here);
    here.path = one.subject;  // the way to it is that of the first place
    here.hint.clear();
    for (const SourcePosition& place : one.also) {
      here.where = place;
      all.push_back(here);
    }
    const auto listed = static_cast<int>(one.also.size()) + 1;
    if (one.times > listed) {
      all.back().message += ", and in " + counted(one.times - listed, "more place");
    }
  }
  return all;
}

}  // namespace

void print_findings(std::ostream& out, const std::vector<Diagnostic>& diagnostics, bool is_verbose,
                    const Palette& palette) {
  if (is_verbose) {
    return print_diagnostics(out, every_place(diagnostics), palette);
  }
  const auto unknown =
      static_cast<size_t>(std::count_if(diagnostics.begin(), diagnostics.end(),
                                        [](const Diagnostic& one) { return one.topic == Topic::Unknown; }));
  std::vector<Diagnostic> listed;
  std::copy_if(diagnostics.begin(), diagnostics.end(), std::back_inserter(listed),
               [&](const Diagnostic& one) { return is_listed(one, unknown); });
  print_diagnostics(out, listed, palette);
  for (const Topic topic : kTopics) {
    if (topic != Topic::Unknown || unknown > kUnknownListedMax) {
      print_summary(out, topic, subjects_of(diagnostics, topic), palette);
    }
  }
}

}  // namespace labctl::report
