#include "labctl/commands/commands.hpp"
#include "labctl/commands/verb.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

namespace labctl::commands {
namespace {

using testing::HasSubstr;

class CommandLine : public testing::Test {
 protected:
  CommandLine() { add_commands(app_, globals_); }

  void parse(std::vector<std::string> words) {
    std::reverse(words.begin(), words.end());  // as CLI11 wants them
    app_.parse(words);
  }
  Error refusal(const std::vector<std::string>& words) {
    try {
      parse(words);
    } catch (const CLI::ParseError& error) {
      return usage_error(app_, error);
    }
    return Error(ErrorKind::Internal, "accepted");
  }
  CLI::App* verb(const std::string& name) { return app_.get_subcommand(name); }

  Globals globals_;
  CLI::App app_{"", "labctl"};
};

TEST_F(CommandLine, HasHelpWithExamplesForEveryCommand) {
  for (const CLI::App* one : app_.get_subcommands([](const CLI::App*) { return true; })) {
    if (one->get_group().empty()) {
      continue;
    }
    const std::string help = help_text(*one, app_);
    EXPECT_TRUE(help.starts_with("Examples:\n  labctl " + one->get_name()) ||
                help.starts_with("Examples:\n  source"))
        << help;
    EXPECT_THAT(help, HasSubstr("\nUsage: labctl " + one->get_name()));
    EXPECT_THAT(help, HasSubstr("--name LAB"));
  }
}

TEST_F(CommandLine, ListsEveryCommandInItsHelp) {
  const std::string help = help_text(app_, app_);
  for (const char* name : {"up",     "down",  "ls",     "status", "get",  "describe", "apply",     "delete",
                           "exec",   "logs",  "probe",  "matrix", "test", "lint",     "init",      "schema",
                           "doctor", "graph", "events", "images", "gc",   "version",  "completion"}) {
    EXPECT_THAT(help, HasSubstr("\n  " + std::string(name) + " "));
  }
}

TEST_F(CommandLine, HelpFitsATerminal) {
  for (const CLI::App* one : app_.get_subcommands([](const CLI::App*) { return true; })) {
    std::istringstream lines(help_text(*one, app_));
    for (std::string line; std::getline(lines, line);) {
      EXPECT_LE(line.size(), 110U) << line;
    }
  }
}

TEST_F(CommandLine, TakesGlobalFlagsBeforeAndAfterTheCommand) {
  parse({"get", "pods", "-n", "shop"});
  EXPECT_EQ(globals_.lab, "shop");
  EXPECT_TRUE(globals_.action);
}

TEST_F(CommandLine, TakesResourcesThatAreCommandsToo) {
  EXPECT_NO_THROW(parse({"-n", "shop", "get", "events"}));
}

TEST_F(CommandLine, PassesACommandWithFlagsAndDashesOn) {
  EXPECT_NO_THROW(parse({"exec", "web-0", "-c", "app", "--", "ls", "-l", "--", "-n", "get"}));
  EXPECT_EQ(globals_.lab, "");
  EXPECT_EQ(verb("exec")->get_option("VANTAGE")->as<std::string>(), "web-0");
  const auto words = verb("exec")->get_option("COMMAND")->as<std::vector<std::string>>();
  EXPECT_EQ(words, (std::vector<std::string>{"ls", "-l", "--", "-n", "get"}));
}

TEST_F(CommandLine, ExplainsTheDashesOfExec) {
  EXPECT_THAT(refusal({"exec", "web-0", "ls", "-l"}).hint(), HasSubstr("behind --"));
  EXPECT_EQ(refusal({"exec", "web-0"}).message(), "COMMAND is required");
}

TEST_F(CommandLine, TakesKubectlsInteractiveFlags) {
  EXPECT_NO_THROW(parse({"exec", "-it", "web-0", "--", "sh"}));
}

TEST_F(CommandLine, RepeatedFlagsTakeOneValueEach) {
  EXPECT_NO_THROW(parse({"apply", "-f", "a.yaml", "-f", "b.yaml", "c.yaml"}));
  EXPECT_EQ(verb("apply")->get_option("--filename")->as<std::vector<std::string>>().size(), 2U);
}

TEST_F(CommandLine, SuggestsTheCommandThatWasMeant) {
  EXPECT_EQ(refusal({"delte", "pod"}).message(), "unknown command \"delte\"");
  EXPECT_EQ(refusal({"delte", "pod"}).hint(), "did you mean `labctl delete`?");
  EXPECT_EQ(refusal({"destroy"}).hint(), "did you mean `labctl down`?");
}

TEST_F(CommandLine, SuggestsTheFlagThatWasMeant) {
  EXPECT_EQ(refusal({"up", "--dryrun"}).message(), "unknown flag --dryrun");
  EXPECT_EQ(refusal({"up", "--dryrun"}).hint(), "did you mean --dry-run?");
}

TEST_F(CommandLine, PointsToTheHelpOfTheCommand) {
  EXPECT_THAT(refusal({"logs"}).hint(), HasSubstr("`labctl logs --help`"));
  EXPECT_EQ(refusal({"logs", "a", "b"}).message(), "logs: one argument too many: \"b\"");
}

TEST_F(CommandLine, TakesFlagsFromTheEnvironment) {
  ::setenv("LABCTL_NAME", "from-env", 1);
  ::setenv("LABCTL_GET_OUTPUT", "yaml", 1);
  parse({"get", "pods"});
  ::unsetenv("LABCTL_NAME");
  ::unsetenv("LABCTL_GET_OUTPUT");
  EXPECT_EQ(globals_.lab, "from-env");
  EXPECT_EQ(verb("get")->get_option("--output")->as<std::string>(), "yaml");
}

}  // namespace
}  // namespace labctl::commands
