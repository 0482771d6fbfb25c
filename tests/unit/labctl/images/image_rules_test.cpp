#include "labctl/images/image_rules.hpp"

#include "labctl/images/image_cache.hpp"
#include "tests/support/image_archives.hpp"
#include "tests/support/temp_dir.hpp"

#include <cstdlib>

#include <gtest/gtest.h>

namespace labctl::images {
namespace {

namespace fs = std::filesystem;

class ImageRulesTest : public ::testing::Test {
 protected:
  ImageRulesTest() { ::setenv("XDG_CACHE_HOME", (dir_.path() / "cache").c_str(), 1); }
  ~ImageRulesTest() override { ::unsetenv("XDG_CACHE_HOME"); }
  model::ImageRule rule(const std::string& archive) {
    model::ImageRule rule{"shop/*", {}, ""};
    rule.archive = archive;
    rule.where = {(dir_.path() / "lab/lab.yaml").string(), 7, 3};
    return rule;
  }
  support::TempDir dir_;
};

TEST_F(ImageRulesTest, ArchiveIsRelativeToTheFileThatNamesIt) {
  dir_.write("lab/lab.yaml", "");
  dir_.write("lab/shop.tar", support::docker_archive({{{"shop/web:1"}, {{{"app", "x"}}}}}));
  model::Cluster cluster;
  cluster.images = {rule("shop.tar"), rule("./shop.tar")};
  EXPECT_TRUE(find_images(cluster, Effort::Look).empty());
  ASSERT_EQ(cluster.images[0].files.size(), 1U);
  EXPECT_TRUE(cluster.images[0].files[0].root.empty());
  EXPECT_FALSE(fs::exists(dir_.path() / "cache"));
  EXPECT_TRUE(find_images(cluster, Effort::Unpack).empty());
  EXPECT_EQ(support::read_file(fs::path(cluster.images[0].files[0].root) / "app"), "x");
  EXPECT_EQ(cluster.images[1].files, cluster.images[0].files);
}

TEST_F(ImageRulesTest, WhatWasLookedAtAndIsUnpackedIsNotReadAgain) {
  dir_.write("lab/lab.yaml", "");
  dir_.write("lab/shop.tar", support::docker_archive({{{"shop/web:1"}, {{{"app", "x"}}}}}));
  model::Cluster looked_at;
  looked_at.images = {rule("shop.tar")};
  ASSERT_TRUE(find_images(looked_at, Effort::Look).empty());
  model::Cluster unpacked = looked_at;
  ASSERT_TRUE(find_images(unpacked, Effort::Unpack).empty());
  fs::remove(dir_.path() / "lab/shop.tar");
  model::Cluster again = looked_at;
  EXPECT_TRUE(find_images(again, Effort::Unpack).empty());
  EXPECT_EQ(again.images, unpacked.images);
  fs::remove_all(unpacked.images[0].files[0].root);
  EXPECT_EQ(find_images(looked_at, Effort::Unpack).size(), 1U);
}

TEST_F(ImageRulesTest, AllThatIsWrongIsSaidAtOnceWhereItIsNamed) {
  dir_.write("lab/lab.yaml", "");
  dir_.write("lab/text.tar", "no archive");
  model::Cluster cluster;
  cluster.images = {rule("text.tar"), rule("missing.tar")};
  const auto mistakes = find_images(cluster, Effort::Look);
  ASSERT_EQ(mistakes.size(), 2U);
  EXPECT_EQ(mistakes[0].where, cluster.images[0].where);
  EXPECT_EQ(mistakes[0].path, "spec.images[0].archive");
  EXPECT_NE(mistakes[0].message.find("text.tar: "), std::string::npos);
  EXPECT_NE(mistakes[1].message.find("No such file or directory"), std::string::npos);
}

}  // namespace
}  // namespace labctl::images
