#include "topology/kernel/program_lookup.hpp"

#include "tests/support/temp_dir.hpp"
#include "topology/base/error.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

namespace labctl::kernel {
namespace {

namespace fs = std::filesystem;

class ProgramLookup : public ::testing::Test {
 protected:
  void add(const std::string& file, fs::perms permissions) {
    fs::permissions(dir_.write(file, "#!/bin/sh\n"), permissions);
  }

  support::TempDir dir_;
  const std::string one_ = dir_.path() / "one", two_ = dir_.path() / "two";
  const std::string path_ = one_ + ":" + two_;
};

TEST_F(ProgramLookup, IsInstalledInAnyFolderOfThePath) {
  add("two/tool", fs::perms::owner_all);
  EXPECT_TRUE(is_installed("tool", path_));
  EXPECT_FALSE(is_installed("tool", one_));
  EXPECT_FALSE(is_installed("other", path_));
}

TEST_F(ProgramLookup, IsNotInstalledWhereItMayNotBeExecuted) {
  add("one/tool", fs::perms::owner_read);
  EXPECT_FALSE(is_installed("tool", path_));
}

TEST_F(ProgramLookup, PassesOverFoldersThatAreNoAbsolutePaths) {
  add("one/tool", fs::perms::owner_all);
  EXPECT_FALSE(is_installed("tool", ":.:one"));
}

TEST_F(ProgramLookup, FindsTheFirstThatMayBeExecuted) {
  add("one/tool", fs::perms::owner_read);
  add("two/tool", fs::perms::owner_all);
  EXPECT_EQ(find_program("tool", path_, "/", ""), two_ + "/tool");
}

TEST_F(ProgramLookup, SaysThatTheOnlyOneMayNotBeExecuted) {
  add("one/tool", fs::perms::owner_read);
  try {
    find_program("tool", path_, "/", "");
    FAIL() << "found";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::Permission);
  }
}

}  // namespace
}  // namespace labctl::kernel
