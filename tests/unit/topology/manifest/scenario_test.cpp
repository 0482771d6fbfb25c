#include "topology/manifest/loader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace labctl::manifest {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

Loaded load_steps(const std::string& steps) {
  return load(
      {{"t.yaml",
        "apiVersion: labctl.dev/v1alpha1\nkind: Scenario\nmetadata: {name: demo, labels: {topic: pods}}\n"
        "spec:\n  cluster: {nodes: 2}\n  apply: [manifests/]\n  steps:\n" +
            steps}},
      {});
}

std::vector<std::string> said_of_step(const std::string& step) {
  std::vector<std::string> out;
  for (const Diagnostic& d : load_steps("  - {name: one, " + step + "}\n").diagnostics) {
    out.push_back((d.severity == Severity::Error ? "E " : "W ") + d.path + ": " + d.message);
  }
  return out;
}

TEST(Scenario, EveryVerbIsUnderstood) {
  for (const char* step :
       {"probe: {from: pod/default/a, to: 'pod/default/b:80'}, within: 5s, for: 2s",
        "probe: {from: node/node-1, to: 'http://web/hostname', count: 3, sourcePort: 4000, http: {method: "
        "POST, headers: {a: b}}, "
        "expect: {outcome: [ok, refused], backends: [pod/default/b], source: node/node-1, status: 200, body: "
        "{contains: x}}}",
        "probe: {from: outside/client, to: svc/default/web:80, proto: dns, dns: {name: www.example.org, "
        "type: A}}",
        "probe: {from: pod/default/a, dns: {name: web, type: AAAA, server: 10.96.0.10, tcp: true, recurse: "
        "false, "
        "edns: false}, expect: {outcome: [ok, dns_nodata], rcode: NOERROR, answers: [10.96.0.7], flags: "
        "[aa], "
        "authority: [SOA], queries: 4, queryNames: [web.default.svc.cluster.local]}}",
        "probe: {from: pod/default/a, to: 'dns:web/A', dns: {tcp: true}}",
        "exec: {in: pod/default/a, container: main, command: [cat, /etc/hosts], expect: {code: 0, stdout: "
        "{matches: '^1'}}}",
        "wait: {for: node/node-1, condition: Ready, timeout: 1m}",
        "wait: {for: statefulset/shop/db, pointer: /status/readyReplicas, equals: 3}",
        "apply: more.yaml",
        "apply: [a.yaml, b/]",
        "delete: pod/default/a",
        "delete: [namespace/shop, a.yaml]",
        "scale: {ref: deployment/default/web, replicas: 0}",
        "label: {ref: pod/default/a, remove: [x]}",
        "patch: {ref: service/default/web, merge: {spec: {type: null}}}",
        "patch: {ref: pod/default/a, merge: {}, subresource: status, expect: {refused: immutable}}",
        "apply: {files: [a.yaml, b/], expect: {refused: {matches: 'range.*full'}}}",
        "get: {kind: services, expect: {count: 2}}, within: 5s",
        "get: {kind: endpointslices, namespace: default, selector: 'kubernetes.io/service-name=web', "
        "pointer: "
        "/endpoints/*/addresses/0, expect: {values: [10.244.1.2, '${ip}', 3]}}, for: 1s, cases: [{ip: "
        "10.244.2.2}]",
        "get: {kind: svc, name: web, pointer: /spec/clusterIP, expect: {equals: 10.96.0.5, matches: ^10}}",
        "resync: {}",
        "resync: {expect: {mended: 0}}",
        "matrix: {}, for: 1s",
        "matrix: {proto: udp, port: 53, from: [pod/default/a], to: [pod/default/b], expect: {outcome: "
        "ok}}"}) {
    EXPECT_THAT(said_of_step(step), IsEmpty()) << step;
  }
}

TEST(Scenario, VariablesMayStandWhereNumbersAndNamesDo) {
  EXPECT_THAT(
      said_of_step("probe: {from: '${from}', to: '${to}', count: '${n}', timeout: '${t}', expect: {outcome: "
                   "'${o}', status: '${s}'}}, "
                   "cases: [{from: pod/default/a, to: web, n: 3, t: 1s, o: ok, s: 200}]"),
      IsEmpty());
}

TEST(Scenario, AProbeSaysOnceWhatItAsks) {
  EXPECT_THAT(said_of_step("probe: {from: pod/default/a}"),
              ElementsAre("E spec.steps[0].probe: a probe needs to, or dns with a name"));
  EXPECT_THAT(said_of_step("probe: {from: pod/default/a, dns: {tcp: true}}"),
              ElementsAre("E spec.steps[0].probe: a probe needs to, or dns with a name"));
  EXPECT_THAT(
      said_of_step("probe: {from: pod/default/a, to: 'dns:web', dns: {type: A}}"),
      ElementsAre("E spec.steps[0].probe.dns.type: to says what is asked, and whom, so dns cannot have "
                  "type"));
  EXPECT_THAT(
      said_of_step("probe: {from: pod/default/a, to: '10.0.0.1:53', proto: dns, dns: {name: web, server: "
                   "10.0.0.2}}"),
      ElementsAre("E spec.steps[0].probe.dns.server: to names the server, so dns cannot have server"));
}

TEST(Scenario, ReservedVerbsAndSleepAreRefused) {
  EXPECT_THAT(said_of_step("fault: {node: node-1}"),
              ElementsAre("E spec.steps[0].fault: the verb fault is not supported yet"));
  EXPECT_THAT(said_of_step("heal: {node: node-1}"),
              ElementsAre("E spec.steps[0].heal: the verb heal is not supported yet"));
  EXPECT_THAT(
      said_of_step("sleep: 5s"),
      ElementsAre(
          "E spec.steps[0].sleep: sleep is not a verb: a step waits for a condition, never for a time"));
}

TEST(Scenario, AMisspeltVerbIsNamed) {
  EXPECT_THAT(
      said_of_step("prob: {from: pod/default/a, to: x}"),
      ElementsAre("E spec.steps[0]: a step needs a verb", "W spec.steps[0].prob: unknown field in step"));
}

TEST(Scenario, ItsClusterIsCheckedAsAClusterIs) {
  const Loaded loaded = load({{"t.yaml",
                               "apiVersion: labctl.dev/v1alpha1\nkind: Scenario\nmetadata: {name: x}\nspec:\n"
                               "  cluster: {nodes: 0}\n  steps: [{name: a, apply: x.yaml}]\n"}},
                             {});
  EXPECT_EQ(loaded.diagnostics.at(0).path, "spec.cluster.nodes");
  EXPECT_THAT(loaded.scenarios, IsEmpty());
}

TEST(Scenario, ItsClusterMayBeAPath) {
  EXPECT_THAT(load({{"t.yaml",
                     "apiVersion: labctl.dev/v1alpha1\nkind: Scenario\nmetadata: {name: x}\nspec:\n"
                     "  cluster: ../cluster.yaml\n  steps: [{name: a, apply: x.yaml}]\n"}},
                   {})
                  .diagnostics,
              IsEmpty());
}

TEST(Scenario, KeepsThePositionOfEveryValue) {
  const Loaded loaded = load_steps("  - name: up\n    wait: {for: pod/default/a, condition: Ready}\n");
  ASSERT_THAT(loaded.scenarios, SizeIs(1));
  const Object& scenario = loaded.scenarios[0];
  EXPECT_EQ(scenario.json["spec"]["steps"][0]["wait"]["condition"], "Ready");
  EXPECT_EQ(scenario.positions.at("/spec/steps/0/wait"), (SourcePosition{"t.yaml", 9, 11}));
  EXPECT_EQ(scenario.positions.at("/spec/steps/0/name"), (SourcePosition{"t.yaml", 8, 11}));
  EXPECT_EQ(scenario.positions.at(""), (SourcePosition{"t.yaml", 1, 1}));
}

TEST(Probe, IsAListOfProbes) {
  const Loaded loaded =
      load({{"t.yaml",
             "apiVersion: labctl.dev/v1alpha1\nkind: Probe\nmetadata: {name: basics}\nspec:\n"
             "  probes: [{name: ping, from: node/node-1, to: pod/default/a, proto: icmp, within: 5s}]\n"}},
           {});
  EXPECT_THAT(loaded.diagnostics, IsEmpty());
  ASSERT_THAT(loaded.scenarios, SizeIs(1));
  EXPECT_EQ(loaded.scenarios[0].kind, "Probe");
}

// RFC 7396: it takes the field away.
TEST(Scenario, NullsOfAMergePatchAreKept) {
  const Loaded loaded =
      load_steps("  - {name: one, patch: {ref: service/default/web, merge: {spec: {a: null, b: 1}}}}\n");
  ASSERT_THAT(loaded.scenarios, SizeIs(1));
  const nlohmann::json& merge = loaded.scenarios[0].json["spec"]["steps"][0]["patch"]["merge"];
  EXPECT_EQ(merge, nlohmann::json::parse(R"({"spec":{"a":null,"b":1}})"));
}

}  // namespace
}  // namespace labctl::manifest
