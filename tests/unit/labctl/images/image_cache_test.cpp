#include "labctl/images/image_cache.hpp"

#include "tests/support/image_archives.hpp"
#include "tests/support/temp_dir.hpp"
#include "topology/base/error.hpp"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace labctl::images {
namespace {

namespace fs = std::filesystem;

class ImageCacheTest : public ::testing::Test {
 protected:
  CachedImage provide(const std::string& text) {
    ImageCache cache = ImageCache::open(place_);
    const fs::path path = dir_.write("shop.tar", support::docker_archive({{{"shop:1"}, {{{"app", text}}}}}));
    const auto archive = ImageArchive::open(path);
    return cache.provide(*archive, images_of(*archive).at(0), path.string());
  }
  long entries() const { return std::distance(fs::directory_iterator(place_), fs::directory_iterator()); }
  support::TempDir dir_;
  fs::path place_ = dir_.path() / "cache" / "images";
};

TEST_F(ImageCacheTest, UnpacksOnceAndAgainWhenTheArchiveChanges) {
  const CachedImage first = provide("1");
  EXPECT_EQ(support::read_file(first.root / "app"), "1");
  EXPECT_EQ(provide("1").unpacked_at, first.unpacked_at);
  EXPECT_EQ(entries(), 1);
  const CachedImage second = provide("2");
  EXPECT_NE(second.digest, first.digest);
  EXPECT_EQ(support::read_file(second.root / "app"), "2");
  EXPECT_EQ(ImageCache::open(place_).list().size(), 2U);
}

TEST_F(ImageCacheTest, KeepsWhoseFilesWere) {
  ImageCache cache = ImageCache::open(place_);
  using Type = support::TarEntry::Type;
  const fs::path path = dir_.write(
      "shop.tar",
      support::docker_archive(
          {{{"shop:1"},
            {{{"data", "", Type::Folder, 0700, 999}, {"app", "x"}, {"mine", "", Type::File, 0644, 7}},
             {{"mine", "again"}}}}}));
  const auto archive = ImageArchive::open(path);
  const std::string digest = cache.provide(*archive, images_of(*archive).at(0), path.string()).digest;
  EXPECT_EQ(cache.find(digest)->owners, FileOwners({{"data", 999, 999}}));
}

TEST_F(ImageCacheTest, IsForItsUserAlone) {
  provide("1");
  struct stat status {};
  ASSERT_EQ(::stat(place_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0700U);
  fs::permissions(place_, fs::perms::all);
  EXPECT_THROW(ImageCache::open(place_), Error);
}

TEST_F(ImageCacheTest, WhatWasInterruptedIsNotUsedAndGoes) {
  ImageCache cache = ImageCache::open(place_);
  fs::create_directories(place_ / ".unpack-abcdef" / "root");
  EXPECT_TRUE(cache.list().empty());
  EXPECT_EQ(cache.remove_leftovers(), 1U);
  EXPECT_EQ(entries(), 0);
}

TEST_F(ImageCacheTest, AFolderThatIsNotWholeIsReplaced) {
  const CachedImage image = provide("1");
  fs::remove_all(image.root);
  EXPECT_EQ(support::read_file(provide("1").root / "app"), "1");
}

TEST_F(ImageCacheTest, AnArchiveThatIsRefusedLeavesNothing) {
  ImageCache cache = ImageCache::open(place_);
  const fs::path path =
      dir_.write("bad.tar", support::docker_archive({{{"bad:1"}, {{{"../../evil", "x"}}}}}));
  const auto archive = ImageArchive::open(path);
  EXPECT_THROW(cache.provide(*archive, images_of(*archive).at(0), path.string()), Error);
  EXPECT_EQ(entries(), 0);
  EXPECT_FALSE(fs::exists(dir_.path() / "evil"));
}

TEST_F(ImageCacheTest, RemovesByDigest) {
  const CachedImage image = provide("1");
  ImageCache cache = ImageCache::open(place_);
  EXPECT_TRUE(cache.remove(image.digest));
  EXPECT_FALSE(cache.remove(image.digest));
  EXPECT_THROW(cache.remove("../shop.tar"), Error);
  EXPECT_EQ(entries(), 0);
}

TEST_F(ImageCacheTest, ProcessesMayUnpackTheSameAtOnce) {
  const fs::path path =
      dir_.write("shop.tar", support::docker_archive({{{"shop:1"}, {{{"app", std::string(1 << 20, 'x')}}}}}));
  std::vector<pid_t> children;
  for (int i = 0; i < 8; ++i) {
    const pid_t child = ::fork();
    if (child == 0) {
      int code = 1;
      try {
        ImageCache cache = ImageCache::open(place_);
        const auto archive = ImageArchive::open(path);
        code = fs::file_size(cache.provide(*archive, images_of(*archive).at(0), path.string()).root /
                             "app") == (1U << 20)
                   ? 0
                   : 2;
      } catch (const std::exception& error) {
        ::dprintf(STDERR_FILENO, "%s\n", error.what());
      }
      ::_exit(code);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  EXPECT_EQ(entries(), 1);
}

}  // namespace
}  // namespace labctl::images
