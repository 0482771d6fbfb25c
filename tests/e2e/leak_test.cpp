// A lab leaves nothing: no process, namespace, mount or folder, however it ends; and the host's own network
// and settings are the same to the byte while it is up and afterwards.

#include "tests/e2e/labctl_program.hpp"
#include "tests/support/host_inventory.hpp"

#include <poll.h>
#include <time.h>
#include <unistd.h>

#include <csignal>
#include <iostream>
#include <random>
#include <regex>
#include <sstream>

namespace labctl::e2e {
namespace {

using std::chrono::microseconds;

constexpr uid_t kRoot = 0;
constexpr uid_t kSomeUser = 1000;
constexpr int kMoments = 20;

std::string lab_3x10() {
  return cluster("leak", "nodes: 3") + deployment("web", 9) + host_pod("tool", "sleep 3600");
}

// ---- Victims -----------------------------------------------------------------------------------

enum class Victim { Command, Keeper, Supervisor, Both, AllThree };

const char* to_string(Victim victim) {
  switch (victim) {
    case Victim::Command:
      return "the command";
    case Victim::Keeper:
      return "the keeper";
    case Victim::Supervisor:
      return "the supervisor";
    case Victim::Both:
      return "keeper and supervisor";
    case Victim::AllThree:
      return "command, keeper and supervisor";
  }
  return "";
}

void kill_all_named(const char* name) {
  for (const pid_t pid : descendants_named(name)) {
    ::kill(pid, SIGKILL);
  }
}

void kill_victim(Victim victim, const support::RunningProgram* command) {
  if ((victim == Victim::Command || victim == Victim::AllThree) && command != nullptr) {
    command->signal(SIGKILL);
  }
  if (victim == Victim::Keeper || victim == Victim::Both || victim == Victim::AllThree) {
    kill_all_named("labctl-keeper");
  }
  if (victim == Victim::Supervisor || victim == Victim::Both || victim == Victim::AllThree) {
    kill_all_named("labctl-lab");
  }
}

// ---- Moments -----------------------------------------------------------------------------------

// The moment is what the test is about, so here, and only here, it lets time pass.
void let_pass(microseconds time) {
  const timespec wanted{time.count() / 1'000'000, time.count() % 1'000'000 * 1000};
  ::ppoll(nullptr, 0, &wanted, nullptr);
}

unsigned seed() {
  const char* given = std::getenv("LABCTL_TEST_SEED");
  return given != nullptr ? static_cast<unsigned>(std::strtoul(given, nullptr, 10)) : std::random_device{}();
}

// How long `up` takes now, on this machine.
microseconds boot_time() {
  const Labctl lab;
  const support::ProgramResult result = lab.run({"up", lab.write("lab.yaml", lab_3x10())});
  EXPECT_TRUE(ends_with(result, kPassed));
  return result.elapsed;
}

// Kills `victim` at `moment` after `up` began, and waits for the end of `up`.
void kill_during_up(Labctl& lab, Victim victim, microseconds moment) {
  support::RunningProgram up = lab.start({"up", lab.write("lab.yaml", lab_3x10())});
  let_pass(moment);
  kill_victim(victim, &up);
  const support::ProgramResult result = up.wait();
  require(!result.timed_out, "up did not end");
  if (result.signal == 0 && victim == Victim::Command) {
    require_code(result, kPassed);  // it was quicker than the signal
  }
  // Nothing may be there, half a lab, or a whole one where the blow came too early or too late.
  require_code(lab.run({"down", "--ignore-not-found", "--timeout", "20s", "leak"}), kPassed);
  require(lab.lab_folders().empty(), "the folder was left when down returned");
}

void kill_at_random_moments(const std::vector<Victim>& victims) {
  const unsigned number = seed();
  std::cout << "LABCTL_TEST_SEED=" << number << " repeats these moments\n";
  std::mt19937 random(number);
  const microseconds boot = boot_time();
  std::uniform_int_distribution<microseconds::rep> moments(0, boot.count() * 11 / 10);
  for (int i = 0; i < kMoments; ++i) {
    const Victim victim = victims[static_cast<size_t>(i) % victims.size()];
    const microseconds moment(moments(random));
    const uid_t uid = i % 2 == 0 ? kSomeUser : kRoot;
    EXPECT_TRUE(
        leaves_nothing(uid, Folders::GoAtOnce, [&](Labctl& lab) { kill_during_up(lab, victim, moment); }))
        << to_string(victim) << " killed after " << moment.count() << " us of " << boot.count();
  }
}

// ---- Ends of a lab -----------------------------------------------------------------------------

// In order: as a user and as root.
class Leak : public ::testing::TestWithParam<uid_t> {
 protected:
  void SetUp() override { LABCTL_NEEDS_USER_NAMESPACES(); }
};

TEST_P(Leak, NothingIsLeftAfterDown) {
  EXPECT_TRUE(leaves_nothing(GetParam(), Folders::GoAtOnce, [](Labctl& lab) {
    require_code(lab.run({"up", lab.write("lab.yaml", lab_3x10())}), kPassed);
    require_code(lab.exec("tool", {"true"}), 0);
    require_code(lab.run({"matrix"}), kPassed);
    require_code(lab.run({"down"}), kPassed);
    require(lab.lab_folders().empty(), "the folder was left when down returned");
  }));
}

TEST_P(Leak, NothingIsLeftAfterAScenario) {
  EXPECT_TRUE(leaves_nothing(GetParam(), Folders::GoAtOnce, [](Labctl& lab) {
    require_code(lab.run({"test", std::string(LABCTL_SOURCE_DIR) + "/scenarios/quickstart"}), kPassed);
  }));
}

TEST_P(Leak, NothingIsLeftAfterABootThatFails) {
  EXPECT_TRUE(leaves_nothing(GetParam(), Folders::GoAtOnce, [](Labctl& lab) {
    const std::string file = lab.write("lab.yaml", cluster("slow", "nodes: 10") + deployment("web", 1000));
    const support::ProgramResult up = lab.run({"up", file, "--timeout", "50ms"});
    require(up.exit_code != kPassed, "1,000 pods in 50 ms were not to be expected");
  }));
}

TEST_P(Leak, NothingIsLeftAfterAKill) {
  for (const Victim victim : {Victim::Supervisor, Victim::Keeper, Victim::Both}) {
    EXPECT_TRUE(leaves_nothing(GetParam(), Folders::MayStayUntilGc, [victim](Labctl& lab) {
      require_code(lab.run({"up", lab.write("lab.yaml", lab_3x10())}), kPassed);
      require(descendants_named("labctl-keeper").size() == 1, "there is not one keeper");
      require(descendants_named("labctl-lab").size() == 1, "there is not one supervisor");
      kill_victim(victim, nullptr);
    })) << to_string(victim);
  }
}

// A shell left running by exec, a pod's process that daemonises: both are in the lab's PID namespace.
TEST_P(Leak, NothingIsLeftOfWhatProcessesLeftRunning) {
  EXPECT_TRUE(leaves_nothing(GetParam(), Folders::GoAtOnce, [](Labctl& lab) {
    require_code(lab.run({"up", lab.write("lab.yaml", lab_3x10())}), kPassed);
    require_code(lab.exec("tool", {"sh", "-c", "setsid sleep 3600 </dev/null >/dev/null 2>&1 &"}), 0);
    require_code(lab.exec("node/node-1", {"sh", "-c", "setsid sleep 3600 </dev/null >/dev/null 2>&1 &"}), 0);
    require_code(lab.run({"down"}), kPassed);
  }));
}

std::string user_name(const ::testing::TestParamInfo<uid_t>& info) {
  return info.param == kRoot ? "AsRoot" : "AsUser";
}
INSTANTIATE_TEST_SUITE_P(Users, Leak, ::testing::Values(kRoot, kSomeUser), user_name);

TEST(KilledWhileBooting, TheCommandAtTwentyMomentsLeavesNothing) {
  LABCTL_NEEDS_USER_NAMESPACES();
  kill_at_random_moments({Victim::Command});
}

TEST(KilledWhileBooting, TheLabsProcessesAtTwentyMomentsLeaveNothing) {
  LABCTL_NEEDS_USER_NAMESPACES();
  kill_at_random_moments({Victim::Supervisor, Victim::Keeper, Victim::Both, Victim::AllThree});
}

// A killed lab's name is free at once, and `ls` and `gc` know what is dead.
TEST(KilledLab, ItsNameCanBeUsedAgainAtOnce) {
  LABCTL_NEEDS_USER_NAMESPACES();
  EXPECT_TRUE(leaves_nothing(kSomeUser, Folders::GoAtOnce, [](Labctl& lab) {
    const std::string file = lab.write("lab.yaml", cluster("again", "nodes: 1"));
    require_code(lab.run({"up", file}), kPassed);
    kill_victim(Victim::Both, nullptr);
    // Either of them holds the name until it is dead.
    require(eventually([] {
              return descendants_named("labctl-lab").empty() && descendants_named("labctl-keeper").empty();
            }),
            "supervisor or keeper live");
    require_code(lab.run({"up", file}), kPassed);
    require_code(lab.run({"down"}), kPassed);
  }));
}

// ---- The host ----------------------------------------------------------------------------------

// A kernel that loads modules on demand shows their settings from the first lab on.
bool only_new_settings(const std::string& difference) {
  std::istringstream lines(difference);
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("+ /proc/sys/net/", 0) != 0) {
      return false;
    }
  }
  return true;
}

TEST(Host, IsTheSameToTheByteWhileALabIsUpAndAfterwards) {
  LABCTL_NEEDS_USER_NAMESPACES();
  const Labctl lab;
  const std::string file =
      lab.write("lab.yaml", cluster("host", "nodes: 2, ipFamilies: [IPv4, IPv6], network: {mode: vxlan}") +
                                deployment("web", 3) + host_pod("tool", "sleep 3600"));
  const std::string untouched = support::host_inventory();
  ASSERT_TRUE(ends_with(lab.run({"up", file}), kPassed));
  EXPECT_TRUE(ends_with(lab.run({"down"}), kPassed));
  const std::string before = support::host_inventory();
  EXPECT_TRUE(only_new_settings(support::difference(untouched, before)))
      << support::difference(untouched, before);

  ASSERT_TRUE(ends_with(lab.run({"up", file}), kPassed));
  EXPECT_EQ(support::difference(before, support::host_inventory()), "") << "while the lab is up";
  EXPECT_TRUE(ends_with(lab.run({"matrix"}), kPassed));
  EXPECT_TRUE(ends_with(lab.run({"probe", "tool", "198.51.100.80:80"}), kPassed));
  EXPECT_TRUE(ends_with(lab.exec("tool", {"ip", "address", "add", "192.0.2.7/32", "dev", "lo"}), 0));
  EXPECT_EQ(support::difference(before, support::host_inventory()), "") << "after probes and exec";
  EXPECT_TRUE(ends_with(lab.run({"down"}), kPassed));
  EXPECT_EQ(support::difference(before, support::host_inventory()), "") << "after down";
}

// Prints each setting that can be opened for writing; nothing is written.
const char* const kOpenSettings =
    "find $0 -type f 2>/dev/null | while read -r f; do "
    "if { : >> $f; } 2>/dev/null; then echo $f; fi; done";

// Writes each setting one higher than it is. Not the one that cannot be set back.
const char* const kRaiseSettings =
    "find $0 -type f 2>/dev/null | while read -r f; do "
    "case $f in */route/flush|*/nf_hooks_lwtunnel) continue;; esac; "
    "v=$(cat $f 2>/dev/null) || continue; case $v in \"\"|*[!0-9]*) continue;; esac; "
    "{ echo $((v + 1)) > $f; } 2>/dev/null; done";

// The names and values of "- /proc/sys/net/... = 7": what a lab changed is put back, for it is our host.
void put_back(const std::string& difference) {
  static const std::regex kSetting(R"(- (/proc/sys/\S+) = (\S+) ?)");
  for (std::sregex_iterator at(difference.begin(), difference.end(), kSetting), end; at != end; ++at) {
    if (FILE* file = std::fopen((*at)[1].str().c_str(), "w"); file != nullptr) {
      std::fputs((*at)[2].str().c_str(), file);
      std::fclose(file);
    }
  }
}

class Settings : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override { LABCTL_NEEDS_USER_NAMESPACES(); }
};

TEST_P(Settings, OfTheHostCannotBeWrittenFromALab) {
  const Labctl lab;
  const std::string file =
      lab.write("lab.yaml", cluster("settings", "nodes: 1") + host_pod("tool", "sleep 3600"));
  ASSERT_TRUE(ends_with(lab.run({"up", file}), kPassed));
  const std::string before = support::host_inventory();
  const std::string vantage = GetParam();
  for (const char* folder : {"/proc/sys/kernel", "/proc/sys/vm", "/proc/sys/fs", "/proc/sys/user"}) {
    EXPECT_EQ(lab.exec(vantage, {"sh", "-c", kOpenSettings, folder}).out, "") << folder;
  }
  // Those of its own network are a node's or a pod's to write, and must be no one else's.
  lab.exec(vantage, {"sh", "-c", kRaiseSettings, "/proc/sys/net"});
  const std::string changed = support::difference(before, support::host_inventory());
  EXPECT_EQ(changed, "");
  put_back(changed);
}

// There is one in every network namespace, but all are the same switch of the kernel's
// (net/netfilter/nf_hooks_lwtunnel.c), and it goes only one way.
TEST_P(Settings, TheOneThatOnlyLooksLikeTheNamespacesOwnCannotBeOpened) {
  const Labctl lab;
  const std::string file =
      lab.write("lab.yaml", cluster("switch", "nodes: 1") + host_pod("tool", "sleep 3600"));
  ASSERT_TRUE(ends_with(lab.run({"up", file}), kPassed));
  const std::string folder = "/proc/sys/net/netfilter/nf_hooks_lwtunnel";
  EXPECT_EQ(lab.exec(GetParam(), {"sh", "-c", kOpenSettings, folder}).out, "");
}

TEST_P(Settings, MountsOfTheHostCannotBeMadeFromALab) {
  const Labctl lab;
  const std::string file =
      lab.write("lab.yaml", cluster("mounts", "nodes: 1") + host_pod("tool", "sleep 3600"));
  ASSERT_TRUE(ends_with(lab.run({"up", file}), kPassed));
  const std::string before = support::host_inventory();
  for (const std::vector<std::string>& command :
       std::vector<std::vector<std::string>>{{"mount", "-t", "tmpfs", "none", "/mnt"},
                                             {"mount", "-o", "remount,rw", "/proc/sys"},
                                             {"umount", "/proc/sys"}}) {
    // A user's lab may mount for itself: the right to is of its own user
    // namespace. Root's has no such bounds.
    const int code = lab.exec(GetParam(), command).exit_code;
    EXPECT_TRUE(code != 0 || ::geteuid() != 0) << command[0] << " " << command.back();
  }
  EXPECT_EQ(support::difference(before, support::host_inventory()), "");
}

std::string place_name(const ::testing::TestParamInfo<const char*>& info) {
  return std::string(info.param) == "tool" ? "FromAPod" : "FromANode";
}
INSTANTIATE_TEST_SUITE_P(Places, Settings, ::testing::Values("tool", "node/node-1"), place_name);

TEST(PodSettings, ForwardingOfAPodIsItsOwn) {
  LABCTL_NEEDS_USER_NAMESPACES();
  const Labctl lab;
  const std::string file = lab.write("lab.yaml", cluster("own", "nodes: 1") + host_pod("tool", "sleep 3600") +
                                                     host_pod("other", "sleep 3600"));
  ASSERT_TRUE(ends_with(lab.run({"up", file}), kPassed));
  const std::string name = "/proc/sys/net/ipv4/ip_forward";
  EXPECT_EQ(lab.exec("tool", {"cat", name}).out, "0\n");
  EXPECT_TRUE(ends_with(lab.exec("tool", {"sh", "-c", "echo 1 > " + name}), 0));
  EXPECT_EQ(lab.exec("tool", {"cat", name}).out, "1\n");
  EXPECT_EQ(lab.exec("other", {"cat", name}).out, "0\n");
}

}  // namespace
}  // namespace labctl::e2e
