// Text of others in every form that labctl prints: a table of hostile texts by a table of outputs.

#include "labctl/graph/graph.hpp"
#include "labctl/report/host_report.hpp"
#include "labctl/report/lab_status.hpp"
#include "labctl/report/objects/describe.hpp"
#include "labctl/report/objects/describe_service.hpp"
#include "labctl/report/objects/resources.hpp"
#include "labctl/report/probe_results.hpp"
#include "labctl/report/tests/test_progress.hpp"
#include "labctl/report/tests/test_results.hpp"
#include "labctl/report/text/error_text.hpp"
#include "labctl/report/text/json_text.hpp"
#include "tests/support/obeyed.hpp"
#include "topology/base/printable.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <functional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace labctl::report {
namespace {

using Json = nlohmann::json;
using support::obeyed_in;

const std::vector<std::string>& hostile_texts() {
  static const std::vector<std::string> texts{
      "a\n::error file=x::y",
      "::set-output name=a::b",
      " \u3000::add-mask::b",
      "a\r\n  ::stop-commands::b",
      "\u2028::error::x",
      "##[error]x",
      "a ##[add-mask]x ##[x]",
      "##vso[task.setvariable variable=a]b",
      "##teamcity[testFailed]",
      "\x1b[0Ksection_start:1:x\r\x1b[0K",
      "\x1b[8mhidden",
      "\x1b]0;title\x07",
      "\u009b31m",
      "\x9b"
      "31m",
      "\x08\x7f\x0b\x0c",
      "\u202egpj",
      "\u2066x\u2069\u200e\u200f\u061c",
      "we\u200bb\ufeff",
      "\U000e0041",
      "\xff\xfe",
      "x \xef\xbf\xbe\xef\xbf\xbf y",
      "\xf4\x8f\xbf\xbf",
      "\xe2\x80",
  };
  return texts;
}

// The same object with this in every text of it, keys of maps that users fill
// included. What chooses a form stays.
Json filled_with(const Json& object, const std::string& text) {
  Json out = object;
  if (object.is_string() && object != "Pod" && object != "Node" && object != "Service" && object != "Event" &&
      object != "Deployment" && object != "Namespace") {
    out = text;
  } else if (object.is_array()) {
    for (Json& item : out) {
      item = filled_with(item, text);
    }
  } else if (object.is_object()) {
    for (auto& [key, value] : out.items()) {
      value = filled_with(value, text);
      if (key == "labels" || key == "annotations" || key == "nodeSelector" || key == "selector" ||
          key == "responses") {
        value = Json{{text, value.begin() == value.end() ? Json(text) : *value.begin()}};
      }
    }
  }
  return out;
}

const std::vector<Json>& hostile_objects() {
  static const std::vector<Json> all = Json::parse(R"([
    {"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","namespace":"b","labels":{"k":"v"},"annotations":{"k":"v"}},
     "spec":{"nodeName":"n","nodeSelector":{"k":"v"},"containers":[{"name":"c","image":"i","command":["x"],"args":["y"],
       "env":[{"name":"e","value":"v"}],"ports":[{"containerPort":80,"name":"p","protocol":"TCP"}]}]},
     "status":{"phase":"Running","reason":"r","message":"m","podIP":"1","hostIP":"2","podIPs":[{"ip":"1"}],
       "conditions":[{"type":"Ready","status":"True","reason":"r","message":"m"}],
       "containerStatuses":[{"name":"c","image":"i","restartCount":1,"ready":true,
         "state":{"waiting":{"reason":"CrashLoopBackOff","message":"m"}},
         "lastState":{"terminated":{"reason":"r","message":"m","exitCode":1,"finishedAt":"x","startedAt":"x"}}}]}},
    {"apiVersion":"v1","kind":"Node","metadata":{"name":"a","labels":{"k":"v"},"annotations":{"k":"v"}},
     "spec":{"podCIDR":"c","podCIDRs":["c"],"taints":[{"key":"k","value":"v","effect":"e"}]},
     "status":{"addresses":[{"type":"InternalIP","address":"1"}],"conditions":[{"type":"Ready","status":"True","reason":"r","message":"m"}],
       "nodeInfo":{"kernelVersion":"k","osImage":"o"}}},
    {"apiVersion":"v1","kind":"Service","metadata":{"name":"a","namespace":"b","labels":{"k":"v"}},
     "spec":{"type":"ClusterIP","clusterIP":"1","clusterIPs":["1"],"externalIPs":["2"],"externalName":"n","selector":{"k":"v"},
       "ports":[{"name":"p","port":80,"targetPort":"t","protocol":"TCP","nodePort":30000}],"sessionAffinity":"None"},
     "status":{"loadBalancer":{"ingress":[{"ip":"1","hostname":"h"}]}}},
    {"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"a","namespace":"b","labels":{"k":"v"},"annotations":{"k":"v"}},
     "spec":{"replicas":1,"selector":{"matchLabels":{"k":"v"}},"strategy":{"type":"t"},
       "template":{"metadata":{"labels":{"k":"v"}},"spec":{"containers":[{"name":"c","image":"i"}]}}},
     "status":{"conditions":[{"type":"t","status":"s","reason":"r"}]}},
    {"apiVersion":"v1","kind":"Namespace","metadata":{"name":"a"},"status":{"phase":"Active"},"other":{"field":["x",{"y":"z"}]}},
    {"apiVersion":"v1","kind":"Event","metadata":{"name":"a","namespace":"b"},"type":"Warning","reason":"r","message":"m",
     "involvedObject":{"kind":"k","name":"n","namespace":"b"},"source":{"component":"c"},"lastTimestamp":"x","firstTimestamp":"x"}
  ])");
  return all;
}

// Every object in a way of its own, `view` among them.
std::string hostile_gotten(const std::string& text, Format format, bool colours) {
  ResourceView view;
  view.format = format;
  view.with_labels = view.with_namespace = view.with_kind = true;
  view.palette = Palette(colours);
  std::ostringstream out;
  for (const Json& object : hostile_objects()) {
    print_resources(out, {filled_with(object, text)}, view);
    ResourceWatch watch(out, view);
    watch.list({filled_with(object, text)});
    watch.row(filled_with(object, text));
  }
  return out.str();
}

std::string hostile_described(const std::string& text) {
  std::ostringstream out;
  for (const Json& object : hostile_objects()) {
    const Json hostile = filled_with(object, text);
    print_description(out, hostile, {filled_with(hostile_objects().back(), text)},
                      {filled_with(hostile_objects().front(), text)}, std::chrono::system_clock::now());
  }
  return out.str();
}

std::string hostile_probed(const std::string& text) {
  std::ostringstream out;
  ProbeLine probe;
  probe.from = probe.to = probe.proto = text;
  probe.result.outcome = probes::Outcome::Refused;
  probe.result.backend = probe.result.error = probe.result.reason = text;
  probe.result.http = api::ProbeResult::Http{200, text, {{text, text}}};
  const api::ProbeResult::Query query{text, text, text, probes::Outcome::Timeout, 1, text};
  probe.result.dns =
      api::ProbeResult::Dns{text, 1, false, text, {text}, {text}, {text}, {text}, {query, query}};
  print_probe(out, probe, Palette(false), true);
  probe.result.responses = {{text, 1}, {text + "2", 2}};
  print_probe(out, probe, Palette(false), true);
  api::MatrixReply matrix{{{text, "a"}, {text}}, 1};
  matrix.reach.see(0, 0, {probes::Outcome::Refused, text, text});
  print_matrix(out, matrix, Palette(false));
  return out.str();
}

TestRun hostile_run_of(const std::string& text) {
  CheckResult check;
  check.name = check.message = check.details = check.explanation = check.where.file = text;
  check.where.line = 1;
  check.verdict = Verdict::Failed;
  ScenarioResult failed;
  failed.name = failed.file = failed.evidence = failed.evidence_note = failed.lab = text;
  failed.labels = {{text, text}};
  failed.checks = {check};
  ScenarioResult broken = failed;
  broken.checks.clear();
  broken.error = broken.hint = text;
  ScenarioResult skipped = failed;
  skipped.checks.clear();
  skipped.skipped = text;
  ScenarioResult flaky = failed;
  flaky.checks[0].verdict = Verdict::Passed;
  flaky.tries = 2;
  flaky.flaky = text;
  TestRun run;
  run.scenarios = {failed, broken, skipped, flaky};
  run.shard = run.host = text;
  run.residue = {text};
  return run;
}

std::string hostile_followed(const std::string& text, ProgressStyle style) {
  std::ostringstream out;
  const TestRun run = hostile_run_of(text);
  {
    TestProgress progress(out, Palette(false), {.style = style, .verbose = true, .width = 80});
    progress.run_started(run.scenarios.size());
    for (const ScenarioResult& scenario : run.scenarios) {
      progress.scenario_started(scenario);
      for (const CheckResult& check : scenario.checks) {
        progress.check_finished(scenario, check);
      }
      progress.scenario_finished(scenario);
    }
    progress.run_finished(run);
  }
  return out.str();
}

template <typename Write>
std::string hostile_written(Write write) {
  std::ostringstream out;
  write(out);
  return out.str();
}

std::string hostile_drawn(const std::string& text) {
  const Json graph =
      filled_with(Json::parse(R"({"mode":"routed","underlay":["u"],"router":{"name":"r","addresses":["1"]},
      "outside":[{"name":"o","addresses":["1"]}],
      "nodes":[{"name":"n","addresses":["1"],"podCIDRs":["c"],"pods":[{"namespace":"b","name":"p","ips":["1"],"link":"l"}]}]})"),
                  text);
  return hostile_written([&](std::ostream& out) {
    for (const graph::GraphFormat format :
         {graph::GraphFormat::Mermaid, graph::GraphFormat::Dot, graph::GraphFormat::Svg}) {
      graph::write_graph(out, graph, text, format);
    }
  });
}

std::string hostile_status(const std::string& text) {
  const Json status = filled_with(
      Json::parse(R"({"name":"n","phase":"p","createdAt":"x","nodes":"2","pods":{"ready":"1","total":"2"},
      "network":"r","families":["f"],"bootMs":"1","mode":"m","supervisorPid":"1","directory":"d"})"),
      text);
  return hostile_written([&](std::ostream& out) {
    print_lab_is_up(out, status, Palette(false));
    print_lab_status(out, status, Palette(false), std::chrono::system_clock::now());
  });
}

struct Output {
  const char* name;
  std::function<std::string(const std::string&)> of;
};

const std::vector<Output>& outputs() {
  static const std::vector<Output> all{
      {"get", [](const auto& text) { return hostile_gotten(text, Format::Table, false); }},
      {"get -o wide", [](const auto& text) { return hostile_gotten(text, Format::Wide, false); }},
      {"get -o name", [](const auto& text) { return hostile_gotten(text, Format::Name, false); }},
      {"get -o yaml", [](const auto& text) { return hostile_gotten(text, Format::Yaml, false); }},
      {"get -o json", [](const auto& text) { return hostile_gotten(text, Format::Json, false); }},
      {"get -o jsonl", [](const auto& text) { return hostile_gotten(text, Format::JsonLines, false); }},
      {"describe", hostile_described},
      {"probe and matrix", hostile_probed},
      {"graph", hostile_drawn},
      {"up and status", hostile_status},
      {"test, one", [](const auto& text) { return hostile_followed(text, ProgressStyle::Follow); }},
      {"test, many", [](const auto& text) { return hostile_followed(text, ProgressStyle::Dated); }},
      {"--junit",
       [](const auto& text) {
         return hostile_written([&](auto& out) { write_junit(out, hostile_run_of(text)); });
       }},
      {"--tap",
       [](const auto& text) {
         return hostile_written([&](auto& out) { write_tap(out, hostile_run_of(text)); });
       }},
      {"--jsonl",
       [](const auto& text) {
         return hostile_written([&](auto& out) { write_jsonl(out, hostile_run_of(text)); });
       }},
      {"--code-quality",
       [](const auto& text) {
         return hostile_written([&](auto& out) { write_code_quality(out, hostile_run_of(text)); });
       }},
      {"test -o json", [](const auto& text) { return json_text(to_json(hostile_run_of(text)), 2); }},
      {"errors",
       [](const auto& text) {
         return hostile_written([&](auto& out) {
           print_error(out, text, text);
           print_message(out, "", text, text);
           print_diagnostics(out, {{Severity::Error, {text, 1, 1}, text, text, text}});
           HostItem item;
           item.title = item.value = item.message = item.remedy = text;
           print_host_report(out, {item}, false, Format::Table, Palette(false));
         });
       }},
  };
  return all;
}

TEST(HostileText, IsObeyedInNoOutput) {
  for (const Output& output : outputs()) {
    for (const std::string& text : hostile_texts()) {
      EXPECT_EQ(obeyed_in(output.of(text)), "") << output.name << " of " << printable(text);
    }
  }
}

TEST(HostileText, MakesNoLinesOfItsOwnWhereALineIsAThing) {
  for (const Output& output : outputs()) {
    const std::string name = output.name;
    if (name == "get" || name == "get -o wide" || name == "get -o name" || name == "--tap" ||
        name == "--jsonl" || name == "probe and matrix" || name == "up and status") {
      const auto lines = [&](const std::string& text) {
        const std::string shown = output.of(text);
        return std::count(shown.begin(), shown.end(), '\n');
      };
      EXPECT_EQ(lines("a\nb\r\nc"), lines("a b c")) << name;
    }
  }
}

TEST(HostileText, IsNotColouredByItself) {
  for (const Format format : {Format::Table, Format::Wide}) {
    const std::string shown = hostile_gotten("\x1b[8mhidden", format, true);
    EXPECT_THAT(shown, testing::Not(testing::HasSubstr("\x1b[8m")));
    EXPECT_THAT(shown, testing::HasSubstr("\x1b[31m")) << "ours is put on";
  }
}

TEST(HostileText, BeginsNoAnnotationButOurs) {
  for (const std::string& text : hostile_texts()) {
    std::istringstream lines(
        hostile_written([&](std::ostream& out) { write_github_annotations(out, hostile_run_of(text)); }));
    int count = 0;
    for (std::string line; std::getline(lines, line); ++count) {
      EXPECT_TRUE(line.starts_with("::error ") || line.starts_with("::warning ")) << printable(line);
      EXPECT_EQ(find_ci_command(line, false), std::string::npos) << printable(line);
    }
    EXPECT_EQ(count, 4) << printable(text);
  }
}

TEST(HostileText, IsTheSameValueForWhoReadsJson) {
  for (const std::string& text : hostile_texts()) {
    const Json value{{text, {text, 1}}};
    const Json seen = Json::parse(value.dump(-1, ' ', false, Json::error_handler_t::replace));
    EXPECT_EQ(Json::parse(json_text(value)), seen) << printable(text);
    EXPECT_EQ(Json::parse(json_text(value, 2)), seen) << printable(text);
  }
}

}  // namespace
}  // namespace labctl::report
