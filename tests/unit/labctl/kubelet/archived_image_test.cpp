#include "labctl/kubelet/archived_image.hpp"

#include "labctl/kubelet/container_env.hpp"

#include <gtest/gtest.h>

#include <csignal>

namespace labctl::kubelet {
namespace {

using Way = ImageChoice::Way;
using Words = std::vector<std::string>;

model::Container container_of(const std::string& image, const Words& command = {}, const Words& args = {}) {
  model::Container container;
  container.name = "web";
  container.image = image;
  container.command = command;
  container.args = args;
  return container;
}

model::ImageRule shop() {
  model::ImageRule rule{"shop/*", {}, ""};
  rule.archive = "shop.tar";
  model::ImageFiles web{{"docker.io/shop/web:1"}, "sha256:1", "/cache/web", {}};
  web.config.entrypoint = {"/entry"};
  web.config.cmd = {"serve", "-v"};
  web.config.working_dir = "/srv";
  web.config.stop_signal = "SIGQUIT";
  web.config.env = {{"PATH", "/opt/bin"}, {"MODE", "image"}};
  rule.files = {web, {{"shop/api:2"}, "sha256:2", "/cache/api", {}}};
  return rule;
}

TEST(ArchivedImage, RunsAsItsConfigurationSays) {
  const ImageChoice choice = choose(container_of("shop/web:1"), {shop()});
  EXPECT_EQ(choice.way, Way::Root);
  EXPECT_EQ(choice.root, "/cache/web");
  EXPECT_EQ(choice.digest, "sha256:1");
  EXPECT_EQ(choice.command, (Words{"/entry", "serve", "-v"}));
  EXPECT_EQ(choice.working_dir, "/srv");
  EXPECT_EQ(choice.stop_signal, SIGQUIT);
  EXPECT_EQ(choice.notice, "image shop/web:1: runs from shop.tar, by the images entry \"shop/*\"");
}

TEST(ArchivedImage, CommandReplacesBothAndArgsOnlyTheImagesCommand) {
  EXPECT_EQ(choose(container_of("shop/web:1", {"sh"}), {shop()}).command, Words{"sh"});
  EXPECT_EQ(choose(container_of("shop/web:1", {}, {"-q"}), {shop()}).command, (Words{"/entry", "-q"}));
  EXPECT_EQ(choose(container_of("shop/web:1", {"sh"}, {"-c"}), {shop()}).command, (Words{"sh", "-c"}));
}

TEST(ArchivedImage, WhatHasNoCommandCannotBeMade) {
  const ImageChoice choice = choose(container_of("shop/api:2"), {shop()});
  EXPECT_EQ(choice.reason, "CreateContainerError");
  EXPECT_EQ(choice.message, "failed to generate container spec: no command specified");
}

TEST(ArchivedImage, WhatIsNotInTheArchiveCannotBePulled) {
  model::Container container = container_of("shop/web:2");
  const ImageChoice choice = choose(container, {shop()});
  EXPECT_EQ(choice.way, Way::Invalid);
  EXPECT_EQ(choice.reason, "ErrImagePull");
  EXPECT_EQ(choice.message,
            "Failed to pull image \"shop/web:2\": not found in shop.tar, which has docker.io/shop/web:1, "
            "shop/api:2");
  container.image_pull_policy = "Never";
  EXPECT_EQ(choose(container, {shop()}).reason, "ErrImageNeverPull");
}

TEST(ArchivedImage, OneImageNeedsNoName) {
  model::ImageRule rule = shop();
  rule.files.resize(1);
  rule.files[0].names.clear();
  EXPECT_EQ(choose(container_of("shop/anything"), {rule}).root, "/cache/web");
}

TEST(ArchivedImage, NameThatIsNoneIsInvalid) {
  EXPECT_EQ(choose(container_of("shop/Web"), {shop()}).reason, "InvalidImageName");
}

TEST(ArchivedImage, ItsVariablesAreBelowTheContainersOwn) {
  ContainerEnv env;
  env.base = {{"PATH", "/bin"}, {"HOME", "/root"}};
  env.own = {{"MODE", "pod"}};
  add_image_env(env, choose(container_of("shop/web:1"), {shop()}));
  const Environment wanted{{"HOME", "/root"}, {"PATH", "/opt/bin"}, {"MODE", "pod"}};
  EXPECT_EQ(env.whole(), wanted);
}

TEST(ArchivedImage, HomeOfItsUserIsBelowItsVariables) {
  ContainerEnv env;
  env.base = {{"HOME", "/root"}};
  model::ImageRule rule = shop();
  rule.files[0].config.user = "nginx";
  add_image_env(env, choose(container_of("shop/web:1"), {rule}), "/srv/nginx");
  EXPECT_EQ(env.find("HOME"), "/srv/nginx");
  rule.files[0].config.env = {{"HOME", "/own"}};
  const ImageChoice choice = choose(container_of("shop/web:1"), {rule});
  EXPECT_EQ(choice.user, "nginx");
  add_image_env(env, choice, "/srv/nginx");
  EXPECT_EQ(env.find("HOME"), "/own");
}

TEST(ArchivedImage, SignalsByNameAndNumber) {
  EXPECT_EQ(signal_named("SIGQUIT"), SIGQUIT);
  EXPECT_EQ(signal_named("WINCH"), SIGWINCH);
  EXPECT_EQ(signal_named("3"), 3);
  EXPECT_EQ(signal_named("SIGRTMIN+3"), SIGRTMIN + 3);
  for (const char* word : {"", "SIG", "0", "-1", "999", "SIGRTMIN+99", "SIGNOPE"}) {
    EXPECT_EQ(signal_named(word), std::nullopt) << word;
  }
}

}  // namespace
}  // namespace labctl::kubelet
