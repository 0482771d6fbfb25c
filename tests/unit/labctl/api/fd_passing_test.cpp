#include "labctl/api/fd_passing.hpp"

#include "topology/base/error.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/socket.h>

#include <array>

namespace labctl::api {
namespace {

struct Pair {
  UniqueFd a, b;
  Pair() {
    int fds[2];
    ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds);
    a.reset(fds[0]);
    b.reset(fds[1]);
  }
};

TEST(FdPassing, PassesDescriptorsThatStayUsable) {
  Pair pair;
  int pipe_fds[2];
  ASSERT_EQ(::pipe2(pipe_fds, O_CLOEXEC), 0);
  const UniqueFd reader(pipe_fds[0]);
  {
    const UniqueFd writer(pipe_fds[1]);
    const std::array fds{writer.get()};
    send_fds(pair.a.get(), fds);
  }
  const std::vector<UniqueFd> received = receive_fds(pair.b.get());
  ASSERT_EQ(received.size(), 1U);
  EXPECT_EQ(::fcntl(received[0].get(), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
  EXPECT_EQ(::write(received[0].get(), "x", 1), 1);
  char byte = 0;
  EXPECT_EQ(::read(reader.get(), &byte, 1), 1);
  EXPECT_EQ(byte, 'x');
}

TEST(FdPassing, LeavesWhatFollowsInTheStream) {
  Pair pair;
  const std::array fds{0, 1, 2};
  send_fds(pair.a.get(), fds);
  ASSERT_EQ(::send(pair.a.get(), "{}\n", 3, 0), 3);
  EXPECT_EQ(receive_fds(pair.b.get()).size(), 3U);
  char rest[8] = {};
  EXPECT_EQ(::recv(pair.b.get(), rest, sizeof rest, 0), 3);
  EXPECT_STREQ(rest, "{}\n");
}

TEST(FdPassing, ThrowsWhenNothingComes) {
  Pair pair;
  try {
    receive_fds(pair.b.get(), std::chrono::milliseconds(10));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::Timeout);
  }
}

TEST(FdPassing, ThrowsWhenTheOtherEndHasGone) {
  Pair pair;
  pair.a.reset();
  EXPECT_THROW(receive_fds(pair.b.get()), Error);
}

TEST(FdPassing, RefusesBytesWithoutDescriptors) {
  Pair pair;
  ASSERT_EQ(::send(pair.a.get(), "x", 1, 0), 1);
  EXPECT_THROW(receive_fds(pair.b.get()), Error);
}

}  // namespace
}  // namespace labctl::api
