#include "labctl/doctor/surroundings.hpp"

#include "tests/support/temp_dir.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <optional>
#include <string>

namespace labctl::doctor {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// The environment without what tells a container or CI, put back at the end.
class Surrounded : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : {"KUBERNETES_SERVICE_HOST", "container", "GITHUB_ACTIONS", "GITLAB_CI", "CI"}) {
      if (const char* value = std::getenv(name); value != nullptr) {
        before_[name] = value;
      } else {
        before_[name] = std::nullopt;
      }
      ::unsetenv(name);
    }
  }
  void TearDown() override {
    for (const auto& [name, value] : before_) {
      ::unsetenv(name.c_str());
      if (value) {
        ::setenv(name.c_str(), value->c_str(), 1);
      }
    }
  }
  support::TempDir host_;

 private:
  std::map<std::string, std::optional<std::string>> before_;
};

TEST_F(Surrounded, AnEmptyHostIsPlain) {
  const Surroundings s = read_surroundings(host_.path());
  EXPECT_EQ(s.container, Container::None);
  EXPECT_EQ(s.ci, CiSystem::None);
  EXPECT_EQ(s.seccomp_mode, 0);
  EXPECT_FALSE(s.unprivileged_userns_clone.has_value());
  EXPECT_FALSE(s.apparmor_restricts_userns);
  EXPECT_FALSE(s.is_chroot);
  EXPECT_FALSE(s.is_gvisor);
}

TEST_F(Surrounded, SeccompModeIsReadFromStatus) {
  host_.write("proc/self/status", "Name:\tx\nSeccomp:\t2\nSeccomp_filters:\t1\n");
  EXPECT_EQ(read_surroundings(host_.path()).seccomp_mode, 2);
}

TEST_F(Surrounded, AppArmorsRestrictionAndLabel) {
  host_.write("proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1\n");
  host_.write("proc/self/attr/apparmor/current", "docker-default (enforce)\n");
  const Surroundings s = read_surroundings(host_.path());
  EXPECT_TRUE(s.apparmor_restricts_userns);
  EXPECT_EQ(s.apparmor_label, "docker-default (enforce)");
}

TEST_F(Surrounded, DebiansSysctl) {
  host_.write("proc/sys/kernel/unprivileged_userns_clone", "0\n");
  EXPECT_EQ(read_surroundings(host_.path()).unprivileged_userns_clone, 0);
}

TEST_F(Surrounded, WhatCoversProcIsListedButForBinfmtMisc) {
  host_.write("proc/self/mountinfo",
              "25 30 0:23 / / rw - ext4 /dev/vda rw\n"
              "26 25 0:24 / /proc rw - proc proc rw\n"
              "27 26 0:25 /null /proc/kcore rw - devtmpfs devtmpfs rw\n"
              "28 26 0:26 / /proc/scsi ro - tmpfs tmpfs ro\n"
              "29 26 0:27 / /proc/sys/fs/binfmt_misc rw - autofs systemd-1 rw\n");
  const Surroundings s = read_surroundings(host_.path());
  EXPECT_THAT(s.proc_overmounts, ElementsAre("/proc/kcore", "/proc/scsi"));
  EXPECT_FALSE(s.is_chroot);
}

TEST_F(Surrounded, NoMountAtTheRootIsAChroot) {
  host_.write("proc/self/mountinfo", "26 25 0:24 / /proc rw - proc proc rw\n");
  EXPECT_TRUE(read_surroundings(host_.path()).is_chroot);
}

TEST_F(Surrounded, ContainersByTheirMarks) {
  host_.write("run/.containerenv", "");
  EXPECT_EQ(read_surroundings(host_.path()).container, Container::Podman);
  host_.write(".dockerenv", "");
  EXPECT_EQ(read_surroundings(host_.path()).container, Container::Docker);
  ::setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1", 1);
  EXPECT_EQ(read_surroundings(host_.path()).container, Container::Kubernetes);
}

TEST_F(Surrounded, ContainersByTheirVariable) {
  ::setenv("container", "lxc", 1);
  EXPECT_EQ(read_surroundings(host_.path()).container, Container::Lxc);
  ::setenv("container", "systemd-nspawn", 1);
  EXPECT_EQ(read_surroundings(host_.path()).container, Container::Unknown);
}

TEST_F(Surrounded, CiSystemsByTheirVariables) {
  ::setenv("CI", "true", 1);
  EXPECT_EQ(read_surroundings(host_.path()).ci, CiSystem::Other);
  ::setenv("GITLAB_CI", "true", 1);
  EXPECT_EQ(read_surroundings(host_.path()).ci, CiSystem::GitLab);
  ::unsetenv("GITLAB_CI");
  ::setenv("GITHUB_ACTIONS", "true", 1);
  EXPECT_EQ(read_surroundings(host_.path()).ci, CiSystem::GitHubActions);
}

TEST_F(Surrounded, GvisorByItsVersion) {
  host_.write("proc/version", "Linux version 4.4.0 (gVisor)\n");
  EXPECT_TRUE(read_surroundings(host_.path()).is_gvisor);
}

TEST_F(Surrounded, SubordinateIdsAreTheSmallerOfTheTwo) {
  const std::string user = read_surroundings(host_.path()).user;
  host_.write("etc/subuid", "somebody:1:5\n" + user + ":100000:65536\n");
  host_.write("etc/subgid", user + ":100000:1000\n");
  EXPECT_EQ(read_surroundings(host_.path()).subordinate_uids, 1000);
}

}  // namespace
}  // namespace labctl::doctor
