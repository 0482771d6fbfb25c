#include "topology/model/webhook_secret.hpp"

#include <gtest/gtest.h>

namespace labctl::model {
namespace {

const std::string kImage = "registry.k8s.io/ingress-nginx/kube-webhook-certgen:v1.5.0@sha256:abcd";

TEST(WebhookSecret, IsWhatTheProgramsFlagsSay) {
  const auto made = webhook_secret_of(
      kImage, {"create", "--host=hook,hook.shop.svc", "--namespace=shop", "--secret-name=hook-admission"});
  EXPECT_EQ(made, (WebhookSecret{"shop", "hook-admission", {"hook", "hook.shop.svc"}}));
}

TEST(WebhookSecret, AFlagMayHaveItsValueBehindIt) {
  const auto made =
      webhook_secret_of("kube-webhook-certgen", {"/kube-webhook-certgen", "create", "--secret-name", "a",
                                                 "--cert-name", "tls.crt", "--key-name=tls.key"});
  EXPECT_EQ(made, (WebhookSecret{"", "a", {}, "ca", "tls.crt", "tls.key"}));
}

TEST(WebhookSecret, OtherProgramsAndOtherCommandsMakeNone) {
  EXPECT_FALSE(webhook_secret_of("registry.k8s.io/certgen", {"create", "--secret-name=a"}));
  EXPECT_FALSE(webhook_secret_of("kube-webhook-certgen/tool", {"create", "--secret-name=a"}));
  EXPECT_FALSE(webhook_secret_of(kImage, {"patch", "--secret-name=a"}));
}

TEST(WebhookSecret, WhatNoSecretCanBeCalledIsNotMade) {
  for (const char* name : {"", "A", "a/b", "-a", "a\nb", "../a", "$(NAME)"}) {
    EXPECT_FALSE(webhook_secret_of(kImage, {"create", "--secret-name=" + std::string(name)})) << name;
  }
  EXPECT_FALSE(webhook_secret_of(kImage, {"create", "--secret-name=a", "--cert-name=../cert"}));
  EXPECT_FALSE(webhook_secret_of(kImage, {"create", "--secret-name=" + std::string(254, 'a')}));
  EXPECT_FALSE(webhook_secret_of(kImage, {"create", "--secret-name"}));
}

TEST(WebhookSecret, AHostThatIsNoneIsLeftOut) {
  const auto made =
      webhook_secret_of(kImage, {"create", "--secret-name=a", "--host=web,email:a@b,,DNS:x,10.0.0.1"});
  ASSERT_TRUE(made);
  EXPECT_EQ(made->hosts, (std::vector<std::string>{"web", "10.0.0.1"}));
}

}  // namespace
}  // namespace labctl::model
