#include "labctl/images/tree_writer.hpp"

#include "tests/support/image_archives.hpp"
#include "tests/support/temp_dir.hpp"
#include "topology/base/error.hpp"

#include <sys/stat.h>

#include <gtest/gtest.h>

namespace labctl::images {
namespace {

namespace fs = std::filesystem;
using support::TarEntry;
using Type = support::TarEntry::Type;

class TextBytes final : public ByteSource {
 public:
  explicit TextBytes(std::string text) : text_(std::move(text)) {}
  std::span<const char> read() override {
    const std::size_t begin = at_;
    at_ = std::min(text_.size(), at_ + 1000);
    return {text_.data() + begin, at_ - begin};
  }

 private:
  std::string text_;
  std::size_t at_ = 0;
};

// An image's folder inside another, in which nothing may appear.
class TreeWriterTest : public ::testing::Test {
 protected:
  TreeWriterTest() {
    fs::create_directory(root_);
    dir_.write("outside/secret", "of the host");
  }
  // What is thrown; empty: nothing.
  std::string apply(const std::vector<TarEntry>& entries, UnpackLimits limits = {}) {
    if (!tree_) {
      tree_.emplace(root_, limits);
    }
    TextBytes bytes(support::tar_of(entries));
    SourceReader reader(bytes, true, "layer.tar");
    try {
      tree_->apply(reader, "layer.tar");
    } catch (const Error& error) {
      return error.message();
    }
    return {};
  }
  std::string text_at(const std::string& path) const { return support::read_file(root_ / path); }
  bool has(const std::string& path) const { return fs::exists(fs::symlink_status(root_ / path)); }
  ~TreeWriterTest() override {
    EXPECT_EQ(support::read_file(dir_.path() / "outside/secret"), "of the host");
    EXPECT_EQ(std::distance(fs::directory_iterator(dir_.path() / "outside"), fs::directory_iterator()), 1);
    EXPECT_EQ(std::distance(fs::directory_iterator(dir_.path()), fs::directory_iterator()), 2);
  }

  support::TempDir dir_;
  fs::path root_ = dir_.path() / "root";
  std::optional<TreeWriter> tree_;
};

TEST_F(TreeWriterTest, LaterLayersReplaceEarlierOnes) {
  EXPECT_EQ(apply({{"etc/a", "1"}, {"etc/b", "1"}}), "");
  EXPECT_EQ(apply({{"./etc/a", "2"}}), "");
  EXPECT_EQ(text_at("etc/a"), "2");
  EXPECT_EQ(text_at("etc/b"), "1");
}

TEST_F(TreeWriterTest, WhiteoutTakesAwayWhatIsBelow) {
  EXPECT_EQ(apply({{"etc/a", "1"}, {"etc/folder/b", "1"}, {"etc/c", "1"}}), "");
  EXPECT_EQ(apply({{"etc/.wh.a", ""}, {"etc/.wh.folder", ""}, {"no/such/.wh.x", ""}}), "");
  EXPECT_FALSE(has("etc/a"));
  EXPECT_FALSE(has("etc/folder"));
  EXPECT_TRUE(has("etc/c"));
  EXPECT_FALSE(has("no"));
}

TEST_F(TreeWriterTest, OpaqueFolderKeepsWhatItsOwnLayerHas) {
  EXPECT_EQ(apply({{"d/old", "1"}, {"d/sub/old", "1"}}), "");
  EXPECT_EQ(apply({{"d/new", "2"}, {"d/sub/new", "2"}, {"d/.wh..wh..opq", ""}}), "");
  EXPECT_FALSE(has("d/old"));
  EXPECT_FALSE(has("d/sub/old"));
  EXPECT_EQ(text_at("d/new"), "2");
  EXPECT_EQ(text_at("d/sub/new"), "2");
}

TEST_F(TreeWriterTest, WhiteoutOfTheFolderAboveIsRefused) {
  EXPECT_EQ(apply({{"d/.wh...", ""}}), "layer.tar:d/.wh...: a whiteout of nothing");
  EXPECT_EQ(apply({{"d/.wh..", ""}}), "layer.tar:d/.wh..: a whiteout of nothing");
}

TEST_F(TreeWriterTest, PathsThatLeadOutAreRefused) {
  EXPECT_EQ(apply({{"../outside/evil", "x"}}), "layer.tar:../outside/evil: leads out of the image (\"..\")");
  EXPECT_EQ(apply({{"a/../../outside/evil", "x"}}),
            "layer.tar:a/../../outside/evil: leads out of the image (\"..\")");
}

TEST_F(TreeWriterTest, AbsolutePathsStayInside) {
  EXPECT_EQ(apply({{(dir_.path() / "outside/secret").string(), "x"}}), "");
  EXPECT_TRUE(has((dir_.path() / "outside/secret").string().substr(1)));
}

TEST_F(TreeWriterTest, LinksOfEarlierEntriesStayInside) {
  EXPECT_EQ(apply({{"out", "../outside", Type::Symlink}, {"outside", "", Type::Folder}, {"out/secret", "x"}}),
            "");
  EXPECT_EQ(text_at("outside/secret"), "x");
  EXPECT_EQ(apply({{"run", "", Type::Folder}, {"var/run", "/run", Type::Symlink}, {"var/run/pid", "7"}}), "");
  EXPECT_EQ(text_at("run/pid"), "7");
}

TEST_F(TreeWriterTest, LinkInThePlaceOfAFileIsReplacedNotFollowed) {
  EXPECT_EQ(apply({{"f", (dir_.path() / "outside/secret").string(), Type::Symlink}, {"f", "mine"}}), "");
  EXPECT_EQ(text_at("f"), "mine");
  EXPECT_EQ(apply({{"g", (dir_.path() / "outside").string(), Type::Symlink}, {".wh.g", ""}}), "");
}

TEST_F(TreeWriterTest, HardLinksToTheHostAreRefused) {
  const std::string target = (dir_.path() / "outside/secret").string();
  EXPECT_NE(apply({{"h", target, Type::HardLink}}).find("which is not in the image"), std::string::npos);
  EXPECT_NE(apply({{"h", "../outside/secret", Type::HardLink}}).find("leads out"), std::string::npos);
  EXPECT_EQ(apply({{"a", "1"}, {"h", "a", Type::HardLink}}), "");
  EXPECT_EQ(fs::hard_link_count(root_ / "a"), 2U);
}

TEST_F(TreeWriterTest, DevicesAndPipesAreLeftOut) {
  EXPECT_EQ(apply({{"dev/null", "", Type::Device}, {"pipe", "", Type::Fifo}, {"a", "1"}}), "");
  EXPECT_FALSE(has("dev/null"));
  EXPECT_FALSE(has("pipe"));
  EXPECT_EQ(tree_->left_out(), 2U);
}

TEST_F(TreeWriterTest, SetuidAndSetgidAreDropped) {
  EXPECT_EQ(apply({{"su", "x", Type::File, 06755}, {"d", "", Type::Folder, 02500}}), "");
  struct stat status {};
  ASSERT_EQ(::stat((root_ / "su").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0755U);
  ASSERT_EQ(::stat((root_ / "d").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0700U);
}

TEST_F(TreeWriterTest, AnImageIsBounded) {
  EXPECT_EQ(apply({{"a", "12345"}, {"b", "123456"}}, {.entries = 100, .bytes = 10}),
            "layer.tar:b: the image is larger than 10 bytes");
  tree_.reset();
  EXPECT_EQ(apply({{"a", ""}, {"b", ""}, {"c", ""}}, {.entries = 2, .bytes = 10}),
            "layer.tar: has more than 2 entries");
}

TEST_F(TreeWriterTest, LongNamesAreRefused) {
  EXPECT_NE(apply({{std::string(300, 'n'), "x"}}).find("a name is too long"), std::string::npos);
}

TEST_F(TreeWriterTest, FolderReplacesALinkOfAnEarlierLayer) {
  EXPECT_EQ(apply({{"lib", "/outside", Type::Symlink}}), "");
  EXPECT_EQ(apply({{"lib", "", Type::Folder}, {"lib/a", "1"}}), "");
  EXPECT_TRUE(fs::is_directory(fs::symlink_status(root_ / "lib")));
}

}  // namespace
}  // namespace labctl::images
