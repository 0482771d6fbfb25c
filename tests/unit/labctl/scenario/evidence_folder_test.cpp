#include "labctl/scenario/evidence_folder.hpp"

#include "labctl/scenario/evidence.hpp"
#include "tests/support/temp_dir.hpp"
#include "topology/base/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <vector>

namespace labctl::scenario {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using support::read_file;
using testing::ElementsAre;
using testing::HasSubstr;

mode_t mode_of(const fs::path& path) {
  struct stat there {};
  EXPECT_EQ(::lstat(path.c_str(), &there), 0) << path;
  return there.st_mode & 07777U;
}

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) {
    names.push_back(entry.path().filename());
  }
  std::sort(names.begin(), names.end());
  return names;
}

class EvidenceFolders : public testing::Test {
 protected:
  EvidenceFolder::Place keep(const std::string& name, const std::string& text) {
    EvidenceFolder folder(root_);
    folder.write("result.json", text);
    return folder.put_in_place(name);
  }
  std::string kept(const std::string& name) const { return read_file(root_ / name / "result.json"); }

  support::TempDir dir_;
  fs::path root_ = dir_.path() / "made/on/the/way";
};

TEST_F(EvidenceFolders, AreForTheirUserAlone) {
  const mode_t before = ::umask(0);
  {
    EvidenceFolder folder(root_);
    folder.write("objects/pods.json", "{}");
    folder.create_file("node_a/links.txt");
    EXPECT_EQ(folder.put_in_place("esc").path, root_ / "esc");
  }
  ::umask(before);
  for (const char* each : {"made", "made/on", "made/on/the/way", "made/on/the/way/esc",
                           "made/on/the/way/esc/objects", "made/on/the/way/esc/node_a"}) {
    EXPECT_EQ(mode_of(dir_.path() / each), 0700U) << each;
  }
  for (const char* each : {"objects/pods.json", "node_a/links.txt", EvidenceFolder::kMarker}) {
    EXPECT_EQ(mode_of(root_ / "esc" / each), 0600U) << each;
  }
}

TEST_F(EvidenceFolders, ReplaceTheOneBefore) {
  keep("esc", "one");
  EvidenceFolder folder(root_);
  folder.write("second.txt", "two");
  EXPECT_EQ(folder.put_in_place("esc").why, "");
  EXPECT_THAT(names_in(root_ / "esc"), ElementsAre(EvidenceFolder::kMarker, "second.txt"));
  EXPECT_THAT(names_in(root_), ElementsAre("esc"));
}

TEST_F(EvidenceFolders, ThatAreNotOursAreLeftAlone) {
  fs::create_directories(root_ / "esc/deep");
  std::ofstream(root_ / "esc/deep/mine.txt") << "mine";
  for (const char* round : {"one", "two"}) {
    const auto place = keep("esc", round);
    EXPECT_EQ(place.path, root_ / "esc.labctl");
    EXPECT_EQ(place.why, (root_ / "esc").string() + " is not labctl's, and was left alone");
    EXPECT_EQ(kept("esc.labctl"), round);
  }
  EXPECT_EQ(read_file(root_ / "esc/deep/mine.txt"), "mine");
  EXPECT_THAT(names_in(root_), ElementsAre("esc", "esc.labctl"));
}

TEST_F(EvidenceFolders, FindANameBesideAllThatIsNotOurs) {
  fs::create_directories(root_ / "esc.labctl");
  std::ofstream(root_ / "esc") << "a file";
  EXPECT_EQ(keep("esc", "x").path, root_ / "esc.labctl-2");
  EXPECT_EQ(read_file(root_ / "esc"), "a file");
}

TEST_F(EvidenceFolders, FollowNoSymbolicLink) {
  const fs::path precious = dir_.path() / "precious";
  fs::create_directories(precious);
  std::ofstream(precious / EvidenceFolder::kMarker) << "looks like ours";
  std::ofstream(precious / "mine.txt") << "mine";
  fs::create_directories(root_);
  fs::create_directory_symlink(precious, root_ / "esc");
  EXPECT_EQ(keep("esc", "x").path, root_ / "esc.labctl");
  EXPECT_TRUE(fs::is_symlink(root_ / "esc"));
  EXPECT_THAT(names_in(precious), ElementsAre(EvidenceFolder::kMarker, "mine.txt"));
  // Nor within one of ours.
  fs::create_directory_symlink(precious, root_ / "esc.labctl/link");
  EXPECT_EQ(keep("esc", "y").path, root_ / "esc.labctl");
  EXPECT_THAT(names_in(precious), ElementsAre(EvidenceFolder::kMarker, "mine.txt"));
}

TEST_F(EvidenceFolders, AMarkerThatIsALinkMarksNothing) {
  fs::create_directories(root_ / "esc");
  std::ofstream(root_ / "esc/mine.txt") << "mine";
  fs::create_symlink("mine.txt", root_ / "esc" / EvidenceFolder::kMarker);
  EXPECT_EQ(keep("esc", "x").path, root_ / "esc.labctl");
  EXPECT_EQ(read_file(root_ / "esc/mine.txt"), "mine");
}

TEST_F(EvidenceFolders, OfTwoRunsAtOnceDoNotMix) {
  EvidenceFolder first(root_);
  EvidenceFolder second(root_);
  first.write("first.txt", "1");
  second.write("second.txt", "2");
  EXPECT_EQ(first.put_in_place("esc").path, root_ / "esc");
  EXPECT_EQ(second.put_in_place("esc").path, root_ / "esc");
  EXPECT_THAT(names_in(root_ / "esc"), ElementsAre(EvidenceFolder::kMarker, "second.txt"));
  EXPECT_THAT(names_in(root_), ElementsAre("esc"));
}

TEST_F(EvidenceFolders, OfAKilledRunAreRemovedByTheNext) {
  keep("esc", "the one before");
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    EvidenceFolder folder(root_);
    folder.write("half.txt", "half");
    ::_exit(0);  // no destructor runs
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(names_in(root_).size(), 2U);
  EXPECT_EQ(kept("esc"), "the one before");
  const EvidenceFolder next(root_);
  EXPECT_EQ(names_in(root_).size(), 2U) << "the next one's only";
}

TEST_F(EvidenceFolders, ThatAreNotKeptAreRemoved) {
  { EvidenceFolder(root_).write("a/b/c.txt", "x"); }
  EXPECT_THAT(names_in(root_), ElementsAre());
}

TEST_F(EvidenceFolders, NamesMayBeAsLongAsScenariosAre) {
  const std::string name = std::string(253, 'a') + "#12";
  EXPECT_EQ(keep(name, "x").why, "");
  EXPECT_EQ(names_in(root_).size(), 1U);
}

TEST(FittingFileName, LeavesRoomForASuffixAndTellsLongNamesApart) {
  EXPECT_EQ(fitting_file_name("pod_shop_web-0"), "pod_shop_web-0");
  const std::string one(330, 'a');
  EXPECT_LE(fitting_file_name(one).size() + 10, 255U);
  EXPECT_NE(fitting_file_name(one), fitting_file_name(one + "b"));
  EXPECT_EQ(fitting_file_name(one), fitting_file_name(one));
}

TEST_F(EvidenceFolders, ThatCannotBeMadeAreAnError) {
  std::ofstream(dir_.path() / "made") << "a file";
  try {
    const EvidenceFolder folder(root_);
    FAIL() << "made";
  } catch (const Error& error) {
    EXPECT_THAT(error.message(), HasSubstr("made"));
  }
}

TEST(Evidence, HoldsNoValuesOfSecretsAndEnvironments) {
  const json list = json::parse(R"({"items":[
    {"kind":"Secret","metadata":{"name":"s"},"data":{"key":"c2VjcmV0"},"stringData":{"other":"secret"}},
    {"kind":"Pod","metadata":{"name":"p","annotations":{"kubectl.kubernetes.io/last-applied-configuration":"secret"}},
     "spec":{"containers":[{"name":"c","image":"nginx","env":[{"name":"TOKEN","value":"secret"},
       {"name":"NODE","valueFrom":{"fieldRef":{"fieldPath":"spec.nodeName"}}}]}],
       "initContainers":[{"env":[{"name":"A","value":"secret"}]}]}},
    {"kind":"Deployment","spec":{"template":{"spec":{"containers":[{"env":[{"name":"A","value":"secret"}]}]}}}}]})");
  const json kept = without_secrets(list);
  EXPECT_EQ(kept.dump().find("secret"), std::string::npos) << kept.dump(2);
  EXPECT_EQ(kept.dump().find("c2VjcmV0"), std::string::npos) << kept.dump(2);
  for (const char* stays : {"nginx", "TOKEN", "spec.nodeName", "key", "other", "Secret"}) {
    EXPECT_NE(kept.dump().find(stays), std::string::npos) << stays;
  }
}

}  // namespace
}  // namespace labctl::scenario
