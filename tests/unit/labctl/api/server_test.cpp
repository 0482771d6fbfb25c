#include "labctl/api/server.hpp"

#include "labctl/api/client.hpp"
#include "test_server.hpp"
#include "topology/base/error.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <atomic>
#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>

namespace labctl::api {
namespace {

constexpr std::chrono::seconds kLong{60};

Response echo(const Request& request) {
  Response response;
  response.content_type = "text/plain";
  response.body = request.method + " " + request.path;
  for (const auto& [key, value] : request.query) {
    response.body += " " + key + "=" + value;
  }
  response.body += request.body.empty() ? "" : " [" + request.body + "]";
  return response;
}

TEST(Server, GivesTheHandlerMethodPathQueryAndBody) {
  TestServer server(echo);
  Client client(server.socket());
  EXPECT_EQ(client.post("/a%20b?x=1&y=z%26", "body").body, "POST /a b x=1 y=z& [body]");
}

TEST(Server, KeepsAConnectionForFurtherRequests) {
  TestServer server(echo);
  const UniqueFd fd = server.connect();
  for (int i = 0; i < 3; ++i) {
    send_text(fd.get(), "GET /again HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_NE(receive_text(fd.get(), "GET /again").find("200 OK"), std::string::npos);
  }
}

TEST(Server, AnswersPipelinedRequestsInOrder) {
  TestServer server(echo);
  const UniqueFd fd = server.connect();
  send_text(fd.get(),
            "GET /one HTTP/1.1\r\nHost: x\r\n\r\nPOST /two HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi"
            "GET /three HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const std::string replies = receive_text(fd.get());
  const size_t one = replies.find("GET /one");
  const size_t two = replies.find("POST /two [hi]");
  const size_t three = replies.find("GET /three");
  ASSERT_NE(three, std::string::npos);
  EXPECT_LT(one, two);
  EXPECT_LT(two, three);
}

TEST(Server, ClosesAfterAnHttp10Request) {
  TestServer server(echo);
  const UniqueFd fd = server.connect();
  send_text(fd.get(), "GET /old HTTP/1.0\r\n\r\n");
  EXPECT_TRUE(receive_text(fd.get()).ends_with("GET /old"));
}

TEST(Server, SendsNoBodyForHead) {
  TestServer server(echo);
  const UniqueFd fd = server.connect();
  send_text(fd.get(), "HEAD /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const std::string reply = receive_text(fd.get());
  EXPECT_NE(reply.find("Content-Length: 7"), std::string::npos);
  EXPECT_TRUE(reply.ends_with("\r\n\r\n"));
}

TEST(Server, InvitesTheBodyOfAClientThatAsks) {
  TestServer server(echo);
  const UniqueFd fd = server.connect();
  send_text(fd.get(), "POST /x HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
  EXPECT_EQ(receive_text(fd.get(), "\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  send_text(fd.get(), "data");
  EXPECT_NE(receive_text(fd.get(), "[data]").find("200 OK"), std::string::npos);
}

TEST(Server, TurnsAThrownErrorIntoAStatusObject) {
  TestServer server(
      [](const Request&) -> Response { throw Error(ErrorKind::NotFound, "no such pod", "get pods"); });
  Client client(server.socket());
  const Reply reply = client.send("GET", "/x");
  EXPECT_EQ(reply.status, 404);
  EXPECT_EQ(reply.json()["details"]["hint"], "get pods");
}

TEST(Server, AnswersManyClientsAtOnce) {
  std::atomic<int> inside{0};
  std::mutex mutex;
  std::condition_variable all_here;
  TestServer server([&](const Request&) {
    std::unique_lock lock(mutex);
    ++inside;
    all_here.notify_all();
    // Nobody is answered before all have asked: with fewer threads than clients this would not end.
    all_here.wait(lock, [&] { return inside >= 16; });
    return Response{};
  });
  std::vector<std::future<int>> replies;
  for (int i = 0; i < 16; ++i) {
    replies.push_back(
        std::async(std::launch::async, [&] { return Client(server.socket()).send("GET", "/").status; }));
  }
  for (auto& reply : replies) {
    EXPECT_EQ(reply.get(), 200);
  }
}

TEST(Server, StreamsPiecesAsTheyAreWritten) {
  std::promise<void> first_seen;
  TestServer server([&](const Request&) {
    Response response;
    response.stream = [&](ChunkWriter& writer) {
      writer.write("one\n");
      first_seen.get_future().wait();  // the client has the first piece while the reply is still being made
      writer.write("two\n");
    };
    return response;
  });
  Client client(server.socket());
  std::vector<std::string> lines;
  client.lines("GET", "/", {}, [&](std::string_view line) {
    if (lines.empty()) {
      first_seen.set_value();
    }
    lines.emplace_back(line);
    return true;
  });
  EXPECT_EQ(lines, (std::vector<std::string>{"one", "two"}));
}

TEST(Server, TellsAStreamThatItsClientHasGone) {
  std::promise<bool> noticed;
  TestServer server([&](const Request&) {
    Response response;
    response.stream = [&](ChunkWriter& writer) {
      writer.write("hello\n");
      wait_readable(-1, std::chrono::steady_clock::now() + kLong, &writer.gone());
      noticed.set_value(!writer.is_open());
    };
    return response;
  });
  Client(server.socket()).lines("GET", "/", {}, [](std::string_view) { return false; });
  EXPECT_TRUE(noticed.get_future().get());
}

TEST(Server, EndsStreamsWhenItIsDestroyed) {
  std::promise<void> begun;
  TestServer server([&](const Request&) {
    Response response;
    response.stream = [&](ChunkWriter& writer) {
      writer.write("hello\n");
      begun.set_value();
      wait_readable(-1, std::nullopt, &writer.gone());
      EXPECT_FALSE(writer.is_open());
    };
    return response;
  });
  std::thread reader([&] {
    Client client(server.socket());
    EXPECT_THROW(client.stream("GET", "/", {}, [](std::string_view) { return true; }), Error);
  });
  begun.get_future().wait();
  server.stop();
  reader.join();
}

TEST(Server, TellsARequestThatItsClientHasGone) {
  std::promise<Woken> noticed;
  TestServer server([&](const Request& request) {
    noticed.set_value(wait_readable(-1, std::chrono::steady_clock::now() + kLong, request.gone));
    return Response{};
  });
  UniqueFd fd = server.connect();
  send_text(fd.get(), "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
  fd.reset();
  EXPECT_EQ(noticed.get_future().get(), Woken::Cancelled);
}

TEST(Server, TellsARequestThatItEnds) {
  std::promise<void> begun;
  Woken woken = Woken::Ready;
  TestServer server([&](const Request& request) {
    begun.set_value();
    woken = wait_readable(-1, std::nullopt, request.gone);
    return Response{};
  });
  const UniqueFd fd = server.connect();
  send_text(fd.get(), "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
  begun.get_future().wait();
  server.stop();
  EXPECT_EQ(woken, Woken::Cancelled);
}

TEST(Server, AnswersAClientThatHasFinishedSending) {
  TestServer server([](const Request& request) {
    Response response;
    response.body = request.gone->requested() ? "gone" : "there";
    return response;
  });
  const UniqueFd fd = server.connect();
  send_text(fd.get(), "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  ::shutdown(fd.get(), SHUT_WR);
  EXPECT_TRUE(receive_text(fd.get()).ends_with("there"));
}

TEST(Server, CallsBackOnceTheReplyHasGoneOut) {
  std::promise<std::string> seen;
  UniqueFd fd;
  TestServer server([&](const Request&) {
    Response response;
    response.body = "bye";
    response.after = [&] { seen.set_value(receive_text(fd.get(), "bye")); };
    return response;
  });
  fd = server.connect();
  send_text(fd.get(), "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(seen.get_future().get().ends_with("bye"));
}

TEST(Server, LeavesAStreamThatThrewWithoutItsLastChunk) {
  TestServer server([](const Request&) {
    Response response;
    response.stream = [](ChunkWriter& writer) {
      writer.write("half");
      throw Error(ErrorKind::Kernel, "broken");
    };
    return response;
  });
  Client client(server.socket());
  EXPECT_THROW(client.stream("GET", "/", {}, [](std::string_view) { return true; }), Error);
}

TEST(Server, HandsTheSocketOverOnUpgrade) {
  TestServer server([](const Request& request) {
    Response response;
    response.upgrade = [body = request.body](UniqueFd fd) { send_text(fd.get(), "raw " + body); };
    return response;
  });
  Client client(server.socket());
  const UniqueFd fd = client.upgrade("POST", "/exec", "hi");
  EXPECT_EQ(receive_text(fd.get()), "raw hi");
}

}  // namespace
}  // namespace labctl::api
