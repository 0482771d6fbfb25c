#include "labctl/kubelet/image_map.hpp"

#include <gtest/gtest.h>

namespace labctl::kubelet {
namespace {

using Way = ImageChoice::Way;

model::Container container(const std::string& image, const std::vector<std::string>& command = {},
                           const std::vector<std::string>& args = {}) {
  model::Container result;
  result.name = "web";
  result.image = image;
  result.command = command;
  result.args = args;
  return result;
}

TEST(ImageMap, GlobMatchesTheWholeName) {
  EXPECT_TRUE(model::matches_glob("nginx*", "nginx:1.25"));
  EXPECT_FALSE(model::matches_glob("nginx*", "docker.io/library/nginx:1.25"));
  EXPECT_TRUE(model::matches_glob("*/nginx:*", "docker.io/library/nginx:1.25"));
  EXPECT_TRUE(model::matches_glob("example.org/app:?", "example.org/app:2"));
  EXPECT_FALSE(model::matches_glob("example.org/app:?", "example.org/app:"));
  EXPECT_TRUE(model::matches_glob("*", ""));
  EXPECT_FALSE(model::matches_glob("", "x"));
  EXPECT_TRUE(model::matches_glob("a*b*c", "a-b-b-c"));
  EXPECT_FALSE(model::matches_glob("a*b*c", "a-b-b"));
}

TEST(ImageMap, HostRunsTheContainersOwnCommand) {
  const ImageChoice choice = choose(container("host", {"sleep"}, {"60"}), {});
  EXPECT_EQ(choice.way, Way::Host);
  EXPECT_EQ(choice.command, (std::vector<std::string>{"sleep", "60"}));
  EXPECT_EQ(choice.notice, "");
}

TEST(ImageMap, TheContainersStopSignalIsTaken) {
  model::Container quits = container("host", {"sleep"}, {"60"});
  EXPECT_EQ(choose(quits, {}).stop_signal, SIGTERM);
  quits.stop_signal = "SIGUSR1";
  EXPECT_EQ(choose(quits, {}).stop_signal, SIGUSR1);
  quits.stop_signal = "SIGRTMIN+3";
  EXPECT_EQ(choose(quits, {}).stop_signal, SIGRTMIN + 3);
  quits.image = "nginx";
  EXPECT_EQ(choose(quits, {{"nginx", {"sleep", "1"}, {}}}).stop_signal, SIGRTMIN + 3);
}

TEST(ImageMap, HostWithoutACommandIsAConfigurationError) {
  const ImageChoice choice = choose(container("host"), {});
  EXPECT_EQ(choice.way, Way::Invalid);
  EXPECT_EQ(choice.reason, "CreateContainerConfigError");
  EXPECT_EQ(choice.message, "container web: image host: runs the container's own command, and it has none");
}

TEST(ImageMap, FirstRuleThatMatchesCounts) {
  const std::vector<model::ImageRule> rules = {{"nginx:1.*", {"nginx-old"}, ""}, {"nginx*", {"nginx"}, ""}};
  EXPECT_EQ(choose(container("nginx:1.25"), rules).command, std::vector<std::string>{"nginx-old"});
  EXPECT_EQ(choose(container("nginx:2"), rules).command, std::vector<std::string>{"nginx"});
}

TEST(ImageMap, RulesCommandIsTheEntryPoint) {
  const std::vector<model::ImageRule> rules = {{"nginx*", {"nginx", "-g", "daemon off;"}, ""}};
  EXPECT_EQ(choose(container("nginx", {}, {"-c", "x"}), rules).command,
            (std::vector<std::string>{"nginx", "-g", "daemon off;", "-c", "x"}));
  EXPECT_EQ(choose(container("nginx", {"sh"}, {"-c", "x"}), rules).command,
            (std::vector<std::string>{"sh", "-c", "x"}));
}

TEST(ImageMap, RuleWithARootRunsFromThatFolder) {
  const std::vector<model::ImageRule> rules = {{"example.org/app:*", {}, "/srv/rootfs"}};
  const ImageChoice choice = choose(container("example.org/app:1", {"/app"}), rules);
  EXPECT_EQ(choice.way, Way::Root);
  EXPECT_EQ(choice.root, "/srv/rootfs");
  EXPECT_EQ(
      choice.notice,
      "image example.org/app:1: runs \"/app\" from /srv/rootfs, by the images entry \"example.org/app:*\"");
  EXPECT_EQ(choose(container("example.org/app:1"), rules).way, Way::Invalid);
}

TEST(ImageMap, AgnhostOfAnyRegistryIsBuiltIn) {
  for (const char* image :
       {"registry.k8s.io/e2e-test-images/agnhost:2.47", "k8s.gcr.io/e2e-test-images/agnhost:2.32",
        "localhost:5000/agnhost", "agnhost@sha256:0123"}) {
    const ImageChoice choice = choose(container(image, {}, {"netexec"}), {});
    EXPECT_EQ(choice.way, Way::BuiltIn) << image;
    EXPECT_NE(choice.notice.find("built-in server"), std::string::npos);
  }
}

TEST(ImageMap, UnknownImageIsStoodInForAndSaysSo) {
  const ImageChoice choice = choose(container("redis:7"), {});
  EXPECT_EQ(choice.way, Way::StandIn);
  EXPECT_EQ(choice.notice, "image redis:7: not mapped, so the built-in server stands in for it");
}

TEST(ImageMap, UnknownInitContainerIsSkippedAndSaysSo) {
  const ImageChoice choice = choose(container("busybox", {"sh", "-c", "sleep 1"}), {}, true);
  EXPECT_EQ(choice.way, Way::Skip);
  EXPECT_NE(choice.notice.find("taken as succeeded"), std::string::npos);
  EXPECT_EQ(choose(container("agnhost", {}, {"connect", "web:80"}), {}, true).way, Way::BuiltIn);
}

TEST(ImageMap, UnknownContainerOfAJobIsSkippedAndSaysSo) {
  model::Container job = container("shop/migrate:1", {"/app/migrate"});
  job.is_of_job = true;
  const ImageChoice choice = choose(job, {});
  EXPECT_EQ(choice.way, Way::Skip);
  EXPECT_EQ(choice.notice,
            "image shop/migrate:1: not mapped, so this container of a Job is taken as succeeded");
  job.image = "host";
  EXPECT_EQ(choose(job, {}).way, Way::Host);
}

TEST(ImageMap, WhatTheClusterForbidsIsAConfigurationError) {
  model::HostProgramPolicy policy{model::HostPrograms::None, {}, {}, {}};
  const auto way_of = [&](const model::Container& of) { return permitted(choose(of, {}), of, policy).way; };
  EXPECT_EQ(way_of(container("host", {"sleep"})), Way::Invalid);
  EXPECT_EQ(way_of(container("nginx")), Way::StandIn);
  policy = {model::HostPrograms::Listed, {}, {"sleep"}, {}};
  EXPECT_EQ(way_of(container("host", {"sleep", "1d"})), Way::Host);
  EXPECT_EQ(way_of(container("host", {"/tmp/sleep", "1d"})), Way::Invalid);
}

}  // namespace
}  // namespace labctl::kubelet
