// What volumes of objects hold, and how their files get into a folder.

#include "labctl/kubelet/volume_files.hpp"

#include "topology/base/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

namespace labctl::kubelet {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::Pair;
using VolumeKind = model::VolumeSource::Kind;

store::ObjectPtr stored_config(const store::Key& key) {
  if (key == store::Key{"configmaps", "shop", "app"}) {
    return std::make_shared<const json>(
        json{{"data", {{"app.conf", "a=1\n"}, {"level", "debug"}}}, {"binaryData", {{"logo", "//4B"}}}});
  }
  if (key == store::Key{"secrets", "shop", "login"}) {
    return std::make_shared<const json>(json{{"data", {{"password", "czNjcmV0"}}}});
  }
  return nullptr;
}

class VolumeOfObjects : public ::testing::Test {
 protected:
  VolumeOfObjects() {
    pod.key = {"shop", "web-0"};
    pod.labels = {{"app", "web"}, {"note", "say \"hi\""}};
    pod.containers.emplace_back().name = "main";
    pod.containers[0].resources.limits = {{"cpu", "1500m"}};
    facts.find = stored_config;
    facts.allocatable = {{"memory", "2Gi"}};
  }
  static model::VolumeSource source(VolumeKind kind, const std::string& name) {
    model::VolumeSource out;
    out.kind = kind;
    out.name = name;
    return out;
  }
  VolumeFiles files(const model::VolumeSource& of) const {
    return volume_files(of, {pod, facts, [](const model::VolumeSource&) { return std::string("token"); }});
  }
  std::string refusal(const model::VolumeSource& of) const {
    try {
      files(of);
    } catch (const Error& error) {
      return error.message();
    }
    return "";
  }
  model::Pod pod;
  DownwardFacts facts;
};

TEST_F(VolumeOfObjects, HasAFileForEachKey) {
  EXPECT_THAT(
      files(source(VolumeKind::ConfigMap, "app")),
      ElementsAre(Pair("app.conf", VolumeFile{"a=1\n", 0644}), Pair("level", VolumeFile{"debug", 0644}),
                  Pair("logo", VolumeFile{"\xff\xfe\x01", 0644})));
  EXPECT_THAT(files(source(VolumeKind::Secret, "login")),
              ElementsAre(Pair("password", VolumeFile{"s3cret", 0644})));
}

TEST_F(VolumeOfObjects, HasTheItemsAlone) {
  model::VolumeSource of = source(VolumeKind::ConfigMap, "app");
  of.default_mode = 0600;
  of.items = {{"level", "etc/log/level", std::nullopt}, {"app.conf", "app", 0400}};
  EXPECT_THAT(files(of), ElementsAre(Pair("app", VolumeFile{"a=1\n", 0400}),
                                     Pair("etc/log/level", VolumeFile{"debug", 0600})));
}

TEST_F(VolumeOfObjects, SaysWhatIsMissingInTheKubeletsWords) {
  EXPECT_EQ(refusal(source(VolumeKind::ConfigMap, "none")), "configmap \"none\" not found");
  EXPECT_EQ(refusal(source(VolumeKind::Secret, "none")), "secret \"none\" not found");
  model::VolumeSource of = source(VolumeKind::ConfigMap, "app");
  of.items = {{"nokey", "x", std::nullopt}};
  EXPECT_EQ(refusal(of), "references non-existent config key: nokey");
  of.is_optional = true;
  EXPECT_TRUE(files(of).empty());
  of = source(VolumeKind::Secret, "none");
  of.is_optional = true;
  EXPECT_TRUE(files(of).empty());
}

TEST_F(VolumeOfObjects, TellsOfThePod) {
  model::VolumeSource of = source(VolumeKind::DownwardApi, "");
  of.files = {{"labels", "metadata.labels", std::nullopt, std::nullopt},
              {"name", "metadata.name", std::nullopt, std::nullopt},
              {"cpu", "", model::ResourceField{"main", "limits.cpu", "1m"}, 0440},
              {"memory", "", model::ResourceField{"main", "limits.memory", "1Mi"}, std::nullopt}};
  EXPECT_THAT(files(of),
              ElementsAre(Pair("cpu", VolumeFile{"1500", 0440}),
                          Pair("labels", VolumeFile{"app=\"web\"\nnote=\"say \\\"hi\\\"\"", 0644}),
                          Pair("memory", VolumeFile{"2048", 0644}), Pair("name", VolumeFile{"web-0", 0644})));
}

TEST_F(VolumeOfObjects, MayBeOfSeveralSources) {
  model::VolumeSource token = source(VolumeKind::ServiceAccountToken, "");
  token.path = "token";
  model::VolumeSource of = source(VolumeKind::Projected, "");
  of.sources = {source(VolumeKind::ConfigMap, "app"), source(VolumeKind::Secret, "login"), token};
  const VolumeFiles all = files(of);
  EXPECT_EQ(all.size(), 5U);
  EXPECT_EQ(all.at("token").bytes, "token");
}

TEST_F(VolumeOfObjects, HasNoFileOutsideOfIt) {
  for (const char* path : {"../x", "a/../../x", "/etc/passwd", "a/..b/x", "", "a/", "..data"}) {
    model::VolumeSource of = source(VolumeKind::ConfigMap, "app");
    of.items = {{"level", path, std::nullopt}};
    EXPECT_THAT(refusal(of), ::testing::HasSubstr("invalid path")) << path;
  }
}

// ---- Writing ------------------------------------------------------------------------------------
class VolumeFolder : public ::testing::Test {
 protected:
  VolumeFolder() {
    std::string name = (fs::temp_directory_path() / "labctl-volume-XXXXXX").string();
    folder = ::mkdtemp(name.data());
  }
  ~VolumeFolder() override {
    std::error_code ignored;
    fs::remove_all(folder, ignored);
  }
  std::string text(const std::string& path) const {
    std::ifstream file(folder / path);
    std::ostringstream out;
    out << file.rdbuf();
    return out.str();
  }
  fs::path folder;
};

TEST_F(VolumeFolder, HasLinksToWhatIsValidNow) {
  write_volume(folder, {{"a", {"one", 0400}}, {"d/b", {"two", 0644}}});
  EXPECT_EQ(text("a"), "one");
  EXPECT_EQ(text("d/b"), "two");
  EXPECT_EQ(fs::read_symlink(folder / "a"), "..data/a");
  struct stat status {};
  ASSERT_EQ(::stat((folder / "a").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0400U);
}

TEST_F(VolumeFolder, ChangesAllAtOnce) {
  write_volume(folder, {{"a", {"one", 0644}}, {"gone", {"x", 0644}}});
  const fs::path before = fs::read_symlink(folder / "..data");
  std::ifstream open_before(folder / "a");
  write_volume(folder, {{"a", {"two", 0644}}, {"new", {"y", 0644}}});
  EXPECT_NE(fs::read_symlink(folder / "..data"), before);
  EXPECT_EQ(text("a"), "two");
  EXPECT_EQ(text("new"), "y");
  EXPECT_FALSE(fs::exists(fs::symlink_status(folder / "gone")));
  EXPECT_FALSE(fs::exists(folder / before));
  std::string old;
  open_before >> old;
  EXPECT_EQ(old, "one");
}

TEST_F(VolumeFolder, IsLeftAloneWhenNothingChanged) {
  write_volume(folder, {{"a", {"one", 0644}}});
  const fs::path before = fs::read_symlink(folder / "..data");
  write_volume(folder, {{"a", {"one", 0644}}});
  EXPECT_EQ(fs::read_symlink(folder / "..data"), before);
}

}  // namespace
}  // namespace labctl::kubelet
