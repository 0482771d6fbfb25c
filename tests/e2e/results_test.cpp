// What a run is expected to show, and where its results go: long outputs, reports, a stdout that takes
// nothing, and odd places to run in.

#include "tests/e2e/labctl_program.hpp"
#include "tests/support/leak_check.hpp"
#include "tests/support/temp_dir.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <sstream>

namespace labctl::e2e {
namespace {

namespace fs = std::filesystem;
using support::ProgramResult;
using support::read_file;

std::string one_step(const std::string& name, const std::string& step, const std::string& more = {}) {
  return "---\napiVersion: labctl.dev/v1alpha1\nkind: Scenario\nmetadata: {name: " + name +
         "}\nspec:\n  cluster: {nodes: 1, dns: {enabled: false}}\n" + more + "  steps:\n  - " + step + "\n";
}

std::string printing(const std::string& shell, const std::string& expect) {
  return "{name: prints, exec: {in: node/node-1, command: [sh, -c, '" + shell + "'], expect: " + expect +
         "}}";
}

class Results : public ::testing::Test {
 protected:
  void SetUp() override { LABCTL_NEEDS_USER_NAMESPACES(); }

  ProgramResult test(const std::string& scenario, std::vector<std::string> more = {}) const {
    more.insert(more.begin(), {"test", lab_.write("s.yaml", scenario)});
    return lab_.run(more);
  }
  // By a shell whose `redirection` the program gets: ">&-".
  ProgramResult with(const std::string& redirection, const std::vector<std::string>& arguments) const {
    return lab_.run_by({"sh", "-c", "\"$0\" \"$@\" " + redirection}, arguments);
  }
  std::string folder() const { return fs::path(lab_.write("empty", "")).parent_path().string(); }

  Labctl lab_;
};

// ---- Long outputs ------------------------------------------------------------------------------

TEST_F(Results, ExpressionsSearchLongOutputsToTheirEnd) {
  EXPECT_TRUE(ends_with(
      test(one_step("a", printing("yes abcdefghi | head -c 100000; echo END",
                                  "{stdout: {matches: \"abc(.|\\\\n)*END\"}}")) +
           one_step("b", printing("yes line | head -n 5000; echo END", "{stdout: {matches: END}}")) +
           one_step("c", printing("head -c 5000000 /dev/zero | tr \"\\\\0\" x; echo END",
                                  "{stdout: {contains: END}}")) +
           one_step("d", printing("yes line | head -n 300000 >&2; echo END >&2",
                                  "{stderr: {matches: \"END\\\\n$\"}}"))),
      kPassed));
}

TEST_F(Results, NoExpressionTakesLongerThanItsTime) {
  const ProgramResult result =
      test(one_step("a",
                    printing("echo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!",
                             "{stdout: {matches: \"^(a+)+$\"}}"),
                    "  timeout: 10s\n"));
  EXPECT_TRUE(ends_with(result, kAssertionFailed));
  EXPECT_TRUE(has(result.out, "wanted stdout matching"));
}

TEST_F(Results, ALongOutputIsCutOnTheTerminalAndWholeInTheEvidence) {
  const ProgramResult result =
      test(one_step("long", printing("seq 1 200000; echo END", "{stdout: {contains: NOWHERE}}")),
           {"--evidence", folder() + "/kept"});
  EXPECT_TRUE(ends_with(result, kAssertionFailed));
  EXPECT_LT(result.out.size(), 20'000U);
  EXPECT_TRUE(has(result.out, "| 1\n"));
  EXPECT_TRUE(has(result.out, " bytes) ... "));
  EXPECT_TRUE(has(result.out, "| END\n"));
  EXPECT_TRUE(has(result.out, "bytes are outputs/1.txt of the evidence)"));
  const std::string whole = read_file(folder() + "/kept/long/outputs/1.txt");
  EXPECT_TRUE(whole.starts_with("1\n2\n3\n"));
  EXPECT_TRUE(whole.ends_with("200000\nEND\n"));
}

TEST_F(Results, WhereAnOutputIsCutIsSaid) {
  const ProgramResult result = test(one_step(
      "a", printing("head -c 20000000 /dev/zero | tr \"\\\\0\" x; echo END", "{stdout: {contains: END}}")));
  EXPECT_TRUE(ends_with(result, kAssertionFailed));
  EXPECT_TRUE(has(result.out, "cut: only the first 16,777,216 of 20,000,004 bytes are looked at"));
}

TEST_F(Results, ATimeLimitLeavesEvidence) {
  const ProgramResult result = test(one_step("slow", printing("sleep 600", "{}"), "  timeout: 2s\n"),
                                    {"--evidence", folder() + "/kept"});
  EXPECT_TRUE(ends_with(result, kAssertionFailed));
  EXPECT_TRUE(has(result.out, "not done within 2s"));
  EXPECT_TRUE(fs::exists(folder() + "/kept/slow/result.json"));
  EXPECT_TRUE(fs::exists(folder() + "/kept/slow/node_node-1/routes.txt"));
}

// ---- Variables and answers ----------------------------------------------------------------------

TEST_F(Results, ADollarMoreMakesAVariableAText) {
  EXPECT_TRUE(ends_with(test(one_step("a", printing("X=y; echo $${X} ${v}", "{stdout: {equals: \"y w\\n\"}}"),
                                      "  vars: {v: w}\n")),
                        kPassed));
}

// ---- Shards and reports -------------------------------------------------------------------------

TEST_F(Results, AShareOfNothingPassesWithEmptyReports) {
  const ProgramResult result = test(one_step("only", printing("true", "{}")),
                                    {"--shard", "3/3", "--junit", "out.xml", "--tap", "out.tap", "--jsonl",
                                     "out.jsonl", "--code-quality", "out.json", "-o", "json"});
  EXPECT_TRUE(ends_with(result, kPassed));
  EXPECT_TRUE(has(result.err, "no scenario is left for shard 3/3"));
  EXPECT_TRUE(has(read_file(folder() + "/out.xml"), "<testsuites"));
  EXPECT_EQ(read_file(folder() + "/out.tap").substr(0, 21), "TAP version 14\n1..0 #");
  EXPECT_EQ(nlohmann::json::parse(read_file(folder() + "/out.json")), nlohmann::json::array());
  EXPECT_TRUE(nlohmann::json::parse(result.out)["scenarios"].empty());
  EXPECT_TRUE(
      ends_with(test(one_step("only", printing("true", "{}")), {"--shard", "2/2", "--until-fail"}), kPassed));
  EXPECT_TRUE(ends_with(test(one_step("only", printing("true", "{}")), {"--shard", "2/2", "--run", "none"}),
                        kNothingMatched));
}

TEST_F(Results, FoldersOfReportsAreMade) {
  EXPECT_TRUE(ends_with(test(one_step("a", printing("true", "{}")),
                             {"--junit", "reports/junit/out.xml", "--tap", "reports/tap/out.tap"}),
                        kPassed));
  EXPECT_TRUE(has(read_file(folder() + "/reports/junit/out.xml"), "<testsuites"));
  EXPECT_TRUE(has(read_file(folder() + "/reports/tap/out.tap"), "ok 1 - a"));
}

TEST_F(Results, ADashIsStdout) {
  const ProgramResult xml = test(one_step("a", printing("true", "{}")), {"--junit", "-"});
  EXPECT_TRUE(ends_with(xml, kPassed));
  EXPECT_TRUE(xml.out.starts_with("<?xml"));
  EXPECT_TRUE(xml.out.ends_with("</testsuites>\n"));
  EXPECT_FALSE(fs::exists(folder() + "/-"));
  EXPECT_TRUE(
      test(one_step("a", printing("true", "{}")), {"--tap", "-"}).out.starts_with("TAP version 14\n"));
  for (const std::vector<std::string>& two : {std::vector<std::string>{"--junit", "-", "--tap", "-"},
                                              {"--junit", "-", "-o", "json"},
                                              {"--junit", "x", "--jsonl", "x"}}) {
    EXPECT_TRUE(ends_with(test(one_step("a", printing("true", "{}")), two), kUsage));
  }
}

TEST_F(Results, NothingIsRunWhenAReportCannotBeWritten) {
  const std::string file = lab_.write("file", "");
  const std::string mark = folder() + "/ran";
  for (const std::string& place : {file + "/out.xml", std::string("/proc/none/out.xml"), folder()}) {
    const ProgramResult result =
        test(one_step("a", printing("touch " + mark, "{}")), {"--tap", "fine.tap", "--junit", place});
    EXPECT_NE(result.exit_code, kPassed);
    EXPECT_FALSE(fs::exists(mark)) << place;
  }
}

TEST_F(Results, AReportThatIsFullIsAnErrorOfItsOwn) {
  const ProgramResult result =
      test(one_step("a", printing("true", "{}")), {"--junit", "/dev/full", "--tap", "out.tap"});
  EXPECT_TRUE(ends_with(result, kNotWritten));
  EXPECT_TRUE(has(result.err, "write /dev/full: No space left on device"));
  EXPECT_TRUE(has(read_file(folder() + "/out.tap"), "ok 1 - a"));
  EXPECT_TRUE(
      ends_with(test(one_step("a", printing("false", "{}")), {"--junit", "/dev/full"}), kAssertionFailed));
}

TEST_F(Results, ReportsSurviveAnyBytes) {
  const ProgramResult result = test(
      one_step("bytes",
               "{name: \"red <b>&\\\" ]]> \\e[31m \\uFFFE\", exec: {in: node/node-1, command: [printf, '"
               "\\033[31mred ]]> \\001 \\377 \\000 \\xef\\xbf\\xbe \\xc2\\x85 <x> &'], expect: {code: 1}}}"),
      {"--junit", "out.xml", "--tap", "out.tap", "--jsonl", "out.jsonl"});
  EXPECT_TRUE(ends_with(result, kAssertionFailed));
  for (const char* report : {"/out.xml", "/out.tap"}) {
    const std::string text = read_file(folder() + report);
    EXPECT_FALSE(text.empty());
    EXPECT_EQ(text.find_first_of(std::string("\0\x01\x1b\xff", 4)), std::string::npos) << report;
    EXPECT_EQ(text.find("\xef\xbf\xbe"), std::string::npos) << report;
    EXPECT_EQ(text.find("\xc2\x85"), std::string::npos) << report;
  }
  std::istringstream lines(read_file(folder() + "/out.jsonl"));
  for (std::string line; std::getline(lines, line);) {
    EXPECT_FALSE(nlohmann::json::parse(line, nullptr, false).is_discarded()) << line;
  }
}

// ---- stdout ------------------------------------------------------------------------------------

TEST_F(Results, WithoutAStdoutNothingIsDone) {
  const std::string file = lab_.write("m.yaml", host_pod("p", "exec sleep 600"));
  for (const char* closed : {">&-", ">&- 2>&-", "<&- >&- 2>&-"}) {
    EXPECT_TRUE(ends_with(with(closed, {"up", "-n", "l", "-f", file}), kNotWritten)) << closed;
    EXPECT_TRUE(lab_.lab_folders().empty());
  }
  const ProgramResult told = with(">&-", {"ls"});
  EXPECT_TRUE(has(told.err, "stdout is closed: nothing was done"));
}

TEST_F(Results, AClosedStdinOrStderrIsNoTrouble) {
  const std::string file = lab_.write("m.yaml", host_pod("p", "exec sleep 600"));
  EXPECT_TRUE(ends_with(with("<&- 2>&-", {"up", "-n", "l", "-f", file}), kPassed));
  EXPECT_TRUE(ends_with(lab_.run({"down", "l"}), kPassed));
}

TEST_F(Results, AnUpThatCannotTellLeavesNothing) {
  const std::string file = lab_.write("m.yaml", host_pod("p", "exec sleep 600"));
  for (const std::vector<std::string>& more :
       {std::vector<std::string>{}, {"-o", "json"}, {"--wait=false"}}) {
    std::vector<std::string> arguments{"up", "-n", "l", "-f", file};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const ProgramResult result = with("> /dev/full", arguments);
    EXPECT_TRUE(ends_with(result, kNotWritten));
    EXPECT_TRUE(has(result.err, "write to stdout: No space left on device"));
    EXPECT_TRUE(has(result.err, "lab l was taken down again"));
    EXPECT_TRUE(lab_.lab_folders().empty());
  }
}

TEST_F(Results, WhatIsDoneIsDoneThoughItsOutputIsLost) {
  const std::string file = lab_.write("m.yaml", host_pod("p", "exec sleep 600"));
  ASSERT_TRUE(ends_with(lab_.run({"up", "-n", "l", "-f", file}), kPassed));
  const ProgramResult deleted = with("> /dev/full", {"delete", "pod", "p"});
  EXPECT_TRUE(ends_with(deleted, kNotWritten));
  EXPECT_TRUE(has(deleted.err, "what was asked for is done; only what it prints is lost"));
  EXPECT_TRUE(ends_with(with("> /dev/full", {"get", "pods", "-A"}), kNotWritten));
  EXPECT_TRUE(ends_with(with("> /dev/full", {"get", "pod", "nobody"}), kUsage));
  EXPECT_EQ(lab_.run({"get", "pods", "p", "-o", "name"}).exit_code, kUsage);
}

// ---- Places ------------------------------------------------------------------------------------

TEST_F(Results, RestrictedPlacesAreNoTrouble) {
  const std::string file = lab_.write("s.yaml", one_step("a", printing("true", "{}")));
  const std::vector<std::vector<std::string>> starters{
      {"sh", "-c", "trap '' CHLD PIPE HUP; exec \"$0\" \"$@\""},
      {"sh", "-c", "umask 077; exec \"$0\" \"$@\""},
      {"sh", "-c", "ulimit -n 64; exec \"$0\" \"$@\""},
      {"unshare", "-r", "-p", "-f", "--mount-proc"},
      {"sh", "-c", "mkdir gone && cd gone && rmdir ../gone && exec \"$0\" \"$@\""},
  };
  for (const std::vector<std::string>& starter : starters) {
    EXPECT_TRUE(ends_with(lab_.run_by(starter, {"test", file}), kPassed)) << starter.back();
  }
}

}  // namespace
}  // namespace labctl::e2e
