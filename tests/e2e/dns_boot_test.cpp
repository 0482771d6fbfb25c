// Labs whose DNS server does not come up as it should: what the boot waits for, and what it says.
//
// The host's named is covered by a script, in a mount namespace of the program's own.

#include "tests/e2e/dns_client.hpp"

#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

namespace labctl::e2e {
namespace {

using support::ProgramResult;

constexpr int kUpTimedOut = 124;

// The script in named's place writes on the host how often it was started.
constexpr const char* kSpec = "nodes: 1, dns: {replicas: 1}, writableHost: true";

class DnsBoot : public ::testing::Test {
 protected:
  void SetUp() override {
    LABCTL_NEEDS_USER_NAMESPACES();
    named_ = support::find_program("named").string();
    if (named_.empty()) {
      GTEST_SKIP() << "named is not installed: the tests of dns_test.cpp see that";
    }
    // Who runs the scripts in a lab of root is nobody out here.
    std::filesystem::permissions(shared_.path(), std::filesystem::perms::all);
    std::filesystem::copy_file(named_, real_ = folder() + "/real-named");
  }

  // Where the scripts keep what they tell tests.
  std::string folder() { return shared_.path(); }
  // `named` is `script` from now on: "$server" says which one it is, "$real" is the real program.
  void set_named(const std::string& script) {
    script_ =
        shared_.write("named", "#!/bin/sh\nreal='" + real_ + "'\nserver=$(basename \"$(dirname \"$5\")\")\n" +
                                   "echo start >> '" + folder() + "/starts-'\"$server\"\n" + script + "\n");
    std::filesystem::permissions(script_, std::filesystem::perms(0755));
  }
  std::vector<std::string> with_script() const {
    return {"unshare",
            ::geteuid() == 0 ? "-m" : "-rm",
            "sh",
            "-ec",
            "mount --bind '" + script_ + "' '" + named_ + "'; exec \"$@\"",
            "sh"};
  }
  ProgramResult up(const std::string& timeout) {
    return lab_.run_by(with_script(),
                       {"up", lab_.write("lab.yaml", cluster("names", kSpec)), "--timeout", timeout});
  }
  // How often each server was started, as "kube-dns-... 1, outside 1, ".
  int starts(const std::string& of) {
    int count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder())) {
      if (entry.path().filename().string().starts_with("starts-" + of)) {
        std::ifstream file(entry.path());
        for (std::string line; std::getline(file, line);) {
          ++count;
        }
      }
    }
    return count;
  }
  // In the program's error message, for the server of the outside and of the cluster.
  static std::string said_of(const ProgramResult& result, const std::string& server) {
    const std::size_t at = result.err.find(server);
    return at == std::string::npos ? "" : result.err.substr(at);
  }

  Labctl lab_;
  support::TempDir shared_;
  std::string named_;
  std::string real_;
  std::string script_;
};

TEST_F(DnsBoot, AServerThatEndsAtOnceIsToldWithItsLastWordsAndExitCode) {
  set_named("echo \"named.conf:3: option 'x' no longer exists\" >&2\nexit 7");
  const ProgramResult result = up("20s");
  EXPECT_TRUE(ends_with(result, kUpTimedOut));
  for (const char* server : {"outside: ", "kube-system/kube-dns-"}) {
    EXPECT_TRUE(has(said_of(result, server), "exit code 7: named.conf:3: option 'x' no longer exists"));
  }
  EXPECT_TRUE(has(result.err, "dns: {enabled: false}"));
  EXPECT_TRUE(lab_.lab_folders().empty());
}

TEST_F(DnsBoot, AServerThatEndsWithoutAWordIsToldSo) {
  set_named("exit 1");
  const ProgramResult result = up("20s");
  EXPECT_TRUE(ends_with(result, kUpTimedOut));
  EXPECT_TRUE(has(result.err, "it ended with exit code 1, without a word"));
  EXPECT_EQ(count_of(result.err, ": ;"), 0) << result.err;
}

TEST_F(DnsBoot, AServerThatHangsIsStartedAgainAndToldToBeSilent) {
  set_named("exec sleep 300");
  const ProgramResult result = up("8s");
  EXPECT_TRUE(ends_with(result, kUpTimedOut));
  EXPECT_TRUE(has(said_of(result, "outside: "), "it does not answer for its zones: no reply"));
  EXPECT_TRUE(has(said_of(result, "kube-system/kube-dns-"), "it does not answer for its zones: no reply"));
  EXPECT_EQ(count_of(result.err, "not ready after"), 0) << result.err;
  EXPECT_GE(starts("outside"), 2);
  EXPECT_GE(starts("kube-dns-"), 2);
}

TEST_F(DnsBoot, AServerThatHungOnceIsThereTheNextTime) {
  set_named(
      "if mkdir \"$(dirname \"$real\")/hung-$server\" 2>/dev/null; then exec sleep 300; fi\nexec \"$real\" "
      "\"$@\"");
  EXPECT_TRUE(ends_with(up("40s"), kPassed));
  EXPECT_EQ(starts("outside"), 2);
  EXPECT_EQ(starts("kube-dns-"), 2);
}

TEST_F(DnsBoot, AServerThatIsLateIsWaitedFor) {
  set_named("sleep 3\nexec \"$real\" \"$@\"");
  EXPECT_TRUE(ends_with(up("60s"), kPassed));
  EXPECT_EQ(starts("outside"), 1);
  EXPECT_EQ(starts("kube-dns-"), 1);
}

// As when the machine is suspended: the time of it is nobody's failure.
TEST_F(DnsBoot, TimeInWhichTheSupervisorWasStoppedDoesNotCount) {
  const std::string go = folder() + "/go";
  set_named("while ! test -e '" + go + "'; do sleep 0.05; done\nexec \"$real\" \"$@\"");
  const std::string file = lab_.write("lab.yaml", cluster("names", kSpec));
  // The first patience with a server is a quarter of it: 8 s.
  support::RunningProgram up = lab_.start_by(with_script(), {"up", file, "--timeout", "32s"});
  ASSERT_TRUE(eventually([&] { return starts("outside") == 1 && starts("kube-dns-") == 1; }));
  const std::vector<pid_t> supervisors = descendants_named("labctl-lab");
  ASSERT_EQ(supervisors.size(), 1U);
  ASSERT_EQ(::kill(supervisors[0], SIGSTOP), 0);
  // Longer than the patience.
  EXPECT_FALSE(eventually([&] { return starts("") > 2; }, std::chrono::seconds(10)));
  ASSERT_EQ(::kill(supervisors[0], SIGCONT), 0);
  std::ofstream(go) << "go";
  EXPECT_TRUE(ends_with(up.wait(), kPassed));
  EXPECT_EQ(starts("outside"), 1) << "it was started again although it was not late";
  EXPECT_EQ(starts("kube-dns-"), 1);
}

}  // namespace
}  // namespace labctl::e2e
