#include "labctl/supervisor/exec_service.hpp"

#include "labctl/api/fd_passing.hpp"
#include "labctl/supervisor/lab.hpp"
#include "topology/base/error.hpp"
#include "topology/kernel/process.hpp"
#include "topology/kernel/pty.hpp"

#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <memory>
#include <string>

namespace labctl::supervisor {
namespace {

using nlohmann::json;

// A line from the client is a signal number; more is no client of ours.
constexpr size_t kLineMax = 4096;

// Shared between the connection's thread and the main loop, whichever is done last.
struct Execution {
  kernel::ChildProcess child;
  std::atomic<int> exit_code{-1};
  UniqueFd ended;  // eventfd
};

std::vector<std::string> command_of(const json& request) {
  const json command = request.value("command", json());
  if (!command.is_array() || command.empty()) {
    throw Error(ErrorKind::InvalidInput, "exec: no command", "labctl exec VANTAGE -- COMMAND [ARG...]");
  }
  return command.get<std::vector<std::string>>();
}

controllers::Environment env_of(const json& request) {
  controllers::Environment env;
  const json given = request.value("env", json::object());
  for (const auto& [name, value] : given.items()) {
    env.emplace_back(name, value.get<std::string>());
  }
  return env;
}

kernel::ProcessOptions options_of(Lab& lab, const json& request) {
  return lab.exec_options(request.value("from", ""), request.value("container", ""), command_of(request),
                          env_of(request));
}

void start(Lab& lab, const json& request, const std::array<int, 3>& streams, bool tty,
           const std::shared_ptr<Execution>& execution) {
  kernel::ProcessOptions options = options_of(lab, request);
  options.in = kernel::Stdio::from(streams[0]);
  options.out = kernel::Stdio::from(streams[1]);
  options.err = kernel::Stdio::from(streams[2]);
  options.controlling_terminal = tty;
  if (tty) {
    options.env.emplace_back("TERM", "xterm-256color");
  }
  execution->child = kernel::spawn(options);
  lab.reaper().watch(execution->child.pid(), [execution](const kernel::ExitStatus& status) {
    execution->child.release();
    execution->exit_code = status.exit_code();
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t size = ::write(execution->ended.get(), &one, sizeof one);
  });
}

void send_line(int socket, const json& line) {
  const std::string text = line.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
  [[maybe_unused]] const ssize_t size = ::send(socket, text.data(), text.size(), MSG_NOSIGNAL);
}

// Passes the client's signals on until the process has ended. False when the client has gone first.
bool follow(int socket, Execution& execution) {
  std::string pending;
  for (;;) {
    pollfd waits[] = {{execution.ended.get(), POLLIN, 0}, {socket, POLLIN, 0}};
    if (::poll(waits, 2, -1) < 0 && errno != EINTR) {
      return false;
    }
    if (waits[0].revents != 0) {
      return true;
    }
    if (waits[1].revents == 0) {
      continue;
    }
    char piece[512];
    const ssize_t size = ::recv(socket, piece, sizeof piece, 0);
    if (size <= 0 || pending.size() > kLineMax) {
      return false;
    }
    pending.append(piece, static_cast<size_t>(size));
    for (size_t end = pending.find('\n'); end != std::string::npos; end = pending.find('\n')) {
      const json line = json::parse(pending.substr(0, end), nullptr, false);
      if (line.is_object() && line.value("signal", json()).is_number_integer()) {
        execution.child.signal_group(line["signal"].get<int>());
      }
      pending.erase(0, end + 1);
    }
  }
}

void run(Lab& lab, const json& request, int socket) {
  const bool tty = request.value("tty", false);
  const auto execution = std::make_shared<Execution>();
  execution->ended.reset(::eventfd(0, EFD_CLOEXEC));
  kernel::Pty pty;
  std::vector<UniqueFd> passed;
  std::array<int, 3> streams{};
  if (tty) {
    pty = kernel::open_pty(static_cast<std::uint16_t>(request.value("rows", 24)),
                           static_cast<std::uint16_t>(request.value("cols", 80)));
    const std::array<int, 1> master{pty.master.get()};
    api::send_fds(socket, master);
    streams = {pty.slave.get(), pty.slave.get(), pty.slave.get()};
  } else {
    passed = api::receive_fds(socket);
    if (passed.size() != streams.size()) {
      throw Error(ErrorKind::InvalidInput, "exec: three streams are wanted");
    }
    streams = {passed[0].get(), passed[1].get(), passed[2].get()};
  }
  lab.loop().run_here([&] { start(lab, request, streams, tty, execution); });
  passed.clear();
  pty = {};
  if (follow(socket, *execution)) {
    send_line(socket, {{"exit", execution->exit_code.load()}});
  } else {
    lab.loop().post([execution] {
      if (execution->exit_code < 0) {
        execution->child.signal_group(SIGHUP);
      }
    });
  }
}

}  // namespace

void check_exec(const json& request) {
  if (!request.is_object()) {
    throw Error(ErrorKind::InvalidInput, "exec: the request is no JSON object");
  }
  command_of(request);
}

void serve_exec(Lab& lab, const json& request, UniqueFd socket) noexcept {
  try {
    run(lab, request, socket.get());
  } catch (const Error& error) {
    // As shells do: 127 for a program that is not there, 126 for one that cannot be run.
    send_line(socket.get(), {{"exit", error.kind() == ErrorKind::NotFound ? 127 : 126},
                             {"error", error.message()},
                             {"hint", error.hint()}});
  } catch (const std::exception& error) {
    send_line(socket.get(), {{"exit", 126}, {"error", error.what()}});
  }
}

}  // namespace labctl::supervisor
