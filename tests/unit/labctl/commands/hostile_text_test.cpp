#include "fake_lab.hpp"
#include "tests/support/obeyed.hpp"
#include "tests/support/run_program.hpp"
#include "tests/support/temp_dir.hpp"
#include "topology/base/error.hpp"
#include "topology/base/printable.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <fstream>

// Text of others - of a lab's answers, of files and their names, of the command line - in all that the
// built program prints: it is seen, and neither a terminal nor a CI system obeys it.

namespace labctl::commands {
namespace {

using nlohmann::json;
using support::obeyed_in;
using support::ProgramResult;

const std::vector<std::string>& hostile_words() {
  static const std::vector<std::string> kWords{"a\n::error file=x::y",
                                               "::set-output name=a::b",
                                               "a\r\n  ::stop-commands::b",
                                               "##[error]x",
                                               "a ##[add-mask]x",
                                               "##vso[task.x]b",
                                               "\x1b[8mhidden",
                                               "\x1b]0;title\x07",
                                               "\u009b31m",
                                               "\x9b"
                                               "31m",
                                               "\u202egpj",
                                               "we\u200bb",
                                               "\xff\xfe"};
  return kWords;
}

api::Response answer_with(const std::string& word, const api::Request& request) {
  api::Response response;
  const auto text_of = [](const json& body) {
    return body.dump(-1, ' ', false, json::error_handler_t::replace);
  };
  const json result{{"apiVersion", "v1/" + word}, {"kind", word}, {"name", word}, {"action", word}};
  if (request.path == "/lab/v1/apply" || request.path == "/lab/v1/delete") {
    response.body = text_of({{"results", {result}}});
  } else if (request.path == "/lab/v1/status") {
    response.body = text_of({{"name", word},
                             {"phase", word},
                             {"createdAt", word},
                             {"nodes", word},
                             {"pods", {{"total", word}, {"ready", word}}},
                             {"network", word},
                             {"families", {word}},
                             {"mode", word},
                             {"supervisorPid", word},
                             {"directory", word},
                             {"reason", word}});
  } else {
    throw Error(ErrorKind::NotFound, "it says " + word, "do " + word);
  }
  return response;
}

class HostileProgram : public testing::TestWithParam<std::size_t> {
 protected:
  ProgramResult run(std::vector<std::string> arguments, const std::string& folder = {}) {
    support::Program program;
    program.command = {LABCTL_BINARY};
    program.command.insert(program.command.end(), arguments.begin(), arguments.end());
    program.env = {{"LABCTL_RUNTIME_DIR", runtime_.path().string()}, {"NO_COLOR", "1"}};
    program.directory = folder;
    return support::run_program(program);
  }
  void expect_seen_only(const std::vector<std::string>& arguments, const std::string& folder = {}) {
    const ProgramResult result = run(arguments, folder);
    std::string line;
    for (const std::string& argument : arguments) {
      line += ' ' + printable(argument);
    }
    EXPECT_EQ(obeyed_in(result.out), "") << "labctl" << line;
    EXPECT_EQ(obeyed_in(result.err), "") << "labctl" << line;
    EXPECT_FALSE(result.out.empty() && result.err.empty()) << "labctl" << line;
  }

  RuntimeFolder runtime_;
  support::TempDir files_;
};

TEST_P(HostileProgram, ShowsWhatALabAnswers) {
  const std::string& word = hostile_words()[GetParam()];
  const FakeLab lab("shop", [&](const api::Request& request) { return answer_with(word, request); });
  std::ofstream(files_.path() / "a.yaml") << "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n";
  const std::string file = (files_.path() / "a.yaml").string();
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{"apply", "-f", file},
                                             {"apply", "-f", file, "-o", "name"},
                                             {"apply", "-f", file, "--dry-run"},
                                             {"delete", "pod", "a"},
                                             {"delete", "pod", "a", "-o", "name"},
                                             {"delete", "-f", file},
                                             {"status"},
                                             {"status", "-o", "yaml"},
                                             {"ls"},
                                             {"ls", "-o", "wide"},
                                             {"get", "pods"},
                                             {"get", "pod", "a"},
                                             {"describe", "pod", "a"},
                                             {"events"},
                                             {"exec", "a", "--", "true"},
                                             {"logs", "a"},
                                             {"probe", "a", "b:80"},
                                             {"matrix"},
                                             {"graph"}}) {
    expect_seen_only(arguments);
  }
}

TEST_P(HostileProgram, ShowsNamesOfFilesAndWhatIsInThem) {
  const std::string& word = hostile_words()[GetParam()];
  std::ofstream(files_.path() / (word + ".yaml")) << "apiVersion: v1\nkind: Pod\nmetadata: {name: x";
  std::ofstream(files_.path() / "text.yaml") << json{
      {"apiVersion", "v1"},
      {"kind", "Pod"},
      {"metadata", {{"name", word}, {"labels", {{word, word}}}}},
      {word, word},
      {"spec", {{"nodeName", word}}}}.dump(-1, ' ', false, json::error_handler_t::replace);
  for (const std::string& name : {word + ".yaml", std::string("text.yaml"), word + "-nothing.yaml"}) {
    for (const char* verb : {"lint", "up", "test", "apply", "delete"}) {
      expect_seen_only({verb, name}, files_.path().string());
    }
    expect_seen_only({"--log-format", "json", "lint", name}, files_.path().string());
  }
  expect_seen_only({"init", word}, files_.path().string());
  expect_seen_only({"init", word}, files_.path().string());
}

TEST_P(HostileProgram, ShowsTheCommandLine) {
  const std::string& word = hostile_words()[GetParam()];
  const FakeLab lab("shop", [&](const api::Request& request) { return answer_with("x", request); });
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{word},
                                             {"--" + word},
                                             {"status", word},
                                             {"-n", word, "status"},
                                             {"-n", word, "up"},
                                             {"down", word},
                                             {"get", word},
                                             {"get", "pod", word},
                                             {"get", "pods", "-l", word},
                                             {"get", "pods", "-o", word},
                                             {"delete", word},
                                             {"delete", "pod", word, "--timeout", word},
                                             {"exec", word, "--", "true"},
                                             {"logs", word},
                                             {"probe", word, word},
                                             {"--color", word, "ls"},
                                             {"--log-format", word, "ls"},
                                             {"schema", word},
                                             {"completion", word}}) {
    expect_seen_only(arguments);
  }
}

// An entry of a runtime folder that is no lab of ours, and one whose last words are hostile.
TEST_P(HostileProgram, ShowsWhatLiesInTheRuntimeFolder) {
  const std::string& word = hostile_words()[GetParam()];
  std::filesystem::create_directories(runtime_.path() / word);
  const std::filesystem::path dead = runtime_.path() / "dead";
  std::filesystem::create_directories(dead);
  std::filesystem::permissions(dead, std::filesystem::perms::owner_all);
  std::ofstream(dead / "lock");
  std::ofstream(dead / "ended") << word << "\n" << word << "\n";
  std::ofstream(dead / "supervisor.log") << word << "\n";
  for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{
           {"ls"}, {"ls", "-o", "json"}, {"status", "dead"}, {"get", "pods"}, {"gc"}}) {
    expect_seen_only(arguments);
  }
}

INSTANTIATE_TEST_SUITE_P(Words, HostileProgram, testing::Range(std::size_t{0}, hostile_words().size()));

}  // namespace
}  // namespace labctl::commands
