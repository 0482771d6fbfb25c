// `labctl test` with more than one scenario: which run, how they end, and what is told of them.

#include "tests/e2e/labctl_program.hpp"
#include "tests/support/leak_check.hpp"
#include "tests/support/temp_dir.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <poll.h>

#include <csignal>
#include <ctime>
#include <filesystem>
#include <random>
#include <sstream>

namespace labctl::e2e {
namespace {

using nlohmann::json;
using std::chrono::microseconds;
using support::ProgramResult;

// Its step may leave marks on the host.
std::string scenario(const std::string& name, const std::string& shell, const std::string& more = {}) {
  return "---\napiVersion: labctl.dev/v1alpha1\nkind: Scenario\nmetadata: {name: " + name +
         ", labels: {kind: " + (more.empty() ? "plain" : "other") +
         "}}\nspec:\n  cluster: {nodes: 1, writableHost: true}\n" + more +
         "  steps:\n  - name: runs\n    exec: {in: node/node-1, command: [sh, -c, \"" + shell + "\"]}\n";
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    lines.push_back(line);
  }
  return lines;
}

class Suite : public ::testing::Test {
 protected:
  void SetUp() override { LABCTL_NEEDS_USER_NAMESPACES(); }

  std::string three() const {
    return lab_.write("three.yaml",
                      scenario("one", "true") + scenario("two", "false") + scenario("three", "true"));
  }
  // The scenarios of a run told as JSON lines, by name.
  std::map<std::string, json> told(const ProgramResult& result) const {
    std::map<std::string, json> scenarios;
    for (const std::string& line : lines_of(result.out)) {
      const json parsed = json::parse(line);
      scenarios[parsed.value("name", parsed["event"].get<std::string>())] = parsed;
    }
    return scenarios;
  }

  Labctl lab_;
};

// ---- Which -------------------------------------------------------------------------------------

TEST_F(Suite, EachIsInExactlyOneShard) {
  const std::string file = three();
  std::multiset<std::string> all;
  for (const char* shard : {"1/2", "2/2"}) {
    const ProgramResult result = lab_.run({"test", file, "--list", "--shard", shard});
    EXPECT_TRUE(ends_with(result, kPassed));
    for (const std::string& name : lines_of(result.out)) {
      all.insert(name);
    }
  }
  EXPECT_EQ(all, (std::multiset<std::string>{"one", "three", "two"}));
  EXPECT_TRUE(ends_with(lab_.run({"test", file, "--list", "--shard", "4/4"}), kPassed));
  EXPECT_TRUE(ends_with(lab_.run({"test", file, "--list", "--shard", "5/4"}), kUsage));
}

TEST_F(Suite, ASeedRepeatsItsOrder) {
  std::string many;
  for (int i = 0; i < 20; ++i) {
    many += scenario("s" + std::to_string(i), "true");
  }
  const std::string file = lab_.write("many.yaml", many);
  const std::string in_order = lab_.run({"test", file, "--list"}).out;
  const std::string shuffled = lab_.run({"test", file, "--list", "--seed", "7"}).out;
  EXPECT_NE(shuffled, in_order);
  EXPECT_EQ(lab_.run({"test", file, "--list", "--seed", "7"}).out, shuffled);
  EXPECT_NE(lab_.run({"test", file, "--list", "--seed", "8"}).out, shuffled);
}

TEST_F(Suite, TagsAreLabels) {
  const std::string file =
      lab_.write("tags.yaml", scenario("a", "true") + scenario("b", "true", "  needs: [program/sh]\n"));
  EXPECT_EQ(lab_.run({"test", file, "--list", "--tags", "kind=plain"}).out, "a\n");
  EXPECT_EQ(lab_.run({"test", file, "--list", "--tags", "other"}).out, "b\n");
  EXPECT_EQ(lab_.run({"test", file, "--list", "--tags", "plain,other"}).out, "a\nb\n");
  EXPECT_TRUE(ends_with(lab_.run({"test", file, "--list", "--tags", "none"}), kNothingMatched));
}

TEST_F(Suite, FailedRunsThoseThatFailedLast) {
  const std::string file = three();
  EXPECT_TRUE(ends_with(lab_.run({"test", file}), kAssertionFailed));
  EXPECT_EQ(lab_.run({"test", file, "--failed", "--list"}).out, "two\n");
  EXPECT_TRUE(ends_with(lab_.run({"test", file, "--run", "one"}), kPassed));
  EXPECT_TRUE(ends_with(lab_.run({"test", file, "--failed"}), kNothingMatched));
}

TEST_F(Suite, ExpandsOverFamiliesAndNetworks) {
  const std::string file = lab_.write(
      "expand.yaml",
      "apiVersion: labctl.dev/v1alpha1\nkind: Scenario\nmetadata: {name: x}\nspec:\n  cluster: {nodes: 2}\n"
      "  expand: {families: [IPv4, IPv6, dual], network: [routed, vxlan]}\n"
      "  steps:\n"
      "  - {name: reaches, probe: {from: node/node-1, to: node/node-2, proto: icmp}, within: 5s}\n"
      "  - name: is what it is called\n"
      "    exec:\n"
      "      in: node/node-1\n"
      "      command: [sh, -c, 'ip -o -${v} address show dev eth0 scope global']\n"
      "      expect: {stdout: {contains: '${has}'}}\n"
      "    cases: [{v: '4', has: inet}]\n");
  EXPECT_EQ(lines_of(lab_.run({"test", file, "--list"}).out),
            (std::vector<std::string>{"x[IPv4,routed]", "x[IPv4,vxlan]", "x[IPv6,routed]", "x[IPv6,vxlan]",
                                      "x[dual,routed]", "x[dual,vxlan]"}));
  const auto told = this->told(lab_.run({"test", file, "-o", "jsonl"}));
  for (const char* name : {"x[IPv4,routed]", "x[IPv4,vxlan]", "x[dual,routed]", "x[dual,vxlan]"}) {
    EXPECT_EQ(told.at(name)["verdict"], "passed") << told.at(name);
  }
  // A node without IPv4 has no IPv4 address: the expansion is real.
  EXPECT_EQ(told.at("x[IPv6,routed]")["verdict"], "failed");
  EXPECT_EQ(told.at("x[IPv6,vxlan]")["verdict"], "failed");
}

TEST_F(Suite, WhatIsMissingSkipsAndNoSkipFails) {
  const std::string file =
      lab_.write("needs.yaml", scenario("needy", "true", "  needs: [program/no-such-one]\n"));
  const ProgramResult skipped = lab_.run({"test", file});
  EXPECT_TRUE(ends_with(skipped, kNothingMatched));
  EXPECT_TRUE(has(skipped.out, "needs program/no-such-one: not installed"));
  const ProgramResult failed = lab_.run({"test", file, "--no-skip"});
  EXPECT_TRUE(ends_with(failed, kAssertionFailed));
  EXPECT_TRUE(has(failed.out, "needs program/no-such-one: not installed"));
}

// ---- Ends --------------------------------------------------------------------------------------

TEST_F(Suite, OneFailureFailsTheRunAndTheOthersRunAllTheSame) {
  const ProgramResult result = lab_.run({"test", three(), "-j", "3", "-o", "jsonl"});
  EXPECT_TRUE(ends_with(result, kAssertionFailed));
  const auto told = this->told(result);
  EXPECT_EQ(told.at("one")["verdict"], "passed");
  EXPECT_EQ(told.at("two")["verdict"], "failed");
  EXPECT_EQ(told.at("three")["verdict"], "passed");
  EXPECT_EQ(told.at("summary")["exitCode"], kAssertionFailed);
  EXPECT_TRUE(lab_.lab_folders().empty());
}

TEST_F(Suite, FailFastBeginsNothingMore) {
  const ProgramResult result = lab_.run({"test", three(), "-j", "1", "--fail-fast", "-o", "jsonl"});
  EXPECT_TRUE(ends_with(result, kAssertionFailed));
  EXPECT_FALSE(told(result).contains("three"));
}

TEST_F(Suite, APassOnARetryIsFlaky) {
  // Fails as long as the file is not there; the steps run on the host's file tree, as nobody in a lab of root.
  const support::TempDir dir;
  std::filesystem::permissions(dir.path(), std::filesystem::perms::all);
  const std::string flag = (dir.path() / "flag").string();
  const std::string file =
      lab_.write("flaky.yaml", scenario("flaky", "test -e " + flag + " || { touch " + flag + "; exit 1; }"));
  const ProgramResult result = lab_.run({"test", file, "--retries", "1", "--fail-on-flaky", "-o", "jsonl"});
  EXPECT_TRUE(ends_with(result, kFlaky));
  const json flaky = told(result).at("flaky");
  EXPECT_EQ(flaky["verdict"], "passed");
  EXPECT_EQ(flaky["tries"], 2);
  EXPECT_TRUE(has(flaky["flaky"].get<std::string>(), "wanted exit code 0, seen 1"));
  EXPECT_TRUE(ends_with(lab_.run({"test", file}), kPassed));
}

TEST_F(Suite, RoundsEndWithTheFirstFailure) {
  const support::TempDir dir;
  std::filesystem::permissions(dir.path(), std::filesystem::perms::all);
  const std::string file =
      lab_.write("rounds.yaml", scenario("thrice", "cd " + dir.path().string() + " && mkdir a || mkdir b"));
  const ProgramResult result = lab_.run({"test", file, "--until-fail", "-o", "jsonl"});
  EXPECT_TRUE(ends_with(result, kAssertionFailed));
  const auto told = this->told(result);
  EXPECT_EQ(told.at("thrice")["verdict"], "passed");
  EXPECT_EQ(told.at("thrice#2")["verdict"], "passed");
  EXPECT_EQ(told.at("thrice#3")["verdict"], "failed");
}

TEST_F(Suite, ATimeLimitEndsOneScenarioAndSaysWhere) {
  const std::string file =
      lab_.write("slow.yaml", scenario("slow", "sleep 3600", "  timeout: 1s\n") + scenario("quick", "true"));
  const ProgramResult result = lab_.run({"test", file, "-o", "jsonl"});
  EXPECT_TRUE(ends_with(result, kAssertionFailed));
  const auto told = this->told(result);
  EXPECT_EQ(told.at("quick")["verdict"], "passed");
  EXPECT_TRUE(has(told.at("slow").dump(), "not done within 1s, at step \\\"runs\\\"")) << told.at("slow");
  EXPECT_TRUE(lab_.lab_folders().empty());
}

TEST_F(Suite, ATimeLimitIsToldOfAScenarioThatIsFollowed) {
  const std::string file = lab_.write("slow.yaml", scenario("slow", "sleep 3600", "  timeout: 1s\n"));
  const ProgramResult result = lab_.run({"test", file});
  EXPECT_TRUE(ends_with(result, kAssertionFailed));
  EXPECT_TRUE(has(result.out, "not done within 1s, at step \"runs\"")) << result.out;
}

TEST_F(Suite, AProcessThatDoesNotEndInTimeIsKilledAndNamesItsTime) {
  const std::string file = lab_.write("slow.yaml", scenario("slow", "sleep 3600", "  timeout: 1s\n"));
  support::RunningProgram run = lab_.start({"test", file});
  ASSERT_TRUE(run.wait_for_output("=== slow", std::chrono::seconds(30)));
  const std::string children =
      "/proc/" + std::to_string(run.pid()) + "/task/" + std::to_string(run.pid()) + "/children";
  std::string worker;
  ASSERT_TRUE(eventually([&] { return !(worker = support::read_file(children)).empty(); }));
  ASSERT_EQ(::kill(std::stoi(worker), SIGSTOP), 0);
  const ProgramResult result = run.wait();
  EXPECT_TRUE(ends_with(result, kNotBuilt));
  EXPECT_TRUE(has(result.out, "not done within 1s, and not ended 10s later: its process was killed"));
  EXPECT_TRUE(has(result.out, "no lab is left")) << result.out;
}

TEST_F(Suite, ATimeLimitForAllEndsTheRun) {
  const std::string file =
      lab_.write("slow.yaml", scenario("quick", "true") + scenario("slow", "sleep 3600"));
  const ProgramResult result = lab_.run({"test", file, "-j", "2", "--total-timeout", "2s", "-o", "jsonl"});
  EXPECT_TRUE(ends_with(result, kTimedOut));
  EXPECT_EQ(told(result).at("quick")["verdict"], "passed");
  EXPECT_TRUE(lab_.lab_folders().empty());
}

TEST_F(Suite, KeepsTheEvidenceOfAFailure) {
  const support::TempDir dir;
  const std::string folder = (dir.path() / "evidence").string();
  const ProgramResult result = lab_.run({"test", three(), "--evidence", folder});
  EXPECT_TRUE(ends_with(result, kAssertionFailed));
  EXPECT_TRUE(has(result.out, "evidence: " + folder + "/two"));
  EXPECT_TRUE(has(support::read_file(folder + "/two/node_node-1/links.txt"), "cbr0"));
  EXPECT_TRUE(has(support::read_file(folder + "/two/node_node-1/routes.txt"), "10.244.1.0/24"));
  EXPECT_TRUE(has(support::read_file(folder + "/two/objects/nodes.json"), "node-1"));
  EXPECT_TRUE(has(support::read_file(folder + "/two/result.json"), "wanted exit code 0, seen 1"));
  EXPECT_FALSE(std::filesystem::exists(folder + "/one"));
}

TEST_F(Suite, EvidenceIsItsUsersAloneAndHoldsNoValuesOfTheEnvironment) {
  const support::TempDir dir;
  const std::string file = lab_.write("secrets.yaml",
                                      "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n  "
                                      "containers:\n  - {name: c, image: nginx, env: "
                                      "[{name: TOKEN, value: hush-hush}]}\n" +
                                          scenario("secrets", "false", "  apply: [secrets.yaml]\n"));
  const std::string root = (dir.path() / "evidence").string();
  EXPECT_TRUE(ends_with(lab_.run({"test", file, "--evidence", root}), kAssertionFailed));
  int files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    using std::filesystem::perms;
    const perms mode = entry.status().permissions();
    EXPECT_EQ(mode, entry.is_directory() ? perms::owner_all : perms::owner_read | perms::owner_write)
        << entry.path();
    if (entry.is_regular_file()) {
      ++files;
      EXPECT_FALSE(has(support::read_file(entry.path()), "hush-hush")) << entry.path();
    }
  }
  EXPECT_GT(files, 10);
}

TEST_F(Suite, EvidenceTouchesNoFolderThatIsNotItsOwn) {
  const support::TempDir dir;
  std::filesystem::create_directories(dir.path() / "two");
  dir.write("two/mine.txt", "mine");
  for (int round = 0; round < 2; ++round) {
    const ProgramResult result = lab_.run({"test", three(), "--evidence", dir.path().string()});
    EXPECT_TRUE(ends_with(result, kAssertionFailed));
    EXPECT_TRUE(has(result.out, "evidence: " + (dir.path() / "two.labctl").string()));
    EXPECT_TRUE(has(result.out, "is not labctl's, and was left alone")) << result.out;
  }
  EXPECT_EQ(support::read_file(dir.path() / "two/mine.txt"), "mine");
  EXPECT_TRUE(std::filesystem::exists(dir.path() / "two.labctl/result.json"));
}

TEST_F(Suite, AKilledRunLeavesTheReportOfTheOneBefore) {
  const support::TempDir dir;
  const std::string report = dir.write("junit.xml", "the one before").string();
  support::RunningProgram run =
      lab_.start({"test", lab_.write("long.yaml", scenario("long", "sleep 60")), "--junit", report});
  EXPECT_TRUE(run.wait_for_output("=== long", std::chrono::seconds(30)));
  run.signal(SIGKILL);
  run.wait();
  EXPECT_EQ(support::read_file(report), "the one before");
}

// ---- What others wrote -------------------------------------------------------------------------

TEST_F(Suite, NamesAndOutputAreNoCommandsOfACiSystem) {
  const std::string hostile = R"("a\n::error file=x::forged\e[8m ##[add-mask]y \u202e")";
  const std::string file = lab_.write(
      "hostile.yaml",
      "apiVersion: labctl.dev/v1alpha1\nkind: Scenario\nmetadata: {name: hostile}\nspec:\n"
      "  cluster: {nodes: 1}\n  steps:\n  - name: " +
          hostile + "\n    explain: " + hostile + "\n    exec: {in: node/node-1, command: [printf, '%b', " +
          hostile + "], expect: {code: 1}}\n");
  const ProgramResult result = lab_.run({"test", file, "--annotations", "github"});
  EXPECT_TRUE(ends_with(result, kAssertionFailed));
  for (const std::string& line : lines_of(result.out + result.err)) {
    const bool is_ours = line.starts_with("::error file=" + file);
    EXPECT_TRUE(is_ours || line.find("::") == line.npos || line.find("::") > line.find_first_not_of(' '))
        << line;
    EXPECT_FALSE(has(line, "##["));
    EXPECT_FALSE(has(line, "\x1b"));
    EXPECT_FALSE(has(line, "\u202e"));
  }
  EXPECT_TRUE(has(result.out, "forged")) << "it is seen all the same";
}

TEST_F(Suite, PatternsTakeLinearTime) {
  const std::string file =
      lab_.write("patterns.yaml",
                 "apiVersion: labctl.dev/v1alpha1\nkind: Scenario\nmetadata: {name: patterns}\nspec:\n"
                 "  cluster: {nodes: 1}\n  apply: [many.yaml]\n  steps:\n"
                 "  - name: a long value\n    get: {kind: pods, name: long, namespace: default, pointer: "
                 "/metadata/annotations/long, expect: {matches: '^(a|b)*$'}}\n"
                 "  - name: a catastrophe\n    get: {kind: pods, name: long, namespace: default, pointer: "
                 "/metadata/annotations/long, expect: {matches: '^(a+)+b|a$'}}\n");
  lab_.write("many.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: long, annotations: {long: " +
                              std::string(200'000, 'a') +
                              "}}\nspec: {containers: [{name: c, image: nginx}]}\n");
  EXPECT_TRUE(ends_with(lab_.run({"test", file}), kPassed));
}

TEST_F(Suite, AReportThatCannotBeWrittenIsKnownBeforeAnythingRuns) {
  const ProgramResult result = lab_.run({"test", three(), "--junit", "/proc/no/such/folder/junit.xml"});
  EXPECT_NE(result.exit_code, kPassed);
  EXPECT_NE(result.exit_code, kAssertionFailed);
  EXPECT_TRUE(has(result.err, "/proc/no/such/folder/junit.xml"));
  EXPECT_EQ(result.out, "");
}

// ---- Signals -----------------------------------------------------------------------------------

TEST_F(Suite, TheFirstCtrlCTakesDownInOrderAndReports) {
  const std::string file =
      lab_.write("slow.yaml", scenario("quick", "true") + scenario("slow", "sleep 3600"));
  support::RunningProgram run = lab_.start({"test", file, "-j", "1"});
  ASSERT_TRUE(run.wait_for_output("ok    quick", std::chrono::seconds(60)));
  ASSERT_TRUE(eventually([&] { return !lab_.lab_folders().empty(); }));
  run.signal(SIGINT);
  const ProgramResult result = run.wait();
  EXPECT_TRUE(ends_with(result, kInterrupted));
  EXPECT_TRUE(has(result.out, "1 passed"));
  EXPECT_TRUE(has(result.err, "stopping"));
  EXPECT_TRUE(lab_.lab_folders().empty());
}

TEST_F(Suite, TheSecondCtrlCEndsAtOnceAndLeavesNothing) {
  EXPECT_TRUE(leaves_nothing(0, Folders::GoAtOnce, [](Labctl& lab) {
    const std::string file =
        lab.write("slow.yaml", scenario("a", "sleep 3600") + scenario("b", "sleep 3600"));
    support::RunningProgram run = lab.start({"test", file, "-j", "2"});
    require(eventually([&] { return lab.lab_folders().size() == 2; }), "two labs come up");
    run.signal(SIGTERM);
    run.signal(SIGINT);
    const int code = run.wait().exit_code;
    require(code == kTerminated || code == kInterrupted,
            "ends with the signal's code, not " + std::to_string(code));
  }));
}

// The moment is what the test is about, so here, and only here, it lets time pass.
void let_pass(microseconds time) {
  const timespec wanted{time.count() / 1'000'000, time.count() % 1'000'000 * 1000};
  ::ppoll(nullptr, 0, &wanted, nullptr);
}

TEST_F(Suite, KilledAtThirtyMomentsItLeavesNothing) {
  const char* given = std::getenv("LABCTL_TEST_SEED");
  const unsigned seed =
      given != nullptr ? static_cast<unsigned>(std::strtoul(given, nullptr, 10)) : std::random_device{}();
  std::cout << "LABCTL_TEST_SEED=" << seed << " repeats these moments\n";
  std::mt19937 random(seed);
  const microseconds all = lab_.run({"test", three(), "-j", "2"}).elapsed;
  std::uniform_int_distribution<microseconds::rep> moments(0, all.count());
  for (int i = 0; i < 30; ++i) {
    const microseconds moment(moments(random));
    const auto run_and_kill = [&](Labctl& lab) {
      const std::string file = lab.write(
          "three.yaml", scenario("one", "true") + scenario("two", "false") + scenario("three", "true"));
      support::RunningProgram run = lab.start({"test", file, "-j", "2"});
      let_pass(moment);
      run.signal(SIGKILL);
      run.wait();
    };
    EXPECT_TRUE(leaves_nothing(i % 2 == 0 ? 1000 : 0, Folders::GoAtOnce, run_and_kill))
        << "killed after " << moment.count() << " us of " << all.count();
  }
}

// Its pod finds no node, and its step passes whatever the pods do.
std::string scenario_of_an_unready_pod(const std::string& pod, const std::string& more) {
  return scenario("early", "true", "  apply: [" + pod + "]\n" + more);
}

TEST_F(Suite, TheFirstStepWaitsUntilEveryPodIsReady) {
  const std::string pod =
      lab_.write("pod.yaml",
                 "apiVersion: v1\nkind: Pod\nmetadata: {name: nowhere}\n"
                 "spec: {nodeSelector: {disk: tape}, containers: [{name: c, image: x}]}\n");
  const ProgramResult waits =
      lab_.run({"test", lab_.write("waits.yaml", scenario_of_an_unready_pod(pod, "")), "-o", "jsonl"});
  EXPECT_TRUE(ends_with(waits, kAssertionFailed));
  const json checks = told(waits).at("early")["checks"];
  ASSERT_EQ(checks.size(), 1U);
  EXPECT_EQ(checks[0]["name"], "every pod is ready");
  EXPECT_TRUE(has(checks[0]["details"], "pod default/nowhere: Unschedulable: 0/1 nodes are available"));
  EXPECT_TRUE(ends_with(
      lab_.run({"test", lab_.write("early.yaml", scenario_of_an_unready_pod(pod, "  wait: false\n"))}),
      kPassed));
}

}  // namespace
}  // namespace labctl::e2e
