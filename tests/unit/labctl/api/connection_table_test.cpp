#include "labctl/api/connection_table.hpp"

#include "topology/base/unique_fd.hpp"

#include <gtest/gtest.h>

#include <poll.h>
#include <sys/socket.h>

#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace labctl::api {
namespace {

using std::chrono::milliseconds;

// The two ends of a connection: the client's, and the server's.
std::pair<UniqueFd, UniqueFd> connection() {
  int ends[2] = {-1, -1};
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

bool is_shut(const UniqueFd& client) {
  char byte = 0;
  return ::recv(client.get(), &byte, 1, MSG_DONTWAIT) == 0;
}

// Connections that wait for a request, the first for the longest, and stay until the table ends them.
class IdleConnections {
 public:
  explicit IdleConnections(ConnectionTable& table) : table_(table) {}
  void add() {
    auto [client, server] = connection();
    const auto is_idle = std::make_shared<std::promise<void>>();
    table_.add(std::move(server), [this, is_idle](UniqueFd socket, ConnectionTable::Entry& entry) {
      table_.begin_idle(entry);
      is_idle->set_value();
      pollfd closed{.fd = socket.get(), .events = POLLIN, .revents = 0};
      ::poll(&closed, 1, -1);
      table_.end_idle(entry);
    });
    is_idle->get_future().wait();
    clients_.push_back(std::move(client));
  }
  std::string shut() const {
    std::string numbers;
    for (size_t i = 0; i < clients_.size(); ++i) {
      numbers += is_shut(clients_[i]) ? std::to_string(i) : "";
    }
    return numbers;
  }

 private:
  ConnectionTable& table_;
  std::vector<UniqueFd> clients_;
};

// One more connection asks for a place: whether it got one.
bool gets_a_place(ConnectionTable& table) {
  auto [client, server] = connection();
  const auto place = std::make_shared<std::promise<bool>>();
  table.add(std::move(server), [&table, place](UniqueFd, ConnectionTable::Entry& entry) {
    place->set_value(table.take_place(entry, milliseconds(0)));
  });
  return place->get_future().get();
}

TEST(ConnectionTable, DropsTheLongestIdleConnectionForOneThatAsks) {
  ConnectionTable table({.places = 3, .beyond = 3, .idle_kept = milliseconds(0)});
  IdleConnections idle(table);
  for (int i = 0; i < 3; ++i) {
    idle.add();
  }
  EXPECT_EQ(idle.shut(), "");
  EXPECT_TRUE(gets_a_place(table));
  EXPECT_EQ(idle.shut(), "0");
  table.end_all();
}

TEST(ConnectionTable, DropsNoneWhoseRequestHasCome) {
  ConnectionTable table({.places = 1, .beyond = 3, .idle_kept = milliseconds(0)});
  auto [client, server] = connection();
  ASSERT_EQ(::send(client.get(), "G", 1, MSG_NOSIGNAL), 1);
  std::promise<void> is_idle;
  std::promise<void> end;
  table.add(std::move(server), [&](UniqueFd, ConnectionTable::Entry& entry) {
    table.begin_idle(entry);
    is_idle.set_value();
    end.get_future().wait();
  });
  is_idle.get_future().wait();
  EXPECT_FALSE(gets_a_place(table));
  EXPECT_FALSE(is_shut(client));
  end.set_value();
  table.end_all();
}

TEST(ConnectionTable, DropsNoneThatHasBeenIdleForLessThanItMay) {
  ConnectionTable table({.places = 1, .beyond = 3, .idle_kept = std::chrono::hours(1)});
  IdleConnections idle(table);
  idle.add();
  EXPECT_FALSE(gets_a_place(table));
  EXPECT_EQ(idle.shut(), "");
  table.end_all();
}

}  // namespace
}  // namespace labctl::api
