#include "labctl/commands/commands.hpp"
#include "labctl/commands/verb.hpp"
#include "labctl/report/exit_code.hpp"
#include "labctl/scenario/runner.hpp"
#include "topology/base/duration.hpp"
#include "topology/base/error.hpp"
#include "topology/model/host_programs.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <map>
#include <memory>
#include <optional>

namespace labctl::commands {
namespace {

struct TestFlags {
  Paths paths;
  scenario::TestOptions test;
  std::vector<std::string> set;
  std::string output = "table", timeout, total_timeout, host_programs;
  std::optional<std::uint64_t> seed;
};

int width_of_terminal() {
  winsize size{};
  const char* term = std::getenv("TERM");
  const bool is_dumb = term == nullptr || std::string_view(term) == "dumb";
  return !is_dumb && ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? std::max<int>(size.ws_col, 0) : 0;
}

std::chrono::milliseconds duration_of(const std::string& flag, const std::string& text) {
  if (text.empty()) {
    return {};
  }
  const auto duration = parse_duration(text);
  if (!duration || duration->count() <= 0) {
    throw Error(ErrorKind::InvalidInput, flag + " " + text + ": no duration", "such as 500ms, 90s or 10m");
  }
  return std::chrono::ceil<std::chrono::milliseconds>(*duration);
}

int run_test(const Session& session, const TestFlags& flags) {
  using report::Format;
  parse_output(flags.output, {Format::Table, Format::Json, Format::JsonLines});
  scenario::TestOptions test = flags.test;
  test.paths = flags.paths.all();
  test.output = flags.output;
  test.seed = flags.seed;
  test.verbose = session.verbosity() > 0;
  test.color = session.palette().enabled();
  test.terminal_width = width_of_terminal();
  test.timeout = duration_of("--timeout", flags.timeout);
  test.total_timeout = duration_of("--total-timeout", flags.total_timeout);
  test.set = settings_of(flags.set);
  test.host_programs = model::host_programs_named(flags.host_programs);
  if (test.paths.empty()) {
    throw Error(ErrorKind::InvalidInput, "no scenarios named", "such as `labctl test scenarios/`");
  }
  return scenario::run_tests(test, std::cout, std::cerr);
}

void add_choice_flags(CLI::App& verb, TestFlags& flags) {
  scenario::TestOptions& test = flags.test;
  verb.add_option("--run", test.selection.run, "Only scenarios whose name matches")->type_name("REGEX");
  verb.add_option("--skip", test.selection.skip, "Not those whose name matches")->type_name("REGEX");
  verb.add_option("--tags", test.selection.tags,
                  "Only those with one of these labels: KEY=VALUE, KEY or VALUE, separated by commas")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("TAG,...");
  verb.add_flag("--failed", test.failed, "Only those that failed in the last run");
  verb.add_option(
          "--shard", test.shard,
          "Only one of several machines' shares; GitLab's and Bazel's own variables are read without it")
      ->type_name("INDEX/TOTAL");
  verb.add_option("--seed", flags.seed, "In a random order, which the same number repeats")
      ->type_name("NUMBER");
  verb.add_flag("--list", test.list, "Only list the scenarios that would run");
  add_set_flag(verb, flags.set);
  add_host_programs_flag(verb, flags.host_programs);
  add_remote_store_flag(verb, test.allows_remote_store);
}

void add_run_flags(CLI::App& verb, TestFlags& flags) {
  scenario::TestOptions& test = flags.test;
  verb.add_option("-j,--jobs", test.jobs, "Scenarios at once; one for each CPU without it")
      ->check(CLI::Range(1, 1000))
      ->type_name("N");
  verb.add_option("--repeat", test.repeat, "Rounds")->check(CLI::Range(1, 1'000'000))->type_name("N");
  verb.add_flag("--until-fail", test.until_fail, "Rounds until a scenario fails, at most --repeat of them");
  verb.add_option("--retries", test.retries,
                  "Try a scenario that failed again, so often; a pass is then flaky")
      ->check(CLI::Range(0, 100))
      ->type_name("N");
  verb.add_flag("--fail-on-flaky", test.fail_on_flaky, "End with 7 when a scenario passed only on a retry");
  verb.add_flag("--fail-fast", test.fail_fast, "Begin nothing more after the first scenario that fails");
  verb.add_flag("--no-skip", test.no_skip, "A scenario whose needs this host does not meet fails");
  verb.add_option("--timeout", flags.timeout, "For each scenario that names none (5m)")
      ->type_name("DURATION");
  verb.add_option("--total-timeout", flags.total_timeout, "For all of them together")->type_name("DURATION");
  verb.add_flag("--keep-on-fail", test.keep_on_fail,
                "Leave the lab of a failed scenario up, to look into it");
}

void add_report_flags(CLI::App& verb, TestFlags& flags) {
  scenario::TestOptions& test = flags.test;
  add_output_flag(verb, flags.output, "table, json or jsonl");
  verb.add_option("--junit", test.junit, "Write JUnit XML here; - is stdout, as for all reports")
      ->type_name("FILE");
  verb.add_option("--tap", test.tap, "Write TAP here")->type_name("FILE");
  verb.add_option("--tap-version", test.tap_version, "14, or 13 for prove before Test::Harness 3.48")
      ->check(CLI::IsMember({13, 14}))
      ->type_name("N");
  verb.add_option("--jsonl", test.jsonl, "Write JSON lines here, one a scenario and one of totals")
      ->type_name("FILE");
  verb.add_option("--code-quality", test.code_quality, "Write GitLab's Code Quality report here")
      ->type_name("FILE");
  verb.add_option("--annotations", test.annotations,
                  "github, none, or auto: GitHub's where GITHUB_ACTIONS says so")
      ->check(CLI::IsMember({"auto", "github", "none"}))
      ->type_name("WHOSE");
  verb.add_option(
          "--evidence", test.evidence,
          "Write what the labs of failed scenarios looked like into folders here, instead of into the "
          "user's state folder")
      ->type_name("FOLDER");
}

}  // namespace

void add_test(CLI::App& app, Globals& globals) {
  auto flags = std::make_shared<TestFlags>();
  CLI::App* verb = add_verb(
      app, globals,
      {.name = "test",
       .group = "Tests and checks",
       .summary = "Run scenarios, each in a lab of its own",
       .examples = "  labctl test scenarios/endpoints-move\n"
                   "  labctl test scenarios/ -j 4 --junit results.xml\n"
                   "  labctl test scenarios/ --run 'dns|ingress' --fail-fast --keep-on-fail\n"
                   "  labctl test scenarios/ --shard 2/5\n"
                   "  labctl test scenarios/ --failed --until-fail\n"
                   "  labctl test scenarios/ --list\n",
       .about =
           "Boots the lab of each scenario, takes its steps, checks what they expect and takes the lab "
           "down.\n"
           "Ends with 0 when all passed, 1 when an assertion failed, 2 when a file is no good, 3 when this\n"
           "host cannot run labs, 4 when no scenario matched or all were skipped, 5 when a lab could not be\n"
           "built, 6 when a lab was left behind, 7 with --fail-on-flaky when one passed only on a retry,\n"
           "124 when the time for all was over, 130 on Ctrl-C."},
      [flags](const Session& session) { return run_test(session, *flags); });
  add_path_flags(*verb, flags->paths, "Scenario files, or folders with such");
  add_choice_flags(*verb, *flags);
  add_run_flags(*verb, *flags);
  add_report_flags(*verb, *flags);
}

}  // namespace labctl::commands
