#include "topology/manifest/source.hpp"

#include "tests/support/temp_dir.hpp"
#include "topology/base/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

namespace labctl::manifest {
namespace {

using testing::ElementsAre;

ErrorKind kind_of_failure(const std::vector<std::string>& paths) {
  try {
    read_sources(paths);
  } catch (const Error& error) {
    return error.kind();
  }
  return ErrorKind::Internal;
}

TEST(ReadSources, TakesAFileOfAnyName) {
  const support::TempDir dir;
  const std::string path = dir.write("lab.txt", "a: 1\n").string();
  const auto sources = read_sources({path});
  ASSERT_EQ(sources.size(), 1u);
  EXPECT_EQ(sources[0].name, path);
  EXPECT_EQ(sources[0].text, "a: 1\n");
}

TEST(ReadSources, TakesAFolderSortedAndWithItsFolders) {
  const support::TempDir dir;
  for (const char* name : {"b.yml", "a.yaml", "sub/c.json", "notes.md", ".hidden.yaml", ".git/d.yaml"}) {
    dir.write(name, "");
  }
  std::vector<std::string> names;
  for (const Source& source : read_sources({dir.path().string()})) {
    names.push_back(std::filesystem::relative(source.name, dir.path()).string());
  }
  EXPECT_THAT(names, ElementsAre("a.yaml", "b.yml", "sub/c.json"));
}

TEST(ReadSources, CutsEndlessFilesBehindTheLimit) {
  const auto sources = read_sources({"/dev/zero"});
  EXPECT_GT(sources.at(0).text.size(), kSourceSizeMax);
  EXPECT_LT(sources.at(0).text.size(), kSourceSizeMax + (1u << 20));
}

TEST(ReadSources, SaysWhatIsNotThere) {
  const support::TempDir dir;
  EXPECT_EQ(kind_of_failure({(dir.path() / "missing.yaml").string()}), ErrorKind::NotFound);
  EXPECT_EQ(kind_of_failure({dir.path().string()}), ErrorKind::NotFound);
  EXPECT_EQ(kind_of_failure({"-", "-"}), ErrorKind::InvalidInput);
}

TEST(ReadSources, KeepsALoneLinkAndLeavesLoopsAlone) {
  const support::TempDir dir;
  dir.write("a.yaml", "x: 1\n");
  std::filesystem::create_directory_symlink(dir.path(), dir.path() / "loop");
  EXPECT_EQ(read_sources({dir.path().string()}).size(), 1u);
}

}  // namespace
}  // namespace labctl::manifest
