#include "labctl/images/image_reader.hpp"

#include "tests/support/image_archives.hpp"
#include "tests/support/temp_dir.hpp"
#include "topology/base/error.hpp"

#include <gtest/gtest.h>

namespace labctl::images {
namespace {

namespace fs = std::filesystem;
using support::Compression;
using support::TestImage;

TestImage shop(Compression compression = Compression::None) {
  return {{"shop/web:1"},
          {{{"app/a", "low"}, {"app/b", "low"}}, {{"app/a", "high"}, {"app/.wh.b", ""}}},
          {{"Cmd", {"/app/a"}}, {"WorkingDir", "/srv/work"}},
          compression};
}

class ImageReaderTest : public ::testing::Test {
 protected:
  fs::path tar(const std::string& text) { return dir_.write("image.tar", text); }
  // Unpacks the only image and looks at what must be there.
  void expect_shop(const fs::path& path) {
    const auto archive = ImageArchive::open(path);
    const auto images = images_of(*archive);
    ASSERT_EQ(images.size(), 1U);
    EXPECT_EQ(images[0].names, std::vector<std::string>{"shop/web:1"});
    EXPECT_EQ(images[0].config.cmd, std::vector<std::string>{"/app/a"});
    const fs::path root = dir_.path() / "root";
    fs::create_directory(root);
    unpack(*archive, images[0], root);
    EXPECT_EQ(support::read_file(root / "app/a"), "high");
    EXPECT_FALSE(fs::exists(root / "app/b"));
    EXPECT_TRUE(fs::is_directory(root / "srv/work"));
  }
  std::string words_of(const fs::path& path) {
    try {
      const auto archive = ImageArchive::open(path);
      for (const ImageInArchive& image : images_of(*archive)) {
        fs::create_directories(dir_.path() / "root");
        unpack(*archive, image, dir_.path() / "root");
      }
    } catch (const Error& error) {
      return error.message();
    }
    return "nothing was thrown";
  }
  support::TempDir dir_;
};

TEST_F(ImageReaderTest, ReadsWhatDockerSaves) { expect_shop(tar(support::docker_archive({shop()}))); }

TEST_F(ImageReaderTest, ReadsWhatDockerSavedBeforeItHadAManifest) {
  expect_shop(tar(support::legacy_docker_archive({shop()})));
}

TEST_F(ImageReaderTest, LegacyImagesAreTheirContentAndShareTheirLayers) {
  TestImage same = shop();
  same.names = {"shop/same:1"};
  TestImage other = shop();
  other.names = {"shop/other:1"};
  other.layers[1].push_back({"more", "x"});
  const auto archive = ImageArchive::open(tar(support::legacy_docker_archive({shop(), same, other})));
  const auto images = images_of(*archive);
  ASSERT_EQ(images.size(), 2U);
  EXPECT_NE(images[0].digest, images[1].digest);
  EXPECT_EQ(images[0].layers[0].diff_id, images[1].layers[0].diff_id);
  EXPECT_EQ(images[0].names.size() + images[1].names.size(), 3U);
}

TEST_F(ImageReaderTest, LegacyLayersThatGoInACircleOrArePathsAreRefused) {
  const std::string id(64, 'a');
  const std::string repositories = R"({"shop":{"1":")" + id + "\"}}";
  EXPECT_NE(words_of(tar(support::tar_of(
                         {{"repositories", repositories}, {id + "/json", R"({"parent":")" + id + "\"}"}})))
                .find("they go in a circle"),
            std::string::npos);
  EXPECT_EQ(words_of(tar(support::tar_of({{"repositories", R"({"shop":{"1":"../../etc"}})"}}))),
            "image.tar:repositories.shop.1: must be 64 digits of 0-9 and a-f");
  EXPECT_EQ(words_of(tar(support::tar_of({{"repositories", repositories}}))),
            "image.tar: has no document " + id + "/json");
  TestImage elsewhere = shop();
  elsewhere.architecture = "s390y";
  EXPECT_NE(words_of(tar(support::legacy_docker_archive({elsewhere}))).find("only for linux/s390y"),
            std::string::npos);
}

TEST_F(ImageReaderTest, ReadsLayersThatAreLinks) {
  expect_shop(tar(support::docker_archive({shop()}, true)));
}

TEST_F(ImageReaderTest, ReadsGzip) { expect_shop(tar(support::docker_archive({shop(Compression::Gzip)}))); }

TEST_F(ImageReaderTest, ReadsOciLayoutInATar) {
  expect_shop(tar(support::tar_of(support::oci_layout({shop()}))));
}

TEST_F(ImageReaderTest, ReadsZstdLayersOfANestedIndexInACompressedTar) {
  expect_shop(tar(support::tar_of(support::oci_layout({shop(Compression::Zstd)}, true), Compression::Gzip)));
}

TEST_F(ImageReaderTest, ReadsOciLayoutInAFolder) {
  support::write_entries(dir_.path() / "layout", support::oci_layout({shop(Compression::Gzip)}));
  expect_shop(dir_.path() / "layout");
}

TEST_F(ImageReaderTest, ChoosesTheImageOfThisMachine) {
  TestImage other = shop();
  other.architecture = "s390y";
  TestImage own = shop();
  const auto archive = ImageArchive::open(tar(support::tar_of(support::oci_layout({other, own}))));
  EXPECT_EQ(images_of(*archive).size(), 1U);
  EXPECT_EQ(words_of(tar(support::docker_archive({other}))),
            "image.tar: no image for " + to_string(own_platform()) + ", only for linux/s390y");
}

TEST_F(ImageReaderTest, TellsImagesOfOneArchiveApart) {
  TestImage api{{"shop/api:2"}, {{{"api", "x"}}}};
  const auto archive = ImageArchive::open(tar(support::docker_archive({shop(), api})));
  const auto images = images_of(*archive);
  ASSERT_EQ(images.size(), 2U);
  EXPECT_EQ(images[1].names, std::vector<std::string>{"shop/api:2"});
}

TEST_F(ImageReaderTest, LayerThatIsNotWhatItsDigestSaysIsRefused) {
  auto entries = support::oci_layout({shop()});
  const auto layer = std::find_if(entries.begin(), entries.end(), [](const support::TarEntry& entry) {
    return entry.text.find("low") != std::string::npos;
  });
  ASSERT_NE(layer, entries.end());
  layer->text.replace(layer->text.find("low"), 3, "bad");
  EXPECT_NE(words_of(tar(support::tar_of(entries))).find("is not what the image's configuration says"),
            std::string::npos);
}

TEST_F(ImageReaderTest, ConfigurationThatIsNotWhatItsDigestSaysIsRefused) {
  auto entries = support::oci_layout({shop()});
  entries[1].text += " ";
  EXPECT_NE(words_of(tar(support::tar_of(entries))).find("is not what its digest says"), std::string::npos);
}

TEST_F(ImageReaderTest, WhatIsNoArchiveSaysSo) {
  EXPECT_NE(words_of(tar("apiVersion: v1\n")).find("image.tar: "), std::string::npos);
  EXPECT_EQ(words_of(tar(support::tar_of({{"a", "b"}}))),
            "image.tar: no image archive: it has neither manifest.json, index.json nor repositories");
  EXPECT_NE(words_of(dir_.path() / "nowhere.tar").find("No such file"), std::string::npos);
}

TEST_F(ImageReaderTest, DocumentsOfAFolderAreNotLookedForOutside) {
  dir_.write("manifest.json", support::docker_archive({shop()}));
  fs::create_directory(dir_.path() / "layout");
  fs::create_symlink("../manifest.json", dir_.path() / "layout/manifest.json");
  EXPECT_EQ(words_of(dir_.path() / "layout"),
            "layout: no image archive: it has neither manifest.json, index.json nor repositories");
}

TEST_F(ImageReaderTest, LinksThatLeadToThemselvesEnd) {
  using Type = support::TarEntry::Type;
  EXPECT_NE(words_of(tar(support::tar_of(
                         {{"manifest.json", "x", Type::Symlink}, {"x", "manifest.json", Type::Symlink}})))
                .find("a link that leads to itself"),
            std::string::npos);
}

TEST_F(ImageReaderTest, LayersThatDoNotFitTheConfigurationAreRefused) {
  const std::string manifest = R"([{"Config":"c.json","Layers":["l"]}])";
  EXPECT_NE(words_of(tar(support::tar_of({{"manifest.json", manifest}, {"c.json", "{}"}})))
                .find("the configuration has 0 diff_ids, the manifest 1 layers"),
            std::string::npos);
}

}  // namespace
}  // namespace labctl::images
