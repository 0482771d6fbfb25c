// `down` ends a lab whatever state it is in, and what became of a lab that ended otherwise is told.

#include "labctl/api/unix_socket.hpp"
#include "tests/e2e/labctl_program.hpp"
#include "topology/base/error.hpp"

#include <sys/socket.h>
#include <sys/stat.h>

#include <nlohmann/json.hpp>

#include <csignal>
#include <fstream>

namespace labctl::e2e {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using support::ProgramResult;

constexpr uid_t kSomeUser = 1000;

std::string small_lab(const std::string& name) {
  return cluster(name, "nodes: 1") + deployment("web", 1) + host_pod("tool", "sleep 3600");
}

void boot(Labctl& lab, const std::string& name = "shop") {
  require_code(lab.run({"up", lab.write(name + ".yaml", small_lab(name))}), kPassed);
}

pid_t only_process(const char* name) {
  const std::vector<pid_t> found = descendants_named(name);
  require(found.size() == 1, std::string("there is not one ") + name);
  return found.front();
}

void signal_only(const char* name, int number) { require(::kill(only_process(name), number) == 0, name); }

// Ends everything of the lab `shop`, or fails; twenty seconds are for a machine that is busy with others.
void down_ends_it(const Labctl& lab) {
  require_code(lab.run({"down", "--timeout", "20s", "shop"}), kPassed);
  require(lab.lab_folders().empty(), "the folder was left when down returned");
  require(descendants_named("labctl-lab").empty(), "the supervisor lives");
}

// `up` of the lab `shop` with so many pods that it boots for a while; its supervisor is there.
support::RunningProgram begin_boot(Labctl& lab) {
  const std::string file = lab.write("shop.yaml", cluster("shop", "nodes: 10") + deployment("web", 1000));
  support::RunningProgram up = lab.start({"up", file});
  require(eventually([] { return !descendants_named("labctl-lab").empty(); }), "no supervisor came");
  return up;
}

json row_of(const Labctl& lab, const std::string& name) {
  const ProgramResult result = lab.run({"ls", "-o", "json"});
  require_code(result, kPassed);
  for (const json& row : json::parse(result.out)) {
    if (row.at("name") == name) {
      return row;
    }
  }
  throw std::runtime_error("lab " + name + " is not listed: " + result.out);
}

void require_phase(const Labctl& lab, const std::string& phase) {
  const json row = row_of(lab, "shop");
  require(row.at("phase") == phase, "wanted phase " + phase + ", seen " + row.dump());
}

class Down : public ::testing::Test {
 protected:
  void SetUp() override { LABCTL_NEEDS_USER_NAMESPACES(); }
  static void ends(const std::function<void(Labctl&)>& before) {
    EXPECT_TRUE(leaves_nothing(kSomeUser, Folders::GoAtOnce, [&](Labctl& lab) {
      boot(lab);
      before(lab);
      down_ends_it(lab);
    }));
  }
};

TEST_F(Down, EndsALabWhoseSupervisorIsStopped) {
  ends([](Labctl& lab) {
    signal_only("labctl-lab", SIGSTOP);
    require_phase(lab, "NotAnswering");
    const ProgramResult status = lab.run({"status"});
    require_code(status, kTimedOut);
    require(status.err.find("does not answer") != std::string::npos, status.err);
    require(status.err.find("labctl down shop") != std::string::npos, status.err);
  });
}

TEST_F(Down, EndsALabWhoseKeeperIsStopped) {
  ends([](Labctl&) { signal_only("labctl-keeper", SIGSTOP); });
}

TEST_F(Down, EndsALabAllOfWhichIsStopped) {
  ends([](Labctl&) {
    signal_only("labctl-keeper", SIGSTOP);
    signal_only("labctl-lab", SIGSTOP);
  });
}

TEST_F(Down, EndsALabWhoseKeeperWasKilledAMomentAgo) {
  ends([](Labctl&) { signal_only("labctl-keeper", SIGKILL); });
}

TEST_F(Down, EndsALabWhoseSupervisorWasKilledAMomentAgo) {
  ends([](Labctl&) { signal_only("labctl-lab", SIGKILL); });
}

TEST_F(Down, EndsALabOfWhichTheSupervisorIsDeadAndTheKeeperStopped) {
  ends([](Labctl&) {
    signal_only("labctl-keeper", SIGSTOP);
    signal_only("labctl-lab", SIGKILL);
  });
}

TEST_F(Down, EndsALabThatTakesNoMoreConnections) {
  ends([](Labctl& lab) {
    std::vector<UniqueFd> held;
    for (int i = 0; i < 80; ++i) {
      held.push_back(api::connect_unix(lab.socket("shop")));
    }
    down_ends_it(lab);
    boot(lab);
  });
}

// More than wait in the kernel's queue for a supervisor that does not take them.
TEST_F(Down, EndsALabWhoseQueueIsFull) {
  ends([](Labctl& lab) {
    signal_only("labctl-lab", SIGSTOP);
    std::vector<UniqueFd> held;
    try {
      for (int i = 0; i < 1000; ++i) {
        held.push_back(api::connect_unix(lab.socket("shop"), std::chrono::milliseconds(50)));
      }
      require(false, "the queue has no end");
    } catch (const Error& error) {
      require(error.kind() == ErrorKind::Timeout, error.message());
    }
    require_phase(lab, "NotAnswering");
    down_ends_it(lab);
    boot(lab);
  });
}

TEST_F(Down, EndsALabWithRequestsUnderWay) {
  ends([](Labctl& lab) {
    // For a minute, a condition that will not come.
    const std::string body =
        R"({"resource":"pods","namespace":"default","name":"absent","condition":"Ready","timeout_ms":60000})";
    const std::string head = "POST /lab/v1/wait HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";
    std::vector<UniqueFd> held;
    for (int i = 0; i < 3; ++i) {
      held.push_back(api::connect_unix(lab.socket("shop")));
      const std::string text = head + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
      require(::send(held.back().get(), text.data(), text.size(), MSG_NOSIGNAL) ==
                  static_cast<ssize_t>(text.size()),
              "send");
    }
    const support::RunningProgram shell = lab.start({"exec", "tool", "--", "sleep", "3600"});
    require(eventually([] { return descendants_named("sleep").size() >= 2; }), "exec did not begin");
    down_ends_it(lab);
    boot(lab);
  });
}

TEST_F(Down, EndsALabThatBoots) {
  EXPECT_TRUE(leaves_nothing(kSomeUser, Folders::GoAtOnce, [](Labctl& lab) {
    support::RunningProgram up = begin_boot(lab);
    down_ends_it(lab);
    // A quick machine may have had it ready by then.
    const int code = up.wait().exit_code;
    require(code == kNotBuilt || code == kPassed, "up ended with " + std::to_string(code));
  }));
}

// Held while it boots: `up` was certainly not done.
TEST_F(Down, EndsALabThatIsStoppedWhileItBoots) {
  EXPECT_TRUE(leaves_nothing(kSomeUser, Folders::GoAtOnce, [](Labctl& lab) {
    support::RunningProgram up = begin_boot(lab);
    signal_only("labctl-lab", SIGSTOP);
    require_phase(lab, "Starting");
    down_ends_it(lab);
    require_code(up.wait(), kNotBuilt);
  }));
}

TEST_F(Down, OfTwoAtOnceBothSucceed) {
  for (const bool stopped : {false, true}) {
    EXPECT_TRUE(leaves_nothing(kSomeUser, Folders::GoAtOnce, [stopped](Labctl& lab) {
      boot(lab);
      if (stopped) {
        signal_only("labctl-lab", SIGSTOP);
      }
      support::RunningProgram first = lab.start({"down", "--ignore-not-found", "shop"});
      support::RunningProgram second = lab.start({"down", "--ignore-not-found", "shop"});
      require_code(first.wait(), kPassed);
      require_code(second.wait(), kPassed);
      require(lab.lab_folders().empty(), "the folder was left");
    }));
  }
}

TEST_F(Down, AllTakesTheOthersDownBesideOneThatIsStuck) {
  EXPECT_TRUE(leaves_nothing(kSomeUser, Folders::GoAtOnce, [](Labctl& lab) {
    boot(lab, "one");
    signal_only("labctl-lab", SIGSTOP);
    boot(lab, "two");
    boot(lab, "zoo");
    const ProgramResult down = lab.run({"down", "--all"});
    require_code(down, kPassed);
    require(down.out == "lab one is down\nlab two is down\nlab zoo is down\n", down.out);
    require(lab.lab_folders().empty(), "a folder was left");
  }));
}

// One after the other they would take as many times as long.
TEST_F(Down, ManyStuckLabsAreListedAsFastAsOne) {
  EXPECT_TRUE(leaves_nothing(kSomeUser, Folders::GoAtOnce, [](Labctl& lab) {
    constexpr int kLabs = 6;
    for (int i = 0; i < kLabs; ++i) {
      boot(lab, "lab-" + std::to_string(i));
    }
    for (const pid_t supervisor : descendants_named("labctl-lab")) {
      ::kill(supervisor, SIGSTOP);
    }
    const ProgramResult ls = lab.run({"ls", "--no-headers"});
    require_code(ls, kPassed);
    require(count_of(ls.out, "NotAnswering") == kLabs, ls.out);
    // All of them one after another would wait for 9 s.
    require(ls.elapsed < std::chrono::seconds(1) * kLabs, "asked one after another");
    require_code(lab.run({"down", "--all"}), kPassed);
  }));
}

// ---- Half-made labs ----------------------------------------------------------------------------

TEST(HalfMadeLab, AFolderWithoutALockIsDeadForEveryCommand) {
  const Labctl lab;
  const auto make = [&] {
    fs::create_directories(lab.socket("half").parent_path());
    ASSERT_EQ(::chmod(lab.socket("half").parent_path().c_str(), 0700), 0);
    ASSERT_EQ(::chmod(lab.socket("half").parent_path().parent_path().c_str(), 0700), 0);
    std::ofstream(lab.socket("half").parent_path() / "supervisor.log") << "the last line\n";
  };
  make();
  EXPECT_TRUE(has(lab.run({"ls"}).out, "Dead"));
  const ProgramResult get = lab.run({"get", "pods", "-n", "half"});
  EXPECT_TRUE(ends_with(get, kUsage));
  EXPECT_TRUE(has(get.err, "the last line"));
  const ProgramResult gc = lab.run({"gc"});
  EXPECT_TRUE(ends_with(gc, kPassed));
  EXPECT_TRUE(has(gc.out, "removed the folder of lab half"));
  EXPECT_TRUE(lab.lab_folders().empty());
  make();
  EXPECT_TRUE(ends_with(lab.run({"down", "half"}), kPassed));
  EXPECT_TRUE(lab.lab_folders().empty());
  EXPECT_TRUE(ends_with(lab.run({"down", "half"}), kUsage));
}

// ---- Last words --------------------------------------------------------------------------------

class LastWords : public Down {};

TEST_F(LastWords, OfALabThatEndedByItselfAreToldByEveryCommand) {
  EXPECT_TRUE(leaves_nothing(kSomeUser, Folders::GoAtOnce, [](Labctl& lab) {
    boot(lab);
    signal_only("labctl-lab", SIGKILL);
    require(eventually([] { return descendants_named("labctl-keeper").empty(); }), "the keeper lives");
    const json row = row_of(lab, "shop");
    require(row.at("phase") == "Failed", row.dump());
    require(row.at("reason") == "signal 9 (Killed)", row.dump());
    require(row.contains("endedAt") && row.contains("lastWords"), row.dump());
    require(lab.run({"ls"}).out.find("signal 9") != std::string::npos, "ls does not tell");
    for (const std::vector<std::string>& command :
         std::vector<std::vector<std::string>>{{"status"},
                                               {"status", "shop"},
                                               {"get", "pods"},
                                               {"get", "pods", "-n", "shop"},
                                               {"exec", "tool", "--", "true"},
                                               {"apply", lab.write("more.yaml", deployment("b", 1))}}) {
      const ProgramResult result = lab.run(command);
      require_code(result, kUsage);
      require(result.err.find("lab \"shop\" ended by itself at 2") != std::string::npos, result.err);
      require(result.err.find("signal 9 (Killed)") != std::string::npos, result.err);
    }
    const ProgramResult gc = lab.run({"gc"});
    require_code(gc, kPassed);
    require(gc.err.find("ended by itself") != std::string::npos, gc.err);
    require(gc.out == "removed the folder of lab shop\n", gc.out);
  }));
}

TEST_F(LastWords, AreReplacedByTheNextLabOfTheName) {
  EXPECT_TRUE(leaves_nothing(kSomeUser, Folders::GoAtOnce, [](Labctl& lab) {
    boot(lab);
    signal_only("labctl-lab", SIGKILL);
    require(eventually([] { return descendants_named("labctl-keeper").empty(); }), "the keeper lives");
    require_phase(lab, "Failed");
    boot(lab);
    require_phase(lab, "Ready");
    down_ends_it(lab);
  }));
}

TEST_F(LastWords, OfAForegroundLabAreItsCommandsError) {
  EXPECT_TRUE(leaves_nothing(kSomeUser, Folders::GoAtOnce, [](Labctl& lab) {
    support::RunningProgram up = lab.start({"up", "--foreground", lab.write("lab.yaml", small_lab("shop"))});
    require(up.wait_for_output("is up", std::chrono::seconds(60)), "it did not come up");
    signal_only("labctl-lab", SIGKILL);
    const ProgramResult result = up.wait();
    require_code(result, kNotBuilt);
    require(result.err.find("signal 9 (Killed)") != std::string::npos, result.err);
    require(lab.lab_folders().empty(), "the folder was left");
  }));
}

TEST_F(LastWords, ABootThatWasKilledIsToldAndLeavesNothing) {
  EXPECT_TRUE(leaves_nothing(kSomeUser, Folders::GoAtOnce, [](Labctl& lab) {
    support::RunningProgram up = begin_boot(lab);
    signal_only("labctl-lab", SIGKILL);
    const ProgramResult result = up.wait();
    require_code(result, kNotBuilt);
    require(result.err.find("signal 9 (Killed)") != std::string::npos, result.err);
    require(lab.lab_folders().empty(), "the folder was left");
  }));
}

// ---- The runtime folder ------------------------------------------------------------------------

TEST_F(Down, ALabWhoseFolderIsRemovedEnds) {
  for (const bool whole : {false, true}) {
    EXPECT_TRUE(leaves_nothing(kSomeUser, Folders::GoAtOnce, [whole](Labctl& lab) {
      boot(lab);
      const fs::path folder = lab.socket("shop").parent_path();
      fs::remove_all(whole ? folder.parent_path() : folder);
      require(eventually([] { return descendants_named("labctl-keeper").empty(); }), "the lab lives on");
    }));
  }
}

TEST_F(Down, ALabWhoseRuntimeFolderIsMovedEnds) {
  EXPECT_TRUE(leaves_nothing(kSomeUser, Folders::GoAtOnce, [](Labctl& lab) {
    boot(lab);
    const fs::path root = lab.socket("shop").parent_path().parent_path();
    fs::rename(root, root.string() + "-away");
    require(eventually([] { return descendants_named("labctl-keeper").empty(); }), "the lab lives on");
  }));
}

TEST_F(Down, ARelativeRuntimeFolderIsFoundAgain) {
  EXPECT_TRUE(leaves_nothing(kSomeUser, Folders::GoAtOnce, [](Labctl& lab) {
    const std::string file = lab.write("shop.yaml", small_lab("shop"));
    require_code(lab.run_by({"env", "LABCTL_RUNTIME_DIR=run"}, {"up", file}), kPassed);
    require_phase(lab, "Ready");  // by its whole name
    require_code(lab.run_by({"env", "LABCTL_RUNTIME_DIR=run"}, {"down", "shop"}), kPassed);
    require(lab.lab_folders().empty(), "the folder was left");
  }));
}

}  // namespace
}  // namespace labctl::e2e
