// What the program makes of what it is given: the quickstart as a new user runs it, broken files, wrong
// flags, interruption, and a host that refuses.

#include "tests/e2e/labctl_program.hpp"
#include "tests/support/golden.hpp"

#include <algorithm>
#include <csignal>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

namespace labctl::e2e {
namespace {

namespace fs = std::filesystem;
using support::ProgramResult;

const fs::path kSources = LABCTL_SOURCE_DIR;
const std::string kQuickstart = (kSources / "scenarios/quickstart").string();

constexpr uid_t kSomeUser = 1000;

// Times differ from run to run, and the bridge lists its ports and random MAC addresses in any order.
std::string normalised(const std::string& output) {
  static const std::regex kTime(R"(\b[0-9]+(\.[0-9]+)? ?(us|ms|s)\b)");
  static const std::regex kForwarding(R"( +\| ([0-9a-f]{2}:){5}[0-9a-f]{2} dev [^\n]*\n)");
  static const std::regex kHost("host: [0-9]+ links, [0-9]+ mounts, [0-9]+ routes");
  std::string text = std::regex_replace(output, std::regex(kSources.string() + "/"), "");
  text = std::regex_replace(text, kForwarding, "");
  text = std::regex_replace(text, kHost, "host: N links, N mounts, N routes");
  return std::regex_replace(text, kTime, "TIME");
}

// A scenario with a step that does not end by itself.
const char* const kEndlessScenario =
    "apiVersion: labctl.dev/v1alpha1\nkind: Scenario\nmetadata: {name: endless}\nspec:\n"
    "  cluster: {nodes: 1}\n  steps:\n  - name: waits\n"
    "    exec: {in: node/node-1, command: [sleep, '3600'], expect: {code: 0}}\n";

// ---- Quickstart --------------------------------------------------------------------------------

TEST(Quickstart, PassesAndPrintsWhatItTeaches) {
  LABCTL_NEEDS_USER_NAMESPACES();
  const Labctl lab;
  const ProgramResult result = lab.run({"test", kQuickstart});
  EXPECT_TRUE(ends_with(result, kPassed));
  EXPECT_TRUE(support::matches_golden(normalised(result.out), "scenarios/quickstart/expected/output.txt"));
  EXPECT_TRUE(lab.lab_folders().empty());
}

TEST(Quickstart, WritesJUnitWithATestCaseForEachCheck) {
  LABCTL_NEEDS_USER_NAMESPACES();
  const Labctl lab;
  const std::string file = lab.write("junit.xml", "");
  const ProgramResult result = lab.run({"test", kQuickstart, "--junit", file});
  EXPECT_TRUE(ends_with(result, kPassed));
  const std::string xml = support::read_file(file);
  EXPECT_TRUE(has(xml.substr(0, 5), "<?xml"));

  // Every element that opens is closed, in order; what is left of the text holds no stray mark-up.
  std::vector<std::string> open;
  const std::regex tag(R"(<(/?)([a-z-]+)((?: [a-z-]+="[^"<]*")*) ?(/?)>)");
  std::set<std::string> names;
  int cases = 0;
  for (std::sregex_iterator at(xml.begin(), xml.end(), tag), end; at != end; ++at) {
    const std::string name = (*at)[2];
    if (name == "testcase") {
      ++cases;
      std::smatch claim;
      const std::string attributes = (*at)[3];
      ASSERT_TRUE(std::regex_search(attributes, claim, std::regex(" name=\"([^\"]+)\""))) << attributes;
      names.insert(claim[1]);
    }
    if ((*at)[1] == "/") {
      ASSERT_FALSE(open.empty()) << "</" << name << "> closes nothing";
      EXPECT_EQ(open.back(), name);
      open.pop_back();
    } else if ((*at)[4] != "/") {
      open.push_back(name);
    }
  }
  EXPECT_TRUE(open.empty()) << open.back() << " is not closed";
  EXPECT_EQ(std::regex_replace(xml, tag, "").find('<', 1), std::string::npos);
  EXPECT_EQ(cases, 13);
  EXPECT_EQ(names.size(), 13U) << "two test cases have one name";
}

TEST(Quickstart, SaysThatTheReportCouldNotBeWritten) {
  LABCTL_NEEDS_USER_NAMESPACES();
  const Labctl lab;
  const ProgramResult result = lab.run({"test", kQuickstart, "--junit", "/dev/full"});
  EXPECT_NE(result.exit_code, kPassed);
  EXPECT_TRUE(has(result.err, "/dev/full"));
  EXPECT_TRUE(has(result.err, "No space left on device"));
}

// ---- Broken files ------------------------------------------------------------------------------

TEST(BrokenFiles, EachIsRefusedWithItsPositionByLintAndByUp) {
  const fs::path corpus = kSources / "tests/fuzz/corpus/manifest/bad";
  const std::regex position(R"(\.(yaml|yml|json):[0-9]+:[0-9]+: error: )");
  const Labctl lab;
  int files = 0;
  for (const auto& entry : fs::directory_iterator(corpus)) {
    ++files;
    const std::string file = entry.path().string();
    for (const std::string verb : {"lint", "up"}) {
      const ProgramResult result = lab.run({verb, file});
      EXPECT_TRUE(ends_with(result, kUsage)) << verb << " " << file;
      // What is wrong is lint's data; of up it is talk.
      const std::string& said = verb == "lint" ? result.out : result.err;
      EXPECT_TRUE(has(said, file + ":"));
      EXPECT_TRUE(std::regex_search(said, position)) << verb << " " << file << to_string(result);
    }
  }
  EXPECT_GE(files, 60);
  EXPECT_TRUE(lab.lab_folders().empty());
}

// The lines that say what is wrong, with their hints; the talk around them is left out.
std::vector<std::string> diagnostics_in(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  const std::regex diagnostic(R"(^(\S+:[0-9]+:[0-9]+: (error|warning): |  hint: ).*)");
  for (std::string line; std::getline(stream, line);) {
    if (std::regex_match(line, diagnostic)) {
      lines.push_back(line);
    }
  }
  return lines;
}

TEST(BrokenScenarios, AreRefusedAlikeByTestAndByLint) {
  const Labctl lab;
  int files = 0;
  for (const auto& entry : fs::directory_iterator(kSources / "tests/fuzz/corpus/scenario/bad")) {
    ++files;
    const std::string file = entry.path().string();
    const ProgramResult tested = lab.run({"test", file});
    const ProgramResult linted = lab.run({"lint", file});
    EXPECT_TRUE(ends_with(tested, kUsage)) << file;
    EXPECT_TRUE(ends_with(linted, kUsage)) << file;
    EXPECT_EQ(tested.out, "") << file;
    // What is wrong is lint's data; of test it is talk.
    EXPECT_FALSE(diagnostics_in(linted.out).empty()) << file;
    EXPECT_EQ(diagnostics_in(tested.err), diagnostics_in(linted.out)) << file;
  }
  EXPECT_GE(files, 30);
  EXPECT_TRUE(lab.lab_folders().empty());
}

TEST(BrokenScenarios, AVariableThatNothingSetsIsKnownBySet) {
  const Labctl lab;
  const std::string file =
      lab.write("scenario.yaml",
                "apiVersion: labctl.dev/v1alpha1\nkind: Scenario\nmetadata: {name: ports}\nspec:\n"
                "  cluster: {nodes: 1}\n  steps:\n  - {name: one, matrix: {port: '${port}'}}\n");
  EXPECT_TRUE(ends_with(lab.run({"lint", file}), kUsage));
  EXPECT_TRUE(ends_with(lab.run({"lint", file, "--set", "port=80"}), kPassed));
}

// ---- The example ---------------------------------------------------------------------------------

TEST(Init, WritesAScenarioThatPasses) {
  LABCTL_NEEDS_USER_NAMESPACES();
  const Labctl lab;
  const ProgramResult init = lab.run({"init"});
  EXPECT_TRUE(ends_with(init, kPassed));
  EXPECT_TRUE(has(init.out, "labctl-scenario/scenario.yaml\n"));
  EXPECT_TRUE(has(init.err, "labctl test labctl-scenario"));
  const ProgramResult linted = lab.run({"lint", "labctl-scenario", "--strict"});
  EXPECT_TRUE(ends_with(linted, kPassed));
  EXPECT_EQ(linted.out, "warning: 1 field runs programs of this host: exec (1); -v lists them\n");
  const ProgramResult tested = lab.run({"test", "labctl-scenario"});
  EXPECT_TRUE(ends_with(tested, kPassed));
  EXPECT_TRUE(has(tested.out, "9 checks"));
  EXPECT_TRUE(lab.lab_folders().empty());
}

TEST(Init, OverwritesNothingUnlessForced) {
  const Labctl lab;
  const fs::path mine = lab.write("shop/manifests/web.yaml", "mine");
  const std::string folder = mine.parent_path().parent_path().string();
  const ProgramResult refused = lab.run({"init", folder});
  EXPECT_TRUE(ends_with(refused, kUsage));
  EXPECT_TRUE(has(refused.err, mine.string()));
  EXPECT_TRUE(has(refused.err, "--force"));
  EXPECT_EQ(support::read_file(mine), "mine");
  EXPECT_FALSE(fs::exists(folder + "/scenario.yaml"));
  EXPECT_TRUE(ends_with(lab.run({"init", folder, "--force"}), kPassed));
  EXPECT_NE(support::read_file(mine), "mine");
}

TEST(Init, SaysWhyAFolderCannotBeMade) {
  const Labctl lab;
  const std::string file = lab.write("file", "");
  const ProgramResult result = lab.run({"init", file + "/below"});
  EXPECT_TRUE(ends_with(result, kUsage));
  EXPECT_TRUE(has(result.err, "Not a directory"));
}

TEST(Schema, AnUnknownKindIsRefusedWithTheNearest) {
  const ProgramResult result = Labctl().run({"schema", "Scenaro"});
  EXPECT_TRUE(ends_with(result, kUsage));
  EXPECT_TRUE(has(result.err, "did you mean Scenario?"));
  EXPECT_EQ(result.out, "");
}

TEST(BrokenFiles, TenMegabytesOfNestingAreRefusedAtOnce) {
  const Labctl lab;
  const std::string file = lab.write("deep.yaml", std::string(10'000'000, '['));
  const ProgramResult result = lab.run({"lint", file});
  EXPECT_TRUE(ends_with(result, kUsage));
  EXPECT_TRUE(has(result.out, "deep.yaml:1:"));
}

TEST(BrokenFiles, NothingIsAppliedWhenOneObjectIsRefused) {
  LABCTL_NEEDS_USER_NAMESPACES();
  const Labctl lab;
  ASSERT_TRUE(ends_with(lab.run({"up", lab.write("lab.yaml", cluster("whole", "nodes: 1"))}), kPassed));
  const std::string file = lab.write("two.yaml", deployment("web", 1) + "apiVersion: v1\nkind: Pod\n");
  const ProgramResult applied = lab.run({"apply", file});
  EXPECT_TRUE(ends_with(applied, kUsage));
  EXPECT_TRUE(has(applied.err, "two.yaml:"));
  EXPECT_EQ(lab.run({"get", "all", "-o", "name"}).out, "service/kubernetes\n");
}

TEST(BrokenFiles, AMissingFileIsAUsageError) {
  const Labctl lab;
  const ProgramResult result = lab.run({"up", "nowhere.yaml"});
  EXPECT_TRUE(ends_with(result, kUsage));
  EXPECT_TRUE(has(result.err, "nowhere.yaml"));
}

// ---- The command line --------------------------------------------------------------------------

const std::vector<std::string> kCommands = {"up",     "down",   "ls",   "status",  "get",       "describe",
                                            "apply",  "delete", "exec", "logs",    "probe",     "matrix",
                                            "test",   "lint",   "init", "schema",  "doctor",    "graph",
                                            "events", "images", "gc",   "version", "completion"};

TEST(CommandLine, EveryCommandHelpsAndBeginsWithExamples) {
  const Labctl lab;
  for (const std::string& command : kCommands) {
    const ProgramResult result = lab.run({command, "--help"});
    EXPECT_TRUE(ends_with(result, kPassed)) << command;
    EXPECT_EQ(result.out.rfind("Examples:\n  ", 0), 0U) << result.out.substr(0, 80);
    EXPECT_TRUE(has(result.out.substr(0, result.out.find("\n\n")), "labctl " + command));
    EXPECT_EQ(result.err, "") << command;
  }
}

TEST(CommandLine, TheProgramsHelpListsEveryCommand) {
  const std::string help = Labctl().run({"--help"}).out;
  for (const std::string& command : kCommands) {
    EXPECT_TRUE(has(help, "\n  " + command + " ")) << command;
  }
}

TEST(CommandLine, AnUnknownFlagIsAUsageErrorOfEveryCommand) {
  const Labctl lab;
  for (const std::string& command : kCommands) {
    const ProgramResult result = lab.run({command, "--no-such-flag"});
    EXPECT_TRUE(ends_with(result, kUsage)) << command;
    EXPECT_TRUE(has(result.err, "--no-such-flag"));
    EXPECT_EQ(result.out, "") << command;
  }
}

TEST(CommandLine, CompletionScriptsAreValidShell) {
  const Labctl lab;
  const std::string script = lab.run({"completion", "bash"}).out;
  ASSERT_NE(script, "");
  const ProgramResult bash =
      support::run_program({.command = {"bash", "-n"}, .env = {}, .directory = {}, .input = script});
  EXPECT_TRUE(ends_with(bash, 0));
  for (const char* shell : {"zsh", "fish"}) {
    EXPECT_TRUE(ends_with(lab.run({"completion", shell}), kPassed));
    if (!support::find_program(shell).empty()) {
      const ProgramResult other = support::run_program({.command = {shell, "-n"},
                                                        .env = {},
                                                        .directory = {},
                                                        .input = lab.run({"completion", shell}).out});
      EXPECT_TRUE(ends_with(other, 0)) << shell;
    }
  }
}

TEST(CommandLine, ALabThatIsNotUpIsSaidSo) {
  const Labctl lab;
  for (const char* command : {"status", "matrix", "graph", "events", "down"}) {
    const ProgramResult result = lab.run({command, "-n", "absent"});
    EXPECT_TRUE(ends_with(result, kUsage)) << command;
    EXPECT_TRUE(has(result.err, "absent")) << command;
  }
}

// ---- Names -------------------------------------------------------------------------------------

TEST(LabNames, ASecondLabOfTheNameIsRefusedAndAnotherNameWorks) {
  LABCTL_NEEDS_USER_NAMESPACES();
  const Labctl lab;
  const std::string file = lab.write("lab.yaml", cluster("shop", "nodes: 1") + deployment("web", 1));
  ASSERT_TRUE(ends_with(lab.run({"up", file}), kPassed));
  const ProgramResult second = lab.run({"up", file});
  EXPECT_TRUE(ends_with(second, kUsage));
  EXPECT_TRUE(has(second.err, "lab \"shop\" is already up"));
  EXPECT_TRUE(has(second.err, "-n NAME"));
  EXPECT_TRUE(ends_with(lab.run({"up", file, "-n", "other"}), kPassed));
  EXPECT_EQ(lab.run({"ls", "-o", "name"}).out, "other\nshop\n");
  // The same files give the same addresses.
  EXPECT_EQ(lab.run({"get", "pods", "-o", "wide", "--no-headers", "-n", "shop"}).out.find("10.244.1.2") !=
                std::string::npos,
            true);
  EXPECT_TRUE(has(lab.run({"get", "pods", "-o", "wide", "-n", "other"}).out, "10.244.1.2"));
  EXPECT_TRUE(ends_with(lab.run({"down", "--all"}), kPassed));
  EXPECT_TRUE(lab.lab_folders().empty());
}

TEST(LabNames, OfTwoAtOnceExactlyOneWins) {
  LABCTL_NEEDS_USER_NAMESPACES();
  const Labctl lab;
  const std::string file = lab.write("lab.yaml", cluster("race", "nodes: 1"));
  for (int round = 0; round < 5; ++round) {
    support::RunningProgram first = lab.start({"up", file});
    support::RunningProgram second = lab.start({"up", file});
    std::vector<int> codes{first.wait().exit_code, second.wait().exit_code};
    std::sort(codes.begin(), codes.end());
    EXPECT_EQ(codes, (std::vector<int>{kPassed, kUsage}));
    EXPECT_EQ(lab.run({"ls", "-o", "name"}).out, "race\n");
    EXPECT_TRUE(ends_with(lab.run({"down", "race"}), kPassed));
  }
}

// ---- Interruption ------------------------------------------------------------------------------

TEST(Interruption, CtrlCWhileALabBootsLeavesNothing) {
  LABCTL_NEEDS_USER_NAMESPACES();
  EXPECT_TRUE(leaves_nothing(kSomeUser, Folders::GoAtOnce, [](Labctl& lab) {
    const std::string file = lab.write("lab.yaml", cluster("big", "nodes: 10") + deployment("web", 500));
    support::RunningProgram up = lab.start({"up", file});
    // The supervisor is there, so the boot has begun and, of 500 pods, not ended.
    require(eventually([] { return !descendants_named("labctl-lab").empty(); }), "no supervisor came");
    up.signal(SIGINT);
    require_code(up.wait(), kInterrupted);
    require(lab.lab_folders().empty(), "the folder was left when the command returned");
  }));
}

TEST(Interruption, CtrlCWhileAScenarioRunsLeavesNothing) {
  LABCTL_NEEDS_USER_NAMESPACES();
  EXPECT_TRUE(leaves_nothing(kSomeUser, Folders::GoAtOnce, [](Labctl& lab) {
    support::RunningProgram test = lab.start({"test", lab.write("scenario.yaml", kEndlessScenario)});
    require(eventually([] { return !descendants_named("sleep").empty(); }), "the step did not begin");
    test.signal(SIGINT);
    require_code(test.wait(), kInterrupted);
    require(lab.lab_folders().empty(), "the folder was left when the command returned");
  }));
}

TEST(Interruption, AForegroundLabEndsWithItsCommand) {
  LABCTL_NEEDS_USER_NAMESPACES();
  EXPECT_TRUE(leaves_nothing(kSomeUser, Folders::GoAtOnce, [](Labctl& lab) {
    support::RunningProgram up =
        lab.start({"up", "--foreground", lab.write("lab.yaml", cluster("fg", "nodes: 1"))});
    require(eventually([&] { return lab.run({"status", "fg"}).exit_code == kPassed; }), "the lab is not up");
    up.signal(SIGINT);
    require_code(up.wait(), kInterrupted);
  }));
}

// ---- A host that refuses -----------------------------------------------------------------------

TEST(RefusingHost, WithoutUserNamespacesUpAndDoctorSayTheRemedy) {
  LABCTL_NEEDS_USER_NAMESPACES();
  EXPECT_TRUE(leaves_nothing(kSomeUser, Folders::GoAtOnce, [](Labctl& lab) {
    {
      std::ofstream limit("/proc/sys/user/max_user_namespaces");
      require(static_cast<bool>(limit << "0" << std::flush), "max_user_namespaces cannot be lowered");
    }
    const ProgramResult up = lab.run({"up", lab.write("lab.yaml", cluster("none", "nodes: 1"))});
    const ProgramResult doctor = lab.run({"doctor"});
    std::ofstream("/proc/sys/user/max_user_namespaces") << "1000" << std::flush;
    require_code(up, kHost);
    require(
        up.err.find("sysctl") != std::string::npos && up.err.find("max_user_namespaces") != std::string::npos,
        "up does not say the remedy: " + up.err);
    require_code(doctor, kHost);
    require(doctor.out.find("max_user_namespaces") != std::string::npos,
            "doctor does not say the remedy: " + doctor.out);
  }));
}

TEST(Doctor, FindsThisHostFit) {
  LABCTL_NEEDS_USER_NAMESPACES();
  const ProgramResult doctor = Labctl().run({"doctor", "-o", "json"});
  EXPECT_TRUE(ends_with(doctor, kPassed));
  EXPECT_EQ(doctor.out.rfind("{", 0), 0U);
}

}  // namespace
}  // namespace labctl::e2e
