#include "labctl/api/exec_session.hpp"

#include "labctl/api/fd_passing.hpp"
#include "test_server.hpp"
#include "topology/base/error.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <fcntl.h>
#include <pthread.h>
#include <pty.h>
#include <signal.h>
#include <termios.h>

#include <array>
#include <thread>

// The server's side is played here, so that every way of ending can be.

namespace labctl::api {
namespace {

using Behaviour = std::function<void(int socket, const nlohmann::json& request)>;

std::unique_ptr<TestServer> exec_server(Behaviour behaviour) {
  return std::make_unique<TestServer>([behaviour](const Request& request) {
    Response response;
    response.upgrade = [behaviour, body = nlohmann::json::parse(request.body)](UniqueFd fd) {
      behaviour(fd.get(), body);
    };
    return response;
  });
}

ExecRequest request_for(std::vector<std::string> command, bool tty = false) {
  ExecRequest request;
  request.from = "pod/default/a";
  request.command = std::move(command);
  request.tty = tty;
  return request;
}

struct Pipe {
  UniqueFd read, write;
  Pipe() {
    int fds[2];
    EXPECT_EQ(::pipe2(fds, O_CLOEXEC), 0);
    read.reset(fds[0]);
    write.reset(fds[1]);
  }
};

struct Terminal {
  UniqueFd master, slave;
  Terminal() {
    int m = -1, s = -1;
    EXPECT_EQ(::openpty(&m, &s, nullptr, nullptr, nullptr), 0);
    master.reset(m);
    slave.reset(s);
  }
};

std::string read_until(int fd, std::string_view enough) {
  std::string text;
  char piece[512];
  pollfd entry{.fd = fd, .events = POLLIN, .revents = 0};
  while (text.find(enough) == std::string::npos && ::poll(&entry, 1, 10'000) > 0) {
    const ssize_t got = ::read(fd, piece, sizeof piece);
    if (got <= 0) {
      break;
    }
    text.append(piece, static_cast<size_t>(got));
  }
  return text;
}

bool is_raw(int fd) {
  termios mode{};
  ::tcgetattr(fd, &mode);
  return (mode.c_lflag & (ICANON | ECHO)) == 0;
}

TEST(ExecSession, GivesTheProcessOurStreamsAndReturnsItsCode) {
  auto server = exec_server([](int socket, const nlohmann::json& request) {
    EXPECT_EQ(request["from"], "pod/default/a");
    const std::vector<UniqueFd> fds = receive_fds(socket);
    ASSERT_EQ(fds.size(), 3U);
    EXPECT_EQ(::write(fds[1].get(), "out", 3), 3);
    send_text(socket, "{\"exit\":42}\n");
  });
  Client client(server->socket());
  Pipe out;
  EXPECT_EQ(exec(client, request_for({"true"}), {0, out.write.get(), 2}), 42);
  EXPECT_EQ(read_until(out.read.get(), "out"), "out");
}

TEST(ExecSession, SaysWhyAProcessCouldNotBeStarted) {
  auto server = exec_server([](int socket, const nlohmann::json&) {
    receive_fds(socket);
    send_text(socket, R"({"exit":127,"error":"run nosuch: No such file","hint":"look"})"
                      "\n");
  });
  Client client(server->socket());
  const ExecEnd end = run_exec(client, request_for({"nosuch"}));
  EXPECT_EQ(end.code, 127);
  EXPECT_EQ(end.error, "run nosuch: No such file");
  EXPECT_EQ(end.hint, "look");
}

TEST(ExecSession, PassesSignalsOnAndPutsTheMaskBack) {
  auto server = exec_server([](int socket, const nlohmann::json&) {
    receive_fds(socket);
    ::kill(::getpid(), SIGTERM);  // this process is the client too
    EXPECT_EQ(receive_text(socket, "\n"), "{\"signal\":15}\n");
    send_text(socket, "{\"exit\":143}\n");
  });
  // The server's threads block all signals; so must this one, once the session has put its mask back.
  sigset_t before, after;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &before);
  Client client(server->socket());
  EXPECT_EQ(exec(client, request_for({"sleep"})), 143);
  ::pthread_sigmask(SIG_SETMASK, nullptr, &after);
  EXPECT_EQ(::sigismember(&before, SIGTERM), ::sigismember(&after, SIGTERM));
}

TEST(ExecSession, KillsAProcessThatRunsIntoTheTimeout) {
  auto server = exec_server([](int socket, const nlohmann::json&) {
    receive_fds(socket);
    EXPECT_EQ(receive_text(socket, "\n"), "{\"signal\":9}\n");
    send_text(socket, "{\"exit\":137}\n");
  });
  Client client(server->socket());
  ExecRequest request = request_for({"sleep"});
  request.timeout = std::chrono::milliseconds(20);
  EXPECT_EQ(exec(client, request), 137);
}

TEST(ExecSession, ThrowsWhenTheLabGoesDown) {
  auto server = exec_server([](int socket, const nlohmann::json&) { receive_fds(socket); });
  Client client(server->socket());
  EXPECT_THROW(exec(client, request_for({"sleep"})), Error);
}

TEST(ExecSession, CopiesBetweenTheTerminalsAndIsRawMeanwhile) {
  Terminal ours, theirs;
  std::atomic<bool> was_raw{false};
  auto server = exec_server([&](int socket, const nlohmann::json& request) {
    EXPECT_TRUE(request["tty"].get<bool>());
    const std::array fds{theirs.master.get()};
    send_fds(socket, fds);
    theirs.master.reset();
    EXPECT_EQ(read_until(theirs.slave.get(), "\n"), "ls\n");
    was_raw = is_raw(ours.slave.get());
    EXPECT_EQ(::write(theirs.slave.get(), "bye", 3), 3);
    theirs.slave.reset();
    send_text(socket, "{\"exit\":3}\n");
  });
  ASSERT_FALSE(is_raw(ours.slave.get()));
  ASSERT_EQ(::write(ours.master.get(), "ls\n", 3), 3);
  Client client(server->socket());
  EXPECT_EQ(exec(client, request_for({"sh"}, true), {ours.slave.get(), ours.slave.get(), ours.slave.get()}),
            3);
  EXPECT_TRUE(was_raw);
  EXPECT_FALSE(is_raw(ours.slave.get()));
  EXPECT_NE(read_until(ours.master.get(), "bye").find("bye"), std::string::npos);
}

TEST(ExecSession, RestoresTheTerminalWhenTheLabGoesDown) {
  Terminal ours, theirs;
  auto server = exec_server([&](int socket, const nlohmann::json&) {
    const std::array fds{theirs.master.get()};
    send_fds(socket, fds);
  });
  Client client(server->socket());
  EXPECT_THROW(
      exec(client, request_for({"sh"}, true), {ours.slave.get(), ours.slave.get(), ours.slave.get()}), Error);
  EXPECT_FALSE(is_raw(ours.slave.get()));
}

TEST(ExecSession, GivesTheOtherTerminalOurSize) {
  Terminal ours, theirs;
  const winsize size{.ws_row = 33, .ws_col = 101, .ws_xpixel = 0, .ws_ypixel = 0};
  ASSERT_EQ(::ioctl(ours.master.get(), TIOCSWINSZ, &size), 0);
  auto server = exec_server([&](int socket, const nlohmann::json& request) {
    EXPECT_EQ(request["rows"], 33);
    EXPECT_EQ(request["cols"], 101);
    const std::array fds{theirs.master.get()};
    send_fds(socket, fds);
    theirs.slave.reset();
    send_text(socket, "{\"exit\":0}\n");
  });
  Client client(server->socket());
  EXPECT_EQ(exec(client, request_for({"sh"}, true), {ours.slave.get(), ours.slave.get(), ours.slave.get()}),
            0);
  winsize seen{};
  ASSERT_EQ(::ioctl(theirs.master.get(), TIOCGWINSZ, &seen), 0);
  EXPECT_EQ(seen.ws_col, 101);
}

TEST(ExecSession, EndsTheInputOfATerminalWhenOursIsAtItsEnd) {
  Terminal theirs;
  Pipe in, out;
  in.write.reset();
  auto server = exec_server([&](int socket, const nlohmann::json&) {
    const std::array fds{theirs.master.get()};
    send_fds(socket, fds);
    char byte = 0;
    EXPECT_EQ(::read(theirs.slave.get(), &byte, 1), 0);  // ^D on an empty line is end of file
    theirs.slave.reset();
    send_text(socket, "{\"exit\":0}\n");
  });
  Client client(server->socket());
  EXPECT_EQ(exec(client, request_for({"cat"}, true), {in.read.get(), out.write.get(), out.write.get()}), 0);
}

}  // namespace
}  // namespace labctl::api
