#include "labctl/api/unix_socket.hpp"

#include "labctl/api/client.hpp"
#include "labctl/api/private_folder.hpp"
#include "test_server.hpp"
#include "topology/base/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>
#include <sys/wait.h>

#include <fstream>
#include <functional>

namespace labctl::api {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

Error thrown_by(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    return error;
  }
  return Error(ErrorKind::Internal, "nothing was thrown");
}

// <folder>/shop, both private.
class SocketFolder : public testing::Test {
 protected:
  SocketFolder() : root_(fs::temp_directory_path() / "labctl-sock-XXXXXX") {
    std::string name = root_.string();
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    root_ = name;
    EXPECT_EQ(::mkdir(lab().c_str(), 0700), 0);
  }
  ~SocketFolder() override { fs::remove_all(root_); }
  fs::path lab() const { return root_ / "shop"; }
  fs::path socket() const { return lab() / "api.sock"; }

  fs::path root_;
};

TEST_F(SocketFolder, WorksAtPathsLongerThanTheKernelTakes) {
  const fs::path folder = root_ / std::string(100, 'd') / std::string(100, 'e') / "shop";
  fs::create_directories(folder);
  ASSERT_EQ(::chmod(folder.c_str(), 0700), 0);
  ASSERT_EQ(::chmod(folder.parent_path().c_str(), 0700), 0);
  const UniqueFd listening = listen_unix(folder / "api.sock");
  EXPECT_TRUE(connect_unix(folder / "api.sock"));
}

TEST_F(SocketFolder, IsForItsOwnerOnly) {
  const UniqueFd listening = listen_unix(socket());
  struct stat info {};
  ASSERT_EQ(::stat(socket().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
}

TEST_F(SocketFolder, DoesNotTakeAPathThatIsTaken) {
  const UniqueFd listening = listen_unix(socket());
  EXPECT_EQ(thrown_by([&] { listen_unix(socket()); }).kind(), ErrorKind::AlreadyExists);
}

TEST_F(SocketFolder, FoldersThatOthersMayEnterAreNotConnectedTo) {
  const UniqueFd listening = listen_unix(socket());
  EXPECT_TRUE(connect_unix(socket()));
  for (const fs::path& folder : {root_, lab()}) {
    for (const mode_t mode : {0777, 01777, 0755, 0710, 0701}) {
      ASSERT_EQ(::chmod(folder.c_str(), mode), 0);
      const Error error = thrown_by([&] { connect_unix(socket()); });
      EXPECT_EQ(error.kind(), ErrorKind::Permission);
      EXPECT_THAT(error.message(), HasSubstr(folder.string() + ": not a private folder"));
    }
    ASSERT_EQ(::chmod(folder.c_str(), 0700), 0);
  }
}

TEST_F(SocketFolder, SymbolicLinksAreNotFollowed) {
  const UniqueFd listening = listen_unix(socket());
  fs::create_symlink(lab(), root_ / "link");
  EXPECT_EQ(thrown_by([&] { connect_unix(root_ / "link" / "api.sock"); }).kind(), ErrorKind::Permission);
  fs::create_symlink(root_, root_.string() + "-link");
  EXPECT_EQ(thrown_by([&] { connect_unix(root_.string() + "-link/shop/api.sock"); }).kind(),
            ErrorKind::Permission);
  fs::remove(root_.string() + "-link");
  fs::create_symlink(socket(), lab() / "other.sock");
  EXPECT_THAT(thrown_by([&] { connect_unix(lab() / "other.sock"); }).message(), HasSubstr("not a socket"));
}

TEST_F(SocketFolder, WhatIsNoSocketIsSaidSoAndNotWaitedFor) {
  ASSERT_EQ(::mkfifo(socket().c_str(), 0600), 0);
  EXPECT_THAT(thrown_by([&] { connect_unix(socket()); }).message(), HasSubstr("not a socket"));
  fs::remove(socket());
  std::ofstream(socket()) << "text";
  EXPECT_THAT(thrown_by([&] { connect_unix(socket()); }).message(), HasSubstr("not a socket"));
}

TEST_F(SocketFolder, AFullQueueIsWaitedForNoLongerThanWanted) {
  const UniqueFd listening = listen_unix(socket(), 0);
  std::vector<UniqueFd> held;
  const Error error = thrown_by([&] {
    for (int i = 0; i < 100; ++i) {
      held.push_back(connect_unix(socket(), std::chrono::milliseconds(50)));
    }
  });
  EXPECT_EQ(error.kind(), ErrorKind::Timeout);
}

// The kernel tells of a socket who called listen(2): here, another user.
TEST_F(SocketFolder, ALabOfAnotherUserIsNotTalkedTo) {
  if (::geteuid() != 0) {
    GTEST_SKIP() << "only root can act as another user";
  }
  const UniqueFd listening = listen_unix(socket());
  const pid_t child = ::fork();
  if (child == 0) {
    ::_exit(::seteuid(12345) == 0 && ::listen(listening.get(), 5) == 0 ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
  const Error error = thrown_by([&] { Client(socket()).post("/lab/v1/secret", "manifest"); });
  EXPECT_EQ(error.kind(), ErrorKind::Permission);
  EXPECT_THAT(error.message(), HasSubstr("user 12345 listens there"));
  // It was accepted by the kernel, and nothing was sent.
  const UniqueFd accepted(::accept(listening.get(), nullptr, nullptr));
  EXPECT_EQ(receive_text(accepted.get()), "");
}

}  // namespace
}  // namespace labctl::api
