#include "labctl/api/client.hpp"

#include "labctl/api/kept_connection.hpp"
#include "labctl/api/status_error.hpp"
#include "test_server.hpp"
#include "topology/base/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <future>
#include <vector>

namespace labctl::api {
namespace {

using testing::HasSubstr;

Error error_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    return error;
  }
  return Error(ErrorKind::Internal, "nothing was thrown");
}

TEST(Client, NamesTheLabThatIsNotUp) {
  Client client("/nonexistent/labctl/shop/api.sock");
  const Error error = error_of([&] { client.get("/"); });
  EXPECT_EQ(error.kind(), ErrorKind::NotFound);
  EXPECT_EQ(error.message(), "lab \"shop\" is not up");
  EXPECT_THAT(error.hint(), HasSubstr("labctl ls"));
}

TEST(Client, TakesTheSocketOfAKilledLabForNoLab) {
  TestServer server([](const Request&) { return Response{}; });
  const std::filesystem::path socket = server.socket();
  server.stop();  // the file stays, nobody listens
  Client client(socket);
  EXPECT_EQ(error_of([&] { client.get("/"); }).kind(), ErrorKind::NotFound);
}

TEST(Client, ThrowsTheErrorThatTheServerThrew) {
  TestServer server([](const Request&) -> Response {
    throw Error(ErrorKind::AlreadyExists, "pod web-0: exists", "delete it first");
  });
  Client client(server.socket());
  const Error error = error_of([&] { client.post("/", "{}"); });
  EXPECT_EQ(error.kind(), ErrorKind::AlreadyExists);
  EXPECT_EQ(error.message(), "pod web-0: exists");
  EXPECT_EQ(error.hint(), "delete it first");
}

TEST(Client, ThrowsErrorsOfStreamsAndUpgradesToo) {
  TestServer server([](const Request&) -> Response { throw Error(ErrorKind::NotFound, "no such pod"); });
  Client client(server.socket());
  EXPECT_EQ(error_of([&] { client.stream("GET", "/", {}, [](std::string_view) { return true; }); }).message(),
            "no such pod");
  EXPECT_EQ(error_of([&] { client.upgrade("POST", "/", {}); }).message(), "no such pod");
}

TEST(Client, GivesUpAfterItsTimeout) {
  std::promise<void> release;
  TestServer server([&](const Request&) {
    release.get_future().wait();
    return Response{};
  });
  Client client(server.socket(), std::chrono::milliseconds(50));
  EXPECT_EQ(error_of([&] { client.get("/slow"); }).kind(), ErrorKind::Timeout);
  release.set_value();
}

TEST(Client, ConnectsAgainWhenTheServerClosedAnIdleConnection) {
  TestServer other([](const Request&) { return Response{}; });
  const std::filesystem::path socket = other.socket().parent_path() / "closes.sock";
  const UniqueFd listening = listen_unix(socket);
  std::promise<void> read;
  std::promise<void> closed;
  auto server = std::async(std::launch::async, [&] {
    for (const bool first : {true, false}) {
      UniqueFd fd(::accept(listening.get(), nullptr, nullptr));
      receive_text(fd.get(), "\r\n\r\n");
      send_text(fd.get(), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
      if (first) {
        read.get_future().wait();
        fd = UniqueFd();
        closed.set_value();
      }
    }
  });
  Client client(socket);
  EXPECT_EQ(client.get("/").status, 200);
  read.set_value();
  closed.get_future().wait();
  EXPECT_EQ(client.get("/").status, 200);
  server.get();
}

// The server may be about to close it: what is sent then is lost, and a POST may not be sent twice.
TEST(KeptConnection, IsNotUsedAfterItHasBeenIdleForLong) {
  KeptConnection connection;
  std::vector<UniqueFd> servers;
  const auto dial = [&] {
    int ends[2] = {-1, -1};
    ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends);
    servers.emplace_back(ends[0]);
    return UniqueFd(ends[1]);
  };
  const KeptConnection::Clock::time_point begun;
  connection.ready(dial, begun);
  connection.ready(dial, begun + KeptConnection::kLongestIdle);
  EXPECT_EQ(servers.size(), 1U);
  connection.ready(dial, begun + 2 * KeptConnection::kLongestIdle + std::chrono::milliseconds(1));
  EXPECT_EQ(servers.size(), 2U);
}

TEST(Client, ReadsRepliesOfManyMegabytes) {
  const std::string big(20 * 1024 * 1024, 'x');
  TestServer server([&](const Request& request) {
    Response response;
    response.body = request.body;
    return response;
  });
  Client client(server.socket());
  EXPECT_EQ(client.post("/", big).body.size(), big.size());
}

TEST(Client, ReportsALabThatDiedInTheMiddle) {
  TestServer other([](const Request&) { return Response{}; });
  const std::filesystem::path socket = other.socket().parent_path() / "dies.sock";
  const UniqueFd listening = listen_unix(socket);
  auto server = std::async(std::launch::async, [&] {
    const UniqueFd fd(::accept(listening.get(), nullptr, nullptr));
    receive_text(fd.get(), "\r\n\r\n");
    send_text(fd.get(), "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
  });
  Client client(socket);
  const Error error = error_of([&] { client.get("/"); });
  EXPECT_EQ(error.kind(), ErrorKind::Kernel);
  EXPECT_THAT(error.message(), HasSubstr("went away"));
  server.get();
}

TEST(Client, CutsStreamsIntoLinesWhereverPiecesEnd) {
  TestServer server([](const Request&) {
    Response response;
    response.stream = [](ChunkWriter& writer) {
      for (const char* piece : {"a", "b\nc", "\n", "\nlast"}) {
        writer.write(piece);
      }
    };
    return response;
  });
  std::vector<std::string> lines;
  Client(server.socket()).lines("GET", "/", {}, [&](std::string_view line) {
    lines.emplace_back(line);
    return true;
  });
  EXPECT_EQ(lines, (std::vector<std::string>{"ab", "c", "", "last"}));
}

}  // namespace
}  // namespace labctl::api
