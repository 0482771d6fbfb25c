// Fields that run programs of the host: told of, or refused where the Cluster or the command line forbids them.

#include "topology/manifest/loader.hpp"

#include <gmock/gmock.h>

#include <string>
#include <vector>

namespace labctl::manifest {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

std::string cluster_with(const std::string& spec) {
  return "apiVersion: labctl.dev/v1alpha1\nkind: Cluster\nmetadata: {name: c}\nspec: {" + spec + "}\n---\n";
}

std::string pod_of(const std::string& container) {
  return "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n  containers:\n  - {name: main, " +
         container + "}\n";
}

// "E path: message" of each; warnings by their subject.
std::vector<std::string> said_of(const std::string& text, LoadOptions options = {}) {
  options.tells_host_programs = true;
  std::vector<std::string> said;
  for (const Diagnostic& one : load({{"f.yaml", text}}, options).diagnostics) {
    if (one.severity == Severity::Error) {
      said.push_back("E " + std::to_string(one.where.line) + " " + one.path);
    } else if (one.topic == Topic::HostProgram) {
      said.push_back("W " + one.subject + " " + std::to_string(one.times));
    }
  }
  return said;
}

constexpr const char* kHostPod =
    "image: host, command: [sleep, 1d], readinessProbe: {exec: {command: [test]}}";

TEST(HostProgramCheck, WhatRunsProgramsIsToldOf) {
  EXPECT_THAT(said_of(pod_of(kHostPod)), ElementsAre("W image: host 1", "W readinessProbe 1"));
  EXPECT_THAT(said_of(cluster_with("images: [{match: \"x*\", command: [x]}]") + pod_of("image: x:1")),
              ElementsAre("W images 1"));
}

// The rows of what a plain manifest could once run on the host.
TEST(HostProgramCheck, NothingRunsOfAnImageThatIsStoodInFor) {
  const std::string exec = "{exec: {command: [touch, /tmp/x]}}";
  const std::string pod = pod_of("image: nginx, command: [sh], args: [-c, x], startupProbe: " + exec +
                                 ", readinessProbe: " + exec + ", livenessProbe: " + exec +
                                 ", lifecycle: {postStart: " + exec + ", preStop: " + exec + "}");
  EXPECT_THAT(said_of(pod), IsEmpty());
  EXPECT_THAT(said_of(cluster_with("hostPrograms: none") + pod), IsEmpty());
  EXPECT_THAT(said_of(cluster_with("hostPrograms: none, standIns: {probes: asWritten}") + pod), SizeIs(5));
}

TEST(HostProgramCheck, AnImageOfAnArchiveRunsItsOwn) {
  EXPECT_THAT(said_of(cluster_with("hostPrograms: none, images: [{match: \"x*\", archive: x.tar}]") +
                      pod_of("image: x:1, command: [sh], readinessProbe: {exec: {command: [test]}}")),
              IsEmpty());
}

TEST(HostProgramCheck, NoneRefusesEachWhereItStands) {
  const std::string text =
      cluster_with("hostPrograms: none, images: [{match: \"x*\", command: [x]}, {match: y, root: /y}]") +
      pod_of(kHostPod);
  EXPECT_THAT(said_of(text),
              ElementsAre("E 4 spec.images[0]", "E 4 spec.images[1]", "E 11 spec.containers[0].image",
                          "E 11 spec.containers[0].readinessProbe.exec"));
}

TEST(HostProgramCheck, ListedAreThoseOfTheClusterAlone) {
  const std::string cluster = cluster_with(
      "hostPrograms: listed, allowedHostPrograms: [sleep], images: [{match: \"x*\", command: [x]}]");
  EXPECT_THAT(said_of(cluster + pod_of("image: host, command: [sleep, 1d]")),
              ElementsAre("W images 1", "W image: host 1"));
  EXPECT_THAT(said_of(cluster + pod_of("image: host, command: [x]")),
              ElementsAre("W images 1", "W image: host 1"));
  EXPECT_THAT(said_of(cluster + pod_of("image: x:1, command: [sh, -c, reboot]")),
              ElementsAre("W images 1", "E 11 spec.containers[0].command"));
  EXPECT_THAT(said_of(cluster + pod_of("image: x:1, livenessProbe: {exec: {command: [sh]}}")),
              ElementsAre("W images 1", "E 11 spec.containers[0].livenessProbe.exec"));
}

TEST(HostProgramCheck, TheCommandLineCountsAndTheClusterDoesNot) {
  LoadOptions none;
  none.host_programs = model::HostPrograms::None;
  EXPECT_THAT(said_of(cluster_with("hostPrograms: all") + pod_of(kHostPod), none), SizeIs(2));
  EXPECT_THAT(load({{"f.yaml", pod_of(kHostPod)}}, none).diagnostics.front().message,
              HasSubstr("--host-programs none forbids"));
  LoadOptions all;
  all.host_programs = model::HostPrograms::All;
  EXPECT_THAT(said_of(cluster_with("hostPrograms: none") + pod_of(kHostPod), all), SizeIs(2));
}

TEST(ClusterStore, IsAskedElsewhereOnlyWhenTheCommandLineSaysSo) {
  for (const char* here : {"127.0.0.1", "127.1.2.3", "localhost", "[::1]"}) {
    EXPECT_THAT(said_of(cluster_with("store: \"etcd://" + std::string(here) + ":2379\"")), IsEmpty()) << here;
  }
  for (const char* there : {"10.0.0.1", "example.org", "[2001:db8::1]", "localhost.example.org",
                            "127.0.0.1.example.org", "[::ffff:10.0.0.1]", "0.0.0.0"}) {
    const std::string cluster = cluster_with("store: \"etcd://" + std::string(there) + ":2379\"");
    EXPECT_THAT(said_of(cluster), ElementsAre("E 4 spec.store")) << there;
    LoadOptions allowed;
    allowed.allows_remote_store = true;
    EXPECT_THAT(said_of(cluster, allowed), IsEmpty()) << there;
  }
}

TEST(HostProgramCheck, WorkloadsAndShellOfAgnhostAreLookedInto) {
  LoadOptions none;
  none.host_programs = model::HostPrograms::None;
  const auto job = [](const std::string& image) {
    return "apiVersion: batch/v1\nkind: Job\nmetadata: {name: j}\nspec: {template: {spec: {restartPolicy: "
           "Never, containers: [{name: c, image: " +
           image + ", command: [x], livenessProbe: {exec: {command: [y]}}}]}}}\n";
  };
  EXPECT_THAT(said_of(job("host"), none), SizeIs(2));
  EXPECT_THAT(said_of(job("busybox"), none), IsEmpty());
  const std::string shell =
      ", args: [netexec], livenessProbe: {httpGet: {path: \"/shell?cmd=id\", port: 80}}";
  EXPECT_THAT(said_of(pod_of("image: agnhost" + shell), none),
              ElementsAre("E 6 spec.containers[0].livenessProbe.httpGet.path"));
  EXPECT_THAT(said_of(pod_of("image: nginx" + shell), none), IsEmpty());
}

}  // namespace
}  // namespace labctl::manifest
