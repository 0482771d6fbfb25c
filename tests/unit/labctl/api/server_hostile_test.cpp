#include "labctl/api/client.hpp"
#include "labctl/api/server.hpp"
#include "test_server.hpp"
#include "topology/base/error.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

namespace labctl::api {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

Response ok(const Request&) { return {}; }

std::string ask(const TestServer& server, const std::string& text) {
  const UniqueFd fd = server.connect();
  send_text(fd.get(), text);
  return receive_text(fd.get());
}

std::string status_of(const std::string& reply) { return reply.substr(0, reply.find("\r\n")).substr(0, 12); }

TEST(ServerLimits, RefusesHugeHeaders) {
  TestServer server(ok);
  EXPECT_EQ(status_of(ask(server, "GET / HTTP/1.1\r\nX: " + std::string(1'000'000, 'a') + "\r\n\r\n")),
            "HTTP/1.1 431");
}

TEST(ServerLimits, RefusesAnEndlessRequestLine) {
  TestServer server(ok);
  EXPECT_EQ(status_of(ask(server, "GET /" + std::string(1'000'000, 'a'))), "HTTP/1.1 431");
}

TEST(ServerLimits, RefusesManySmallHeaders) {
  TestServer server(ok);
  std::string text = "GET / HTTP/1.1\r\n";
  for (int i = 0; i < 20'000; ++i) {
    text += "X-" + std::to_string(i) + ": y\r\n";
  }
  EXPECT_EQ(status_of(ask(server, text + "\r\n")), "HTTP/1.1 431");
}

TEST(ServerLimits, RefusesAnnouncedBodiesOverTheLimitUnread) {
  TestServer server(ok, {.body_bytes = 1000});
  EXPECT_EQ(status_of(ask(server, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n")),
            "HTTP/1.1 413");
}

TEST(ServerLimits, RefusesChunkedBodiesOverTheLimit) {
  TestServer server(ok, {.body_bytes = 1000});
  std::string text = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 20; ++i) {
    text += "64\r\n" + std::string(100, 'a') + "\r\n";
  }
  EXPECT_EQ(status_of(ask(server, text)), "HTTP/1.1 413");
}

TEST(ServerLimits, EndsASlowHeaderAtItsDeadline) {
  TestServer server(ok, {.header = milliseconds(150)});
  const UniqueFd fd = server.connect();
  const auto begin = Clock::now();
  // A byte at a time, each well within any time limit for one read.
  std::thread drip([&] {
    for (int i = 0; i < 12'000; ++i) {
      pollfd entry{.fd = fd.get(), .events = POLLRDHUP, .revents = 0};
      if (::poll(&entry, 1, 5) != 0) {
        return;
      }
      send_text(fd.get(), i < 4 ? std::string_view("GET ").substr(static_cast<size_t>(i), 1) : "a");
    }
  });
  EXPECT_EQ(status_of(receive_text(fd.get())), "HTTP/1.1 408");
  EXPECT_LT(Clock::now() - begin, std::chrono::seconds(30));
  drip.join();
}

TEST(ServerLimits, EndsASlowBodyAtItsDeadline) {
  TestServer server(ok, {.body = milliseconds(100)});
  EXPECT_EQ(status_of(ask(server, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc")),
            "HTTP/1.1 408");
}

TEST(ServerLimits, ClosesIdleConnections) {
  TestServer server(ok, {.idle = milliseconds(50)});
  const UniqueFd fd = server.connect();
  EXPECT_EQ(receive_text(fd.get()), "");
}

// Requests that wait for their client to go, as many as there are places.
class FullServer : public testing::Test {
 protected:
  static constexpr int kPlaces = 4;

  FullServer() {
    for (int i = 0; i < kPlaces; ++i) {
      waiting_.push_back(server_.connect());
      send_text(waiting_.back().get(), "POST /wait HTTP/1.1\r\nHost: x\r\n\r\n");
    }
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return count_ == kPlaces; });
  }
  ~FullServer() override { waiting_.clear(); }

  Response answer(const Request& request) {
    if (request.path != "/wait") {
      return {};
    }
    const auto tell = [&](int change) {
      const std::lock_guard lock(mutex_);
      count_ += change;
      changed_.notify_all();
    };
    tell(1);
    wait_readable(-1, std::nullopt, request.gone);
    tell(-1);
    return {};
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  int count_ = 0;
  TestServer server_{[this](const Request& request) { return answer(request); },
                     {.connections = kPlaces,
                      .unplaced = std::chrono::minutes(1),
                      .place = std::chrono::seconds(1),
                      .always = {"GET /status", "POST /shutdown"}}};
  std::vector<UniqueFd> waiting_;
};

TEST_F(FullServer, RefusesAFurtherRequestAsBusy) {
  try {
    Client(server_.socket()).get("/pods");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::Busy);
    EXPECT_FALSE(error.hint().empty());
  }
}

TEST_F(FullServer, AnswersWhatIsAlwaysToBeAnswered) {
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(Client(server_.socket()).send("GET", "/status?x=1").status, 200);
  }
  EXPECT_EQ(Client(server_.socket()).send("POST", "/shutdown").status, 200);
  EXPECT_EQ(Client(server_.socket()).send("GET", "/shutdown").status, 503);
}

TEST_F(FullServer, GivesPlacesOfClientsThatHaveGoneToOthers) {
  waiting_.clear();
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return count_ == 0; });
  lock.unlock();
  EXPECT_EQ(Client(server_.socket()).send("GET", "/pods").status, 200);
}

TEST_F(FullServer, IsNotHeldUpByItsEnd) {
  server_.stop();
  EXPECT_EQ(count_, 0);
}

// Which one it is: ConnectionTable's tests.
TEST(ServerLimits, DropsOneIdleConnectionForOneThatAsks) {
  TestServer server(ok, {.connections = 3, .idle_kept = milliseconds(0), .place = std::chrono::minutes(1)});
  std::vector<UniqueFd> idle;
  for (int i = 0; i < 3; ++i) {
    idle.push_back(server.connect());
    send_text(idle.back().get(), "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    receive_text(idle.back().get(), "\r\n\r\n");
  }
  EXPECT_EQ(Client(server.socket()).send("GET", "/").status, 200);
  int answered = 0;
  for (const UniqueFd& connection : idle) {
    send_text(connection.get(), "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    answered += status_of(receive_text(connection.get(), "\r\n\r\n")) == "HTTP/1.1 200" ? 1 : 0;
  }
  EXPECT_EQ(answered, 2);
}

TEST(ServerLimits, SilentConnectionsStarveNobody) {
  TestServer server(ok, {.unplaced = milliseconds(200), .place = std::chrono::minutes(1)});
  std::vector<UniqueFd> silent;
  for (int i = 0; i < 100; ++i) {
    silent.push_back(server.connect());
  }
  EXPECT_EQ(Client(server.socket(), std::chrono::minutes(1)).send("GET", "/").status, 200);
}

TEST(ServerLimits, TellsASilentConnectionBeyondTheBoundThatItIsFull) {
  TestServer server(ok, {.connections = 0, .unplaced = milliseconds(10)});
  EXPECT_EQ(status_of(receive_text(server.connect().get())), "HTTP/1.1 503");
}

TEST(ServerLimits, DropsAClientThatDoesNotReadAStream) {
  std::atomic<bool> ended{false};
  TestServer server(
      [&](const Request&) {
        Response response;
        response.stream = [&](ChunkWriter& writer) {
          const std::string piece(64 * 1024, 'x');
          while (writer.write(piece)) {
          }
          ended = true;
        };
        return response;
      },
      {.write = milliseconds(100)});
  const UniqueFd fd = server.connect();
  send_text(fd.get(), "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  pollfd entry{.fd = fd.get(), .events = POLLRDHUP, .revents = 0};
  EXPECT_EQ(::poll(&entry, 1, 10'000), 1);
  EXPECT_TRUE(ended);
}

class ServerBadRequest : public testing::TestWithParam<const char*> {};

TEST_P(ServerBadRequest, IsRefusedWith400) {
  TestServer server(ok);
  EXPECT_EQ(status_of(ask(server, GetParam())), "HTTP/1.1 400") << GetParam();
}

INSTANTIATE_TEST_SUITE_P(
    All, ServerBadRequest,
    testing::Values("\x16\x03\x01\x02garbage\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n",
                    "GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
                    "GET / HTTP/1.1\r\nContent-Length: 1x\r\n\r\n",
                    "POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
                    "POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc",
                    "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc",
                    "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
                    "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcXX\r\n\r\n",
                    "GET / HTTP/1.1\r\nbad header\r\n\r\n",
                    "GET http://elsewhere/ HTTP/1.1\r\nHost: x\r\n\r\n",
                    "GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n", "GET /%00 HTTP/1.1\r\nHost: x\r\n\r\n"));

TEST(ServerLimits, SurvivesClientsThatLeaveAtAnyPoint) {
  TestServer server(ok);
  const std::string request = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello";
  for (size_t cut = 0; cut < request.size(); ++cut) {
    const UniqueFd fd = server.connect();
    send_text(fd.get(), request.substr(0, cut));
  }
  const auto deadline = Clock::now() + std::chrono::seconds(60);
  int status = 503;
  while (status == 503 && Clock::now() < deadline) {
    status = Client(server.socket()).send("GET", "/").status;
  }
  EXPECT_EQ(status, 200);
}

TEST(ServerLimits, RefusesDataSentAheadOfAnUpgrade) {
  TestServer server([](const Request&) {
    Response response;
    response.upgrade = [](UniqueFd) { FAIL(); };
    return response;
  });
  EXPECT_EQ(status_of(ask(server, "GET / HTTP/1.1\r\nHost: x\r\n\r\nearly")), "HTTP/1.1 400");
}

}  // namespace
}  // namespace labctl::api
