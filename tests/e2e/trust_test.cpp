// A runtime folder that another user made, or could put something into, is not used: not a byte is sent to
// whoever listens there, by no command.

#include "tests/e2e/labctl_program.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <fstream>

namespace labctl::e2e {
namespace {

namespace fs = std::filesystem;
using support::ProgramResult;

constexpr uid_t kOther = 12345;

// A lab that somebody else pretends to have.
class Trap {
 public:
  explicit Trap(const fs::path& root) : root_(root) {
    const fs::path lab = root / "shop";
    fs::create_directories(lab);
    std::ofstream(lab / "lock") << "keeper 1 1\n";
    listening_ = UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, (lab / "api.sock").c_str(), sizeof address.sun_path - 1);
    EXPECT_EQ(::bind(listening_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(listening_.get(), 10), 0);
    private_to(::geteuid());
  }
  // As what `uid` made for itself.
  void private_to(uid_t uid) const {
    for (const fs::path& path : {root_, root_ / "shop"}) {
      EXPECT_EQ(::chmod(path.c_str(), 0700), 0);
      EXPECT_EQ(::chown(path.c_str(), uid, static_cast<gid_t>(-1)), 0);
    }
    for (const char* file : {"lock", "api.sock"}) {
      EXPECT_EQ(::chown((root_ / "shop" / file).c_str(), uid, static_cast<gid_t>(-1)), 0);
    }
  }
  // Whether anybody connected.
  bool is_sprung() const {
    pollfd entry{.fd = listening_.get(), .events = POLLIN, .revents = 0};
    return ::poll(&entry, 1, 0) != 0;
  }

 private:
  fs::path root_;
  UniqueFd listening_;
};

class Trust : public ::testing::Test {
 protected:
  fs::path root() const { return lab_.socket("x").parent_path().parent_path(); }

  // Every command that looks for labs is refused with the folder's name, and springs no trap.
  void all_refuse(const Trap& trap, const fs::path& named) {
    const std::string file = lab_.write("lab.yaml", cluster("shop", "nodes: 1"));
    for (std::vector<std::string> command :
         std::vector<std::vector<std::string>>{{"up", file},
                                               {"down", "shop"},
                                               {"down", "--all"},
                                               {"ls"},
                                               {"gc"},
                                               {"status"},
                                               {"get", "pods"},
                                               {"get", "dns", "web"},
                                               {"describe", "pods"},
                                               {"apply", file},
                                               {"delete", "pod", "web"},
                                               {"events"},
                                               {"logs", "web"},
                                               {"exec", "web", "--", "true"},
                                               {"probe", "web", "198.51.100.1:80"},
                                               {"matrix"},
                                               {"graph"}}) {
      for (const bool named_lab : {false, true}) {
        std::vector<std::string> whole = command;
        if (named_lab) {
          whole.insert(whole.begin(), {"-n", "shop"});
        }
        const ProgramResult result = lab_.run(whole);
        EXPECT_TRUE(ends_with(result, kHost)) << command[0];
        EXPECT_TRUE(has(result.err, named.string() + ": not a private folder of this user")) << command[0];
        EXPECT_TRUE(has(result.err, "LABCTL_RUNTIME_DIR")) << command[0];
        EXPECT_FALSE(trap.is_sprung()) << command[0];
      }
    }
    lab_.run({"__complete", "--", "get", "pods", ""});
    EXPECT_FALSE(trap.is_sprung());
  }

  Labctl lab_;
};

TEST_F(Trust, AFolderThatOthersMayWriteToIsRefusedByEveryCommand) {
  const Trap trap(root());
  ASSERT_EQ(::chmod(root().c_str(), 01777), 0);
  all_refuse(trap, root());
  ASSERT_EQ(::chmod(root().c_str(), 0700), 0);
}

TEST_F(Trust, ALinkToAFolderIsRefusedByEveryCommand) {
  const fs::path real = root().parent_path() / "real";
  const Trap trap(real);
  fs::create_symlink(real, root());
  all_refuse(trap, root());
  fs::remove(root());
}

TEST_F(Trust, AnotherUsersFolderIsRefusedByEveryCommand) {
  if (::geteuid() != 0) {
    GTEST_SKIP() << "only root can give a folder away";
  }
  const Trap trap(root());
  trap.private_to(kOther);
  all_refuse(trap, root());
  trap.private_to(0);
}

// In a folder that was open to all once, and is private now.
TEST_F(Trust, AnotherUsersLabInOurOwnFolderIsRefused) {
  if (::geteuid() != 0) {
    GTEST_SKIP() << "only root can give a folder away";
  }
  const Trap trap(root());
  trap.private_to(kOther);
  ASSERT_EQ(::chown(root().c_str(), 0, 0), 0);
  for (const std::vector<std::string>& command :
       std::vector<std::vector<std::string>>{{"down", "shop"},
                                             {"-n", "shop", "get", "pods"},
                                             {"-n", "shop", "exec", "web", "--", "true"},
                                             {"status", "shop"},
                                             {"up", lab_.write("lab.yaml", cluster("shop", "nodes: 1"))}}) {
    const ProgramResult result = lab_.run(command);
    EXPECT_TRUE(ends_with(result, kHost)) << command[0];
    EXPECT_TRUE(has(result.err, "belongs to user 12345")) << command[0];
  }
  EXPECT_TRUE(has(lab_.run({"ls"}).out, "Refused"));
  EXPECT_TRUE(ends_with(lab_.run({"get", "pods"}), kUsage));
  EXPECT_TRUE(ends_with(lab_.run({"gc"}), kPassed));
  EXPECT_TRUE(fs::exists(root() / "shop" / "lock"));
  EXPECT_FALSE(trap.is_sprung());
  trap.private_to(0);
}

}  // namespace
}  // namespace labctl::e2e
