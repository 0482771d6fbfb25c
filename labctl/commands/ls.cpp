#include "labctl/commands/at_once.hpp"
#include "labctl/commands/commands.hpp"
#include "labctl/commands/verb.hpp"
#include "labctl/report/exit_code.hpp"
#include "labctl/report/objects/age.hpp"
#include "labctl/report/objects/fields.hpp"
#include "labctl/report/objects/resources.hpp"
#include "labctl/report/text/table.hpp"
#include "labctl/supervisor/registry.hpp"
#include "topology/base/printable.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>

namespace labctl::commands {
namespace {

using nlohmann::json;
using std::chrono::steady_clock;

struct LsOptions {
  std::string output = "table";
  bool headers = true;
};

// For all labs together, since they are asked at once.
constexpr std::chrono::milliseconds kAnswerWithin{1500};

json state_of_dead(const supervisor::LabEntry& entry) {
  json state{{"name", entry.name},
             {"phase", entry.end.how.empty() ? "Dead" : "Failed"},
             {"reason", entry.end.how.empty() ? "killed" : entry.end.how},
             {"lastWords", entry.end.words}};
  if (!entry.end.time.empty()) {
    state["endedAt"] = entry.end.time;
  }
  return state;
}

// What the lab says of itself, or what can be said of one that says nothing; null when it is gone meanwhile.
json state_of(const supervisor::LabEntry& entry, steady_clock::time_point deadline) {
  if (!entry.refusal.empty()) {
    return {{"name", entry.name}, {"phase", "Refused"}, {"reason", entry.refusal}};
  }
  if (!entry.is_alive) {
    return state_of_dead(entry);
  }
  try {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - steady_clock::now());
    return api::Client(supervisor::socket_path(entry.name), std::max(left, std::chrono::milliseconds(1)))
        .get("/lab/v1/status")
        .json();
  } catch (const Error& error) {
    const std::optional<supervisor::LabEntry> now = supervisor::find_lab(entry.name);
    if (!now) {
      return nullptr;
    }
    if (!now->is_alive) {
      return state_of_dead(*now);
    }
    // A lab listens before it has booted, and answers once it has.
    return {{"name", entry.name},
            {"phase", now->is_ready ? "NotAnswering" : "Starting"},
            {"reason", now->is_ready ? error.message() : ""}};
  }
}

std::vector<json> states_of(const std::vector<supervisor::LabEntry>& entries) {
  std::vector<json> states(entries.size());
  const auto deadline = steady_clock::now() + kAnswerWithin;
  for_each_at_once(entries.size(), [&](size_t i) {
    try {
      states[i] = state_of(entries[i], deadline);
    } catch (const Error& error) {
      states[i] = {{"name", entries[i].name}, {"phase", "Refused"}, {"reason", error.message()}};
    }
  });
  std::erase_if(states, [](const json& state) { return state.is_null(); });
  return states;
}

void print_table(const Session& session, const std::vector<json>& labs, bool wide, bool headers) {
  std::vector<std::string> columns{"NAME", "PHASE", "NODES", "PODS", "AGE"};
  // Labs that are well have no reason to be so.
  const bool reasons = std::any_of(labs.begin(), labs.end(),
                                   [](const json& lab) { return !report::text(lab, "/reason").empty(); });
  if (wide) {
    columns.insert(columns.end(), {"MODE", "NETWORK", "FAMILIES", "PID", "BOOT", "DIRECTORY"});
  }
  if (reasons) {
    columns.emplace_back("REASON");
  }
  report::Table table(std::move(columns), headers);
  const report::Palette& palette = session.palette();
  for (const json& lab : labs) {
    const std::string phase = report::text(lab, "/phase");
    const bool answered = lab.contains("createdAt");
    std::vector<report::Cell> cells{
        report::text(lab, "/name"),
        report::Cell::of_colour(phase == "Ready" ? palette.good(phase) : palette.warn(printable_line(phase))),
        report::text_or(lab, "/nodes", "-"),
        answered ? report::text(lab, "/pods/ready") + "/" + report::text(lab, "/pods/total") : "-",
        answered ? report::age_since(report::text(lab, "/createdAt"), std::chrono::system_clock::now())
                 : "-"};
    if (wide) {
      const std::string boot = report::text(lab, "/bootMs");
      cells.insert(cells.end(), {report::text_or(lab, "/mode", "-"), report::text_or(lab, "/network", "-"),
                                 report::join_texts(report::at(lab, "/families"), "-"),
                                 report::text_or(lab, "/supervisorPid", "-"),
                                 boot.empty() ? "-" : boot + "ms", report::text_or(lab, "/directory", "-")});
    }
    if (reasons) {
      cells.emplace_back(report::text_or(lab, "/reason", "-"));
    }
    table.add(cells);
  }
  table.print(session.out());
}

int run_ls(const Session& session, const LsOptions& options) {
  using report::Format;
  const Format format = parse_output(options.output, {Format::Table, Format::Wide, Format::Name, Format::Json,
                                                      Format::Yaml, Format::JsonLines});
  const std::vector<supervisor::LabEntry> entries = supervisor::list_labs();
  if (format == Format::Name) {
    for (const supervisor::LabEntry& entry : entries) {
      session.line(entry.name);
    }
    return report::kPassed;
  }
  const std::vector<json> labs = states_of(entries);
  if (report::is_structured(format)) {
    report::print_value(session.out(), labs, format);
  } else if (labs.empty()) {
    session.note("no lab is up");
  } else {
    print_table(session, labs, format == Format::Wide, options.headers);
  }
  return report::kPassed;
}

}  // namespace

void add_ls(CLI::App& app, Globals& globals) {
  auto options = std::make_shared<LsOptions>();
  CLI::App* verb = add_verb(
      app, globals,
      {.name = "ls",
       .group = "Labs",
       .summary = "List the labs of this user",
       .examples = "  labctl ls\n"
                   "  labctl ls -o wide\n"
                   "  labctl ls -o name | xargs -r labctl down\n",
       .about =
           "Starting: it boots. NotAnswering: it is up, but busy or stopped; `labctl down` ends it all the\n"
           "same. Failed: it ended by itself; -o json has its last words. Dead: it was killed, and what\n"
           "keeps it too. `labctl gc` removes the folders of those that ended. Refused: the folder is\n"
           "another user's."},
      [options](const Session& session) { return run_ls(session, *options); });
  add_output_flag(*verb, options->output, "table, wide, name, json, yaml or jsonl");
  verb->add_flag("!--no-headers", options->headers, "Without the line of column names");
}

}  // namespace labctl::commands
