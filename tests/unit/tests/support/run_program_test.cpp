#include "tests/support/run_program.hpp"

#include "topology/base/error.hpp"

#include <gtest/gtest.h>

#include <csignal>

namespace labctl::support {
namespace {

using namespace std::chrono_literals;

Program shell(const std::string& script) {
  Program program;
  program.command = {"sh", "-c", script};
  return program;
}

TEST(RunProgram, KeepsStreamsApartAndTheExitCode) {
  const ProgramResult result = run_program(shell("echo out; echo err >&2; exit 3"));
  EXPECT_EQ(result.out, "out\n");
  EXPECT_EQ(result.err, "err\n");
  EXPECT_EQ(result.exit_code, 3);
}

TEST(RunProgram, GivesInputAndEnvironment) {
  Program program = shell("cat; echo $COLOUR");
  program.input = "from stdin\n";
  program.env = {{"COLOUR", "blue"}};
  EXPECT_EQ(run_program(program).out, "from stdin\nblue\n");
}

TEST(RunProgram, MoreInputThanAPipeHoldsIsNotADeadlock) {
  Program program = shell("cat");
  program.input.assign(1 << 20, 'x');
  EXPECT_EQ(run_program(program).out.size(), program.input.size());
}

TEST(RunProgram, InputThatNobodyReadsIsNoFailure) {
  Program program = shell("exit 0");
  program.input.assign(1 << 20, 'x');
  EXPECT_EQ(run_program(program).exit_code, 0);
}

TEST(RunProgram, DeadlineKills) {
  Program program = shell("exec sleep 3600");
  program.timeout = 50ms;
  const ProgramResult result = run_program(program);
  EXPECT_TRUE(result.timed_out);
  EXPECT_EQ(result.signal, SIGKILL);
}

TEST(RunProgram, DoesNotWaitForWhatIsLeftInTheBackground) {
  Program program = shell("sleep 3600 & echo $!");
  program.timeout = 60s;
  const ProgramResult result = run_program(program);
  ASSERT_EQ(result.exit_code, 0);
  EXPECT_EQ(::kill(std::stoi(result.out), SIGKILL), 0);
  EXPECT_FALSE(result.timed_out);
}

TEST(RunProgram, SignalIsKept) { EXPECT_EQ(run_program(shell("kill -USR1 $$")).signal, SIGUSR1); }

TEST(RunProgram, AbsentProgramIsNotFound) {
  Program program;
  program.command = {"no-such-program-anywhere"};
  EXPECT_THROW(run_program(program), Error);
}

TEST(RunningProgram, SaysWhenAWordWasPrinted) {
  RunningProgram program = RunningProgram::start(shell("echo ready; exec sleep 60"));
  EXPECT_TRUE(program.wait_for_output("ready", 60s));
  EXPECT_TRUE(program.is_running());
  program.signal(SIGTERM);
  EXPECT_EQ(program.wait().signal, SIGTERM);
}

TEST(RunningProgram, OutputThatNeverComesIsFalseAtTheEnd) {
  RunningProgram program = RunningProgram::start(shell("echo other"));
  EXPECT_FALSE(program.wait_for_output("ready", 5s));
}

}  // namespace
}  // namespace labctl::support
