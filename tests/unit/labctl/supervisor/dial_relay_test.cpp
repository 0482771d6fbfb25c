#include "labctl/supervisor/dial_relay.hpp"

#include "topology/base/error.hpp"
#include "topology/base/ip_address.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cerrno>
#include <string>
#include <thread>

namespace labctl::supervisor {
namespace {

constexpr std::chrono::milliseconds kEnough{5'000};

// Listens on 127.0.0.1 with a port of the kernel's choice.
struct Listener {
  Listener() : fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_storage own{};
    const socklen_t size = IpAddress::loopback(Family::IPv4).to_sockaddr(0, own);
    socklen_t length = sizeof own;
    EXPECT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&own), size), 0);
    EXPECT_EQ(::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&own), &length), 0);
    server = "127.0.0.1:" + std::to_string(port_of(own));
  }
  void listen() const { EXPECT_EQ(::listen(fd.get(), 4), 0); }
  UniqueFd fd;
  std::string server;
};

TEST(DialRelay, HandsOverAConnectedSocketAsOftenAsAsked) {
  const Listener listener;
  listener.listen();
  const DialRelay relay = make_dial_relay();
  std::thread keeper([&] {
    for (int i = 0; i < 2; ++i) {
      EXPECT_TRUE(answer_dial(relay.keeper, listener.server, kEnough));
    }
  });
  for (int i = 0; i < 2; ++i) {
    const UniqueFd connection = dial_by_keeper(relay.lab, kEnough);
    const UniqueFd accepted(::accept(listener.fd.get(), nullptr, nullptr));
    ASSERT_TRUE(accepted);
    EXPECT_EQ(::send(accepted.get(), "x", 1, 0), 1);
    char byte = 0;
    while (::recv(connection.get(), &byte, 1, 0) < 0 && errno == EAGAIN) {
    }
    EXPECT_EQ(byte, 'x');
  }
  keeper.join();
}

TEST(DialRelay, SaysWhyThereIsNoConnection) {
  const Listener closed;  // bound, and nobody listens
  const DialRelay relay = make_dial_relay();
  std::thread keeper([&] { EXPECT_TRUE(answer_dial(relay.keeper, closed.server, kEnough)); });
  try {
    dial_by_keeper(relay.lab, kEnough);
    ADD_FAILURE() << "connected";
  } catch (const Error& error) {
    EXPECT_THAT(error.message(), ::testing::HasSubstr(closed.server + ": connect: Connection refused"));
  }
  keeper.join();
  std::thread confused([&] { answer_dial(relay.keeper, "nonsense", kEnough); });
  EXPECT_THROW(dial_by_keeper(relay.lab, kEnough), Error);
  confused.join();
}

TEST(DialRelay, EitherEndNoticesThatTheOtherHasGone) {
  DialRelay relay = make_dial_relay();
  relay.lab.reset();
  EXPECT_FALSE(answer_dial(relay.keeper, "127.0.0.1:1", kEnough));
  relay = make_dial_relay();
  relay.keeper.reset();
  EXPECT_THROW(dial_by_keeper(relay.lab, kEnough), Error);
}

}  // namespace
}  // namespace labctl::supervisor
