#include "labctl/kubelet/container_ids.hpp"

#include "tests/support/temp_dir.hpp"
#include "topology/base/error.hpp"

#include <gtest/gtest.h>

#include <filesystem>

namespace labctl::kubelet {
namespace {

namespace fs = std::filesystem;
using Groups = std::vector<gid_t>;

const AccountFiles kFiles{
    "root:x:0:0:root:/root:/bin/sh\nbad "
    "line\nweb:x:101:102:web:/srv/web:/bin/false\nhuge:x:4294967295:1::/:\n",
    "root:x:0:\nweb:x:102:\nlogs:x:4:other,web\nadm:x:7:webby\n"};

class ContainerIdsTest : public ::testing::Test {
 protected:
  ContainerIdsTest() {
    pod_.key = {"shop", "web-0"};
    pod_.uid = "u1";
    container_.name = "main";
    choice_.way = ImageChoice::Way::Root;
    choice_.digest = "sha256:1";
  }
  ContainerIds of_user(const std::string& user) {
    choice_.user = user;
    return container_ids(pod_, container_, choice_, kFiles);
  }
  std::string refusal(const std::string& user) {
    choice_.user = user;
    return refusal_as_root(pod_, container_, choice_);
  }
  std::string words_of_user(const std::string& user) {
    try {
      of_user(user);
    } catch (const Error& error) {
      return error.message();
    }
    return "nothing was thrown";
  }
  model::Pod pod_;
  model::Container container_;
  ImageChoice choice_;
};

TEST_F(ContainerIdsTest, ImagesNameTheirUserInFourWays) {
  for (const char* user : {"101", "web"}) {
    const ContainerIds ids = of_user(user);
    EXPECT_EQ(ids.ids.uid, 101U);
    EXPECT_EQ(ids.ids.gid, 102U);
    EXPECT_EQ(ids.ids.groups, (Groups{102, 4}));
    EXPECT_EQ(ids.home, "/srv/web");
  }
  for (const char* user : {"101:4", "web:logs"}) {
    EXPECT_EQ(of_user(user).ids.uid, 101U);
    EXPECT_EQ(of_user(user).ids.gid, 4U);
  }
  EXPECT_EQ(of_user("").ids.uid, 0U);
  EXPECT_EQ(of_user("").home, "/root");
}

TEST_F(ContainerIdsTest, NumbersNeedNoAccountAndNamesDo) {
  const ContainerIds ids = of_user("5000");
  EXPECT_EQ(ids.ids.uid, 5000U);
  EXPECT_EQ(ids.ids.gid, 0U);
  EXPECT_EQ(ids.home, "/");
  EXPECT_EQ(words_of_user("nobody"), "unable to find user nobody: no matching entries in passwd file");
  EXPECT_EQ(words_of_user("web:nobody"), "unable to find group nobody: no matching entries in group file");
  EXPECT_EQ(words_of_user("huge"), "unable to find user huge: no matching entries in passwd file");
}

TEST_F(ContainerIdsTest, PodOverridesTheImageAndTheContainerThePod) {
  pod_.security.run_as_user = 101;
  EXPECT_EQ(of_user("5000:6000").ids.uid, 101U);
  EXPECT_EQ(of_user("5000:6000").ids.gid, 102U);
  pod_.security.run_as_group = 9;
  pod_.security.supplemental_groups = {4, 8};
  EXPECT_EQ(of_user("").ids.groups, (Groups{9, 4, 8}));
  pod_.security.fs_group = 77;
  EXPECT_EQ(of_user("").ids.groups, (Groups{9, 4, 8, 77}));
  container_.security.run_as_user = 0;
  container_.security.run_as_group = 3;
  EXPECT_EQ(of_user("web").ids.uid, 0U);
  EXPECT_EQ(of_user("web").ids.gid, 3U);
}

TEST_F(ContainerIdsTest, RunAsNonRootRefusesInTheKubeletsWords) {
  EXPECT_EQ(refusal(""), "");
  pod_.security.run_as_non_root = true;
  const std::string where = " (pod: \"web-0_shop(u1)\", container: main)";
  EXPECT_EQ(refusal(""), "container has runAsNonRoot and image will run as root" + where);
  EXPECT_EQ(refusal("0:7"), "container has runAsNonRoot and image will run as root" + where);
  EXPECT_EQ(refusal("web"),
            "container has runAsNonRoot and image has non-numeric user (web), cannot verify user is "
            "non-root" +
                where);
  EXPECT_EQ(refusal("101"), "");
  container_.security.run_as_user = 0;
  EXPECT_EQ(refusal("101"), "container's runAsUser breaks non-root policy" + where);
  container_.security.run_as_user = 1;
  EXPECT_EQ(refusal(""), "");
  container_.security = {};
  container_.security.run_as_non_root = false;
  EXPECT_EQ(refusal(""), "");
}

TEST_F(ContainerIdsTest, WhatALabWithOneIdCannotGive) {
  EXPECT_FALSE(wants_other_ids(pod_, container_, choice_));
  choice_.user = "root:root";
  EXPECT_FALSE(wants_other_ids(pod_, container_, choice_));
  choice_.user = "web";
  EXPECT_TRUE(wants_other_ids(pod_, container_, choice_));
  container_.security.run_as_user = 0;
  EXPECT_FALSE(wants_other_ids(pod_, container_, choice_));
}

TEST(AccountFiles, AreLookedForInsideTheRoot) {
  support::TempDir dir;
  dir.write("secret", "of the host");
  dir.write("root/etc/group", "web:x:1:\n");
  fs::create_symlink("../../secret", dir.path() / "root/etc/passwd");
  const AccountFiles files = read_account_files((dir.path() / "root").string());
  EXPECT_EQ(files.passwd, "");
  EXPECT_EQ(files.group, "web:x:1:\n");
}

}  // namespace
}  // namespace labctl::kubelet
