#include "labctl/scenario/report_file.hpp"

#include "tests/support/temp_dir.hpp"
#include "topology/base/error.hpp"

#include <gtest/gtest.h>

#include <sys/stat.h>

#include <fstream>
#include <ostream>
#include <stdexcept>
#include <string>

namespace labctl::scenario {
namespace {

namespace fs = std::filesystem;
using support::read_file;

void write_report(const fs::path& path, const std::string& text) {
  ReportFile(path.string()).write([&](std::ostream& out) { out << text; });
}

size_t files_in(const fs::path& folder) {
  return static_cast<size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

TEST(ReportFile, HasTheModeOfAnyFileOfItsUser) {
  const support::TempDir dir;
  const mode_t before = ::umask(022);
  write_report(dir.path() / "junit.xml", "one");
  ::umask(before);
  struct stat there {};
  ASSERT_EQ(::stat((dir.path() / "junit.xml").c_str(), &there), 0);
  EXPECT_EQ(there.st_mode & 07777U, 0644U);
  EXPECT_EQ(read_file(dir.path() / "junit.xml"), "one");
}

TEST(ReportFile, ThatIsNotWrittenToTheEndLeavesTheOneBefore) {
  const support::TempDir dir;
  const fs::path path = dir.path() / "junit.xml";
  write_report(path, "the one before");
  ReportFile file(path.string());
  EXPECT_EQ(read_file(path), "the one before") << "opened, not written";
  EXPECT_THROW(file.write([](std::ostream& out) {
    out << "half";
    throw std::runtime_error("no more");
  }),
               std::runtime_error);
  EXPECT_EQ(read_file(path), "the one before");
  EXPECT_EQ(files_in(dir.path()), 1U) << "nothing is left beside it";
}

TEST(ReportFile, MakesTheFoldersOnItsWayBeforeAnythingIsWritten) {
  const support::TempDir dir;
  const fs::path path = dir.path() / "reports/junit/out.xml";
  ReportFile file(path.string());
  EXPECT_TRUE(fs::is_directory(path.parent_path()));
  EXPECT_EQ(files_in(path.parent_path()), 0U);
  file.write([](std::ostream& out) { out << "one"; });
  EXPECT_EQ(read_file(path), "one");
}

TEST(ReportFile, IsRefusedBehindWhatIsNoFolder) {
  const support::TempDir dir;
  std::ofstream(dir.path() / "file") << "x";
  EXPECT_THROW(ReportFile((dir.path() / "file/out.xml").string()), Error);
  EXPECT_THROW(ReportFile((dir.path() / "file/more/out.xml").string()), Error);
}

TEST(ReportFile, ReplacesTheOneBefore) {
  const support::TempDir dir;
  write_report(dir.path() / "junit.xml", "a long one");
  std::ifstream reader(dir.path() / "junit.xml");
  write_report(dir.path() / "junit.xml", "two");
  EXPECT_EQ(read_file(dir.path() / "junit.xml"), "two");
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(reader), {}), "a long one")
      << "who reads it, reads on";
}

TEST(ReportFile, WritesThroughWhatIsNoFile) {
  const support::TempDir dir;
  write_report(dir.path() / "real.xml", "old and longer");
  fs::create_symlink("real.xml", dir.path() / "link.xml");
  write_report(dir.path() / "link.xml", "new");
  EXPECT_TRUE(fs::is_symlink(dir.path() / "link.xml"));
  EXPECT_EQ(read_file(dir.path() / "real.xml"), "new");
  write_report("/dev/null", "x");
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
}

TEST(ReportFile, ThatCannotBeWrittenIsKnownBeforehand) {
  const support::TempDir dir;
  for (const fs::path& path : {fs::path("/proc/none/junit.xml"), dir.path(), dir.path() / "x" / ""}) {
    EXPECT_THROW(ReportFile{path.string()}, Error) << path;
  }
}

TEST(ReportFile, WithoutAPathIsNone) { write_report("", "x"); }

}  // namespace
}  // namespace labctl::scenario
