#include "labctl/doctor/sizes.hpp"

#include "tests/support/temp_dir.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace labctl::doctor {
namespace {

using ::testing::HasSubstr;

HostSizes roomy() {
  HostSizes sizes;
  for (const char* kind : {"user", "net", "mnt", "pid", "uts", "ipc", "cgroup"}) {
    sizes.max_namespaces[kind] = 96000;
  }
  sizes.open_files_soft = 1024;
  sizes.open_files_hard = 524288;
  sizes.processes_of_user = 96000;
  sizes.processes_of_group = kNoLimit;
  sizes.pid_max = 32768;
  sizes.inotify_instances = 128;
  sizes.memory_available_kb = 8 << 20;
  sizes.neighbours_v4 = 1024;
  sizes.neighbours_v6 = 1024;
  return sizes;
}

HostItem item_of(const HostSizes& sizes, const std::string& id, int pods = 1000,
                 bool in_user_namespace = true) {
  for (const HostItem& item : judge_sizes(sizes, pods, in_user_namespace)) {
    if (item.id == id) {
      return item;
    }
  }
  return {"absent", "", "", HostVerdict::Fail, "", ""};
}

TEST(JudgeSizes, ARoomyHostHasNothingToMend) {
  for (const HostItem& item : judge_sizes(roomy(), 1000, true)) {
    EXPECT_TRUE(item.verdict == HostVerdict::Ok || item.verdict == HostVerdict::Info) << item.id;
    EXPECT_EQ(item.remedy, "") << item.id;
  }
}

TEST(JudgeSizes, SmallMachineSaysForHowManyPodsItDoes) {
  HostSizes sizes = roomy();
  sizes.max_namespaces["net"] = 3800;
  const HostItem item = item_of(sizes, "max_net_namespaces", 5000);
  EXPECT_EQ(item.verdict, HostVerdict::Warn);
  EXPECT_THAT(item.message, HasSubstr("room for about 3736 pods, asked for 5000"));
  EXPECT_EQ(item.remedy, "sudo sysctl -w user.max_net_namespaces=28633");
}

TEST(JudgeSizes, NoNetworkNamespacesIsNoLab) {
  HostSizes sizes = roomy();
  sizes.max_namespaces["net"] = 0;
  EXPECT_EQ(item_of(sizes, "max_net_namespaces").verdict, HostVerdict::Fail);
}

TEST(JudgeSizes, NoUserNamespacesIsNoLabForAUserButOneForRoot) {
  HostSizes sizes = roomy();
  sizes.max_namespaces["user"] = 0;
  EXPECT_EQ(item_of(sizes, "max_user_namespaces").verdict, HostVerdict::Fail);
  EXPECT_EQ(item_of(sizes, "max_user_namespaces", 1000, false).id, "absent");
}

TEST(JudgeSizes, OnePidNamespaceALabIsEnough) {
  HostSizes sizes = roomy();
  sizes.max_namespaces["pid"] = 10;
  EXPECT_EQ(item_of(sizes, "max_pid_namespaces").verdict, HostVerdict::Ok);
}

TEST(JudgeSizes, FewOpenFilesIsAWarningWithACommand) {
  HostSizes sizes = roomy();
  sizes.open_files_hard = 1024;
  const HostItem item = item_of(sizes, "nofile");
  EXPECT_EQ(item.verdict, HostVerdict::Warn);
  EXPECT_THAT(item.remedy, HasSubstr("prlimit --pid $$ --nofile="));
}

TEST(JudgeSizes, SmallestOfTheProcessLimitsCountsAndIsNamed) {
  HostSizes sizes = roomy();
  sizes.processes_of_group = 100;
  const HostItem item = item_of(sizes, "processes");
  EXPECT_EQ(item.verdict, HostVerdict::Warn);
  EXPECT_EQ(item.value, "100 (pids.max of the control group)");
  EXPECT_THAT(item.remedy, HasSubstr("--pids-limit"));
}

TEST(JudgeSizes, MemoryIsJudgedByPods) {
  HostSizes sizes = roomy();
  sizes.memory_available_kb = 200 << 10;
  EXPECT_EQ(item_of(sizes, "memory", 100).verdict, HostVerdict::Ok);
  EXPECT_EQ(item_of(sizes, "memory", 5000).verdict, HostVerdict::Warn);
  sizes.memory_available_kb = 10 << 10;
  EXPECT_EQ(item_of(sizes, "memory", 100).verdict, HostVerdict::Fail);
}

TEST(JudgeSizes, UnknownIsNeitherGoodNorBad) {
  for (const HostItem& item : judge_sizes(HostSizes{}, 1000, true)) {
    EXPECT_EQ(item.verdict, HostVerdict::Info) << item.id;
  }
}

TEST(ReadSizes, ReadsAHostFromAFolder) {
  const support::TempDir host;
  host.write("proc/sys/user/max_net_namespaces", "3800\n");
  host.write("proc/meminfo", "MemTotal: 100 kB\nMemAvailable:    4096 kB\n");
  host.write("proc/self/cgroup", "0::/user.slice/session\n");
  host.write("sys/fs/cgroup/user.slice/pids.max", "500\n");
  host.write("sys/fs/cgroup/user.slice/session/pids.max", "max\n");
  host.write("proc/sys/kernel/pid_max", "32768\n");
  const HostSizes sizes = read_sizes(host.path());
  EXPECT_EQ(sizes.max_namespaces.at("net"), 3800);
  EXPECT_EQ(sizes.max_namespaces.at("user"), -1);
  EXPECT_EQ(sizes.memory_available_kb, 4096);
  EXPECT_EQ(sizes.processes_of_group, 500);
  EXPECT_EQ(sizes.pid_max, 32768);
}

}  // namespace
}  // namespace labctl::doctor
