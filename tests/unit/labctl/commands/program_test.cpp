#include "fake_lab.hpp"
#include "tests/support/run_program.hpp"
#include "topology/base/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

// The built program with labs that answer from a function: exit codes, and
// what goes to stdout and what to stderr.

namespace labctl::commands {
namespace {

using support::ProgramResult;
using testing::HasSubstr;
using testing::StartsWith;

class Labctl : public testing::Test {
 protected:
  ProgramResult run(std::vector<std::string> arguments, std::string input = {}) {
    support::Program program;
    program.command = {support::labctl_program()};
    program.command.insert(program.command.end(), arguments.begin(), arguments.end());
    program.env = {{"LABCTL_RUNTIME_DIR", folder_.path().string()}, {"NO_COLOR", "1"}};
    program.input = std::move(input);
    return support::run_program(program);
  }
  ProgramResult shell(const std::string& line) {
    return support::run_program({.command = {"sh", "-c", line},
                                 .env = {{"LABCTL", support::labctl_program()}},
                                 .directory = {},
                                 .input = {}});
  }

  RuntimeFolder folder_;
};

api::Response answer(const api::Request& request) {
  api::Response response;
  if (request.path == "/api/v1/namespaces/default/pods") {
    response.body =
        R"({"metadata":{"resourceVersion":"7"},"items":[{"metadata":{"name":"web-0","namespace":"default"},
      "status":{"phase":"Running"}}]})";
  } else if (request.path == "/lab/v1/status") {
    response.body =
        R"({"name":"shop","phase":"Ready","createdAt":"2026-01-02T03:04:05Z","nodes":2,"pods":{"total":1,"ready":1}})";
  } else if (request.path == "/lab/v1/probes") {
    const auto probe = nlohmann::json::parse(request.body.substr(0, request.body.find('\n')));
    response.body =
        nlohmann::json{{"id", probe.value("id", nlohmann::json())}, {"outcome", "refused"}, {"tries", 1}}
            .dump() +
        "\n";
  } else if (request.path == "/lab/v1/dns/shop/web") {
    response.body =
        R"({"name":"web","records":[{"name":"web.shop.svc.","ttl":5,"type":"A","data":"10.96.0.7"}]})";
  } else if (request.path == "/lab/v1/dns/shop/no") {
    response.body =
        R"({"name":"no","records":[],"rcode":"NXDOMAIN","outcome":"dns_nxdomain","reason":"it is not"})";
  } else if (request.path == "/lab/v1/apply") {
    response.status = 422;
    response.body =
        R"({"results":[],"diagnostics":[{"severity":"error","file":"x.yaml","line":3,"column":5,"path":"spec",
      "message":"must be a map","hint":"indent it"}]})";
  } else {
    throw Error(ErrorKind::NotFound, "pods \"nosuch\" not found");
  }
  return response;
}

TEST_F(Labctl, PrintsItsVersion) {
  const ProgramResult result = run({"version"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.out, StartsWith("labctl "));
  EXPECT_EQ(result.err, "");
  EXPECT_TRUE(nlohmann::json::parse(run({"version", "-o", "json"}).out).contains("version"));
}

TEST_F(Labctl, WithoutACommandShowsHelpAsTalk) {
  const ProgramResult result = run({});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(result.out, "");
  EXPECT_THAT(result.err, HasSubstr("Usage: labctl COMMAND"));
}

TEST_F(Labctl, HelpThatWasAskedForIsData) {
  const ProgramResult result = run({"probe", "--help"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.out, StartsWith("Examples:\n  labctl probe"));
}

TEST_F(Labctl, EndsWith2ForBadUsage) {
  EXPECT_EQ(run({"frob"}).exit_code, 2);
  EXPECT_EQ(run({"up", "--frob"}).exit_code, 2);
  EXPECT_EQ(run({"ls", "-o", "frob"}).exit_code, 2);
  EXPECT_THAT(run({"ls", "-o", "frob"}).err, HasSubstr("one of table, wide, name, json, yaml, jsonl"));
  EXPECT_EQ(run({"up", "/nonexistent/lab.yaml"}).exit_code, 2);
}

TEST_F(Labctl, SaysThatNoLabIsUp) {
  const ProgramResult result = run({"get", "pods"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(result.out, "");
  EXPECT_THAT(result.err, StartsWith("error: no lab is up\n  hint: "));
}

TEST_F(Labctl, UsesTheOnlyLabThatIsUp) {
  const FakeLab lab("shop", answer);
  const ProgramResult result = run({"get", "pods"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.out, StartsWith("NAME    READY   STATUS    RESTARTS   AGE\nweb-0 "));
  EXPECT_EQ(run({"get", "pods", "-o", "name"}).out, "pod/web-0\n");
}

TEST_F(Labctl, ListsTheLabsWhenSeveralAreUpAndNoneIsNamed) {
  const FakeLab one("shop", answer);
  const FakeLab two("pr-7", answer);
  EXPECT_THAT(run({"get", "pods"}).err, StartsWith("error: several labs are up: pr-7, shop\n"));
  EXPECT_EQ(run({"get", "pods", "-n", "shop"}).exit_code, 0);
  EXPECT_THAT(run({"get", "pods", "-n", "kube-system"}).err, HasSubstr("a namespace is -N"));
}

TEST_F(Labctl, PassesOnWhatTheLabSaysWentWrong) {
  const FakeLab lab("shop", answer);
  const ProgramResult result = run({"get", "pod", "nosuch"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(result.err, "error: pods \"nosuch\" not found\n");
}

TEST_F(Labctl, ListsNothingAsNothing) {
  EXPECT_EQ(run({"ls", "-o", "json"}).out, "[]\n");
  EXPECT_EQ(run({"ls"}).out, "");
  EXPECT_EQ(run({"ls"}).err, "no lab is up\n");
  EXPECT_EQ(run({"-q", "ls"}).err, "");
}

TEST_F(Labctl, EndsWith1WhenAProbeIsNotAsExpected) {
  const FakeLab lab("shop", answer);
  EXPECT_EQ(run({"probe", "a", "b:80"}).exit_code, 1);
  EXPECT_EQ(run({"probe", "a", "b:80", "--expect", "refused"}).exit_code, 0);
  EXPECT_EQ(run({"probe", "a", "b:80", "--expect", "nosuch"}).exit_code, 2);
}

TEST_F(Labctl, GetsWhatDnsSaysOfNames) {
  const FakeLab lab("shop", answer);
  const ProgramResult found = run({"get", "dns", "web", "-N", "shop"});
  EXPECT_EQ(found.exit_code, 0) << to_string(found);
  EXPECT_EQ(found.out, "NAME            TTL   TYPE   DATA\nweb.shop.svc.   5     A      10.96.0.7\n");
  EXPECT_EQ(nlohmann::json::parse(run({"get", "dns/web", "-N", "shop", "-o", "json"}).out)[0]["data"],
            "10.96.0.7");
  const ProgramResult part = run({"get", "dns", "web", "no", "-N", "shop"});
  EXPECT_EQ(part.exit_code, 1);
  EXPECT_THAT(part.out, HasSubstr("10.96.0.7"));
  EXPECT_THAT(part.err, HasSubstr("no: NXDOMAIN: it is not"));
  EXPECT_EQ(nlohmann::json::parse(run({"get", "dns", "no", "-N", "shop", "-o", "json"}).out),
            nlohmann::json::array());
  EXPECT_EQ(run({"get", "dns"}).exit_code, 2);
}

TEST_F(Labctl, ReadsProbesFromAPipe) {
  const FakeLab lab("shop", answer);
  const ProgramResult result =
      run({"probe", "-f", "-", "-o", "jsonl"}, R"({"id":"q","from":"a","to":"b:80","expect":"refused"})"
                                               "\n");
  EXPECT_EQ(result.exit_code, 0) << to_string(result);
  EXPECT_EQ(nlohmann::json::parse(result.out)["id"], "q");
  EXPECT_EQ(run({"probe", "-f", "-"}, "oops\n").exit_code, 2);
  EXPECT_EQ(run({"probe", "-f", "-"}, "").exit_code, 4);
}

TEST_F(Labctl, ShowsWhereRefusedFilesAreWrong) {
  const FakeLab lab("shop", answer);
  const ProgramResult result = run({"apply", "-f", "-"}, "apiVersion: v1\n");
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(result.out, "");
  EXPECT_THAT(
      result.err,
      StartsWith("x.yaml:3:5: error: spec: must be a map\n  hint: indent it\nerror: 1 error in the files"));
}

TEST_F(Labctl, ShowsWhatADryRunOfApplyWouldChange) {
  nlohmann::json asked;
  const FakeLab lab("shop", [&](const api::Request& request) {
    asked = nlohmann::json::parse(request.body);
    api::Response response;
    response.body =
        R"({"diagnostics":[],"results":[{"apiVersion":"apps/v1","kind":"Deployment","namespace":"a",
      "name":"web","action":"configured","live":{"spec":{"replicas":1}},"merged":{"spec":{"replicas":2}}}]})";
    return response;
  });
  const ProgramResult result = run(
      {"apply", "-N", "a", "--dry-run", "--exit-code", "--prune", "-l", "app=web", "-f", "-"}, "kind: Pod\n");
  EXPECT_EQ(result.exit_code, 1) << to_string(result);
  EXPECT_EQ(result.out,
            "deployment.apps/web configured (dry run)\n--- live/apps.v1.Deployment.a.web\n"
            "+++ merged/apps.v1.Deployment.a.web\n@@ -1,2 +1,2 @@\n spec:\n-  replicas: 1\n+  replicas: 2\n");
  EXPECT_EQ(asked["namespace"], "a");
  EXPECT_EQ(asked["selector"], "app=web");
  EXPECT_EQ(asked["prune"], (nlohmann::json{{"all", false}, {"allowlist", nlohmann::json::array()}}));
  EXPECT_EQ(run({"apply", "--dry-run", "-f", "-"}, "kind: Pod\n").exit_code, 0);
  EXPECT_EQ(run({"apply", "--dry-run=server", "--exit-code", "-f", "-"}, "kind: Pod\n").exit_code, 1);
  EXPECT_EQ(run({"apply", "--dry-run=maybe", "-f", "-"}, "kind: Pod\n").exit_code, 2);
  EXPECT_EQ(run({"apply", "--dry-run=none", "--exit-code", "-f", "-"}, "kind: Pod\n").exit_code, 2);
  EXPECT_EQ(run({"apply", "--exit-code", "-f", "-"}, "kind: Pod\n").exit_code, 2);
  EXPECT_EQ(run({"apply", "--all", "-f", "-"}, "kind: Pod\n").exit_code, 2);
}

TEST_F(Labctl, TalksJsonWhenAsked) {
  const ProgramResult result = run({"get", "pods", "--log-format", "json"});
  const auto line = nlohmann::json::parse(result.err);
  EXPECT_EQ(line["level"], "error");
  EXPECT_EQ(line["message"], "no lab is up");
}

TEST_F(Labctl, ReportsOutputThatCouldNotBeWritten) {
  const ProgramResult result = shell("\"$LABCTL\" version > /dev/full");
  EXPECT_EQ(result.exit_code, 8);
  EXPECT_THAT(result.err, HasSubstr("write to stdout: No space left on device"));
}

TEST_F(Labctl, EndsQuietlyWhenItsReaderHasSeenEnough) {
  EXPECT_EQ(shell("\"$LABCTL\" --help | head -n 1 > /dev/null").err, "");
}

}  // namespace
}  // namespace labctl::commands
