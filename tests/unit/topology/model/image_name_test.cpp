#include "topology/model/image_name.hpp"

#include <gtest/gtest.h>

namespace labctl::model {
namespace {

TEST(ImageName, ShortNamesAreCompleted) {
  EXPECT_EQ(whole_image_name("nginx"), "docker.io/library/nginx:latest");
  EXPECT_EQ(whole_image_name("shop/web:1"), "docker.io/shop/web:1");
  EXPECT_EQ(whole_image_name("localhost:5000/web"), "localhost:5000/web:latest");
  EXPECT_EQ(whole_image_name("registry.k8s.io/pause:3.9"), "registry.k8s.io/pause:3.9");
  EXPECT_EQ(whole_image_name("nginx:1@sha256:" + std::string(64, 'a')),
            "docker.io/library/nginx@sha256:" + std::string(64, 'a'));
}

TEST(ImageName, WhatIsNoNameIsRefused) {
  for (const char* name :
       {"", "Nginx", "a b", "shop//web", "web:", "web:-1", "-web", "web@sha256:12", "a___b", "/a"}) {
    EXPECT_EQ(whole_image_name(name), std::nullopt) << name;
  }
}

TEST(ImageName, NamesOfArchivesAreFound) {
  EXPECT_TRUE(is_image_named("docker.io/shop/web:1", "shop/web:1"));
  EXPECT_TRUE(is_image_named("localhost/shop/web:1", "shop/web:1"));
  EXPECT_TRUE(is_image_named("1.27", "nginx:1.27"));
  EXPECT_TRUE(is_image_named("nginx", "nginx"));
  EXPECT_FALSE(is_image_named("shop/web:1", "shop/web:2"));
  EXPECT_FALSE(is_image_named("shop/web:1", "other.example/shop/web:1"));
}

}  // namespace
}  // namespace labctl::model
