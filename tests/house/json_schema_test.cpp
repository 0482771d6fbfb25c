// What `labctl schema` prints is a JSON Schema in the eyes of another program, fits every file of ours that
// is right, and refuses some that are wrong.

#include "tests/house/source_tree.hpp"
#include "tests/support/run_program.hpp"
#include "tests/support/temp_dir.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

namespace labctl::house {
namespace {

namespace fs = std::filesystem;
using support::ProgramResult;

constexpr int kValid = 0;
constexpr int kNotValid = 2;  // 1 is a program of Python that broke off
constexpr int kNoPackages = 3;

ProgramResult validate(const std::string& schema, const std::vector<std::string>& files) {
  support::Program program;
  program.command = {"python3", (repository() / "tests/house/json_schema_check.py").string()};
  program.command.insert(program.command.end(), files.begin(), files.end());
  program.input = schema;
  return support::run_program(program);
}

std::vector<std::string> yaml_files_below(const fs::path& folder) {
  std::vector<std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.path().extension() == ".yaml") {
      files.push_back(entry.path().string());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

class JsonSchema : public testing::Test {
 protected:
  // `labctl schema ARGUMENTS...`
  static std::string schema(const std::vector<std::string>& arguments = {}) {
    support::Program program;
    program.command = {support::labctl_program(), "schema"};
    program.command.insert(program.command.end(), arguments.begin(), arguments.end());
    const ProgramResult result = support::run_program(program);
    EXPECT_EQ(result.exit_code, 0) << to_string(result);
    return result.out;
  }

  void SetUp() override {
    if (support::find_program("python3").empty() || validate(schema(), {}).exit_code == kNoPackages) {
      if (std::getenv("LABCTL_NO_SKIP") != nullptr) {
        FAIL() << "may not be skipped: needs python3-jsonschema and python3-yaml";
      }
      GTEST_SKIP() << "needs python3-jsonschema and python3-yaml";
    }
  }

  // Those of the documents that are refused.
  std::vector<std::string> refused(const std::string& schema, const std::vector<std::string>& documents) {
    std::vector<std::string> files;
    for (size_t i = 0; i < documents.size(); ++i) {
      files.push_back(dir_.write("document-" + std::to_string(i) + ".yaml", documents[i]).string());
    }
    const ProgramResult result = validate(schema, files);
    EXPECT_TRUE(result.exit_code == kValid || result.exit_code == kNotValid) << to_string(result);
    std::vector<std::string> out;
    for (size_t i = 0; i < documents.size(); ++i) {
      if (result.out.find(files[i] + ": ") != std::string::npos) {
        out.push_back(documents[i]);
      }
    }
    EXPECT_EQ(out.empty(), result.exit_code == kValid) << to_string(result);
    return out;
  }

  support::TempDir dir_;
};

std::string scenario(const std::string& steps) {
  return "apiVersion: labctl.dev/v1alpha1\nkind: Scenario\nmetadata: {name: demo}\n"
         "spec:\n  cluster: {nodes: 2}\n  steps:\n" +
         steps;
}

// The files for other projects' CI are whole, and say only what their engines know.
TEST_F(JsonSchema, OfEnginesFitsTheFilesForThem) {
  const auto read = [](const char* file) { return support::read_file(repository() / "tests/house" / file); };
  const std::string github = read("github_workflow.schema.json"), gitlab = read("gitlab_ci.schema.json");
  const std::string workflow = (repository() / "ci/github-actions.yml").string();
  const std::string pipeline = (repository() / "ci/gitlab-ci.yml").string();
  for (const auto& [schema, file] : {std::pair(github, workflow), std::pair(gitlab, pipeline)}) {
    const ProgramResult result = validate(schema, {file});
    EXPECT_EQ(result.exit_code, kValid) << to_string(result);
    // All of what it runs is there: the stages, and only flags that labctl has.
    EXPECT_NE(support::read_file(file).find("ci/setup"), std::string::npos);
    EXPECT_NE(support::read_file(file).find("labctl test scenarios/"), std::string::npos);
  }
  EXPECT_EQ(validate(github, {pipeline}).exit_code, kNotValid);
  EXPECT_EQ(validate(gitlab, {workflow}).exit_code, kNotValid);
}

TEST_F(JsonSchema, FitsEveryFileOfTheScenarios) {
  const std::vector<std::string> files = yaml_files_below(repository() / "scenarios");
  EXPECT_GE(files.size(), 3U);
  const ProgramResult result = validate(schema(), files);
  EXPECT_EQ(result.exit_code, kValid) << to_string(result);
}

TEST_F(JsonSchema, FitsEveryGoodFileOfTheCorpus) {
  const std::vector<std::string> files = yaml_files_below(repository() / "tests/fuzz/corpus/manifest/good");
  EXPECT_GE(files.size(), 10U);
  const ProgramResult result = validate(schema(), files);
  EXPECT_EQ(result.exit_code, kValid) << to_string(result);
}

TEST_F(JsonSchema, FitsTheExampleOfInit) {
  const std::string folder = (dir_.path() / "example").string();
  const ProgramResult init = support::run_program(
      {.command = {support::labctl_program(), "init", folder}, .env = {}, .directory = {}, .input = {}});
  ASSERT_EQ(init.exit_code, 0) << to_string(init);
  const ProgramResult result = validate(schema(), yaml_files_below(folder));
  EXPECT_EQ(result.exit_code, kValid) << to_string(result);
}

TEST_F(JsonSchema, OfOneKindFitsThatKindOnly) {
  const std::vector<std::string> texts{scenario("  - {name: one, matrix: {}}\n")};
  EXPECT_EQ(refused(schema({"Scenario"}), texts), std::vector<std::string>());
  EXPECT_EQ(refused(schema({"Cluster"}), texts), texts);
}

TEST_F(JsonSchema, RefusesWhatTheTablesRefuse) {
  const std::string pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: ";
  const std::vector<std::string> wrong{
      "kind: Pod\nmetadata: {name: a}\n",
      pod + "{}\n",
      pod + "{containers: []}\n",
      pod + "{containers: [{image: a}]}\n",
      pod + "{containers: [{name: a, image: b, ports: [{containerPort: 70000}]}]}\n",
      pod + "{containers: [{name: a, image: b, command: ls}]}\n",
      pod + "{restartPolicy: Sometimes, containers: [{name: a, image: b}]}\n",
      "apiVersion: v1\nkind: Deployment\nmetadata: {name: a}\nspec: {}\n",
      "apiVersion: labctl.dev/v1alpha1\nkind: Scenaro\nmetadata: {name: a}\n",
      "apiVersion: labctl.dev/v1alpha1\nkind: Cluster\nspec: {node: 2}\n",
      "apiVersion: labctl.dev/v1alpha1\nkind: Cluster\nspec: {nodes: 0}\n",
      "apiVersion: labctl.dev/v1alpha1\nkind: Cluster\nspec: {network: {mode: router}}\n",
      "apiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: Pod}]\n",
      scenario("    []\n"),
      scenario("  - {matrix: {}}\n"),
      scenario("  - {name: one, prob: {}}\n"),
      scenario("  - {name: one, matrix: {port: many}}\n"),
      scenario("  - {name: one, matrix: {}, within: 5 seconds}\n"),
      scenario("  - {name: one, probe: {from: client, to: 'outside/www:80'}}\n"),
      scenario("  - {name: one, wait: {for: web, condition: Ready}}\n"),
  };
  EXPECT_EQ(refused(schema(), wrong), wrong);
}

TEST_F(JsonSchema, LetsThroughWhatTheLoaderOnlyWarnsOf) {
  const std::vector<std::string> right{
      "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {newField: 1, containers: "
      "[{name: a, image: b, volumeDevices: [{}]}]}\nstatus: {phase: Running}\n",
      "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: b}\n",
      "apiVersion: example.org/v1\nkind: Shop\nmetadata: {name: a}\n",
      scenario("  - {name: one, matrix: {port: '${port}', timeout: '${t}', from: ['${from}']}}\n"),
  };
  EXPECT_EQ(refused(schema(), right), std::vector<std::string>());
}

}  // namespace
}  // namespace labctl::house
