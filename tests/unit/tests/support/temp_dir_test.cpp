#include "tests/support/temp_dir.hpp"

#include "topology/base/error.hpp"

#include <gtest/gtest.h>

#include <utility>

namespace labctl::support {
namespace {

TEST(TempDir, IsRemovedWithItsContent) {
  std::filesystem::path path;
  {
    const TempDir dir;
    path = dir.path();
    dir.write("a/b/c.txt", "text");
    EXPECT_EQ(read_file(path / "a/b/c.txt"), "text");
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(TempDir, TwoAreApart) {
  const TempDir one;
  const TempDir two;
  EXPECT_NE(one.path(), two.path());
}

TEST(TempDir, MovedFromRemovesNothing) {
  TempDir one;
  const TempDir two = std::move(one);
  EXPECT_TRUE(std::filesystem::exists(two.path()));
}

TEST(ReadFile, AbsentFileIsNotFound) {
  try {
    read_file("/nowhere/at/all");
    FAIL() << "nothing thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::NotFound);
  }
}

}  // namespace
}  // namespace labctl::support
