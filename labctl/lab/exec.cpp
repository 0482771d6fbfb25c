#include "labctl/lab/exec.hpp"

#include "labctl/api/fd_passing.hpp"
#include "labctl/api/json_line.hpp"
#include "labctl/lab/lab.hpp"
#include "topology/base/cancel.hpp"
#include "topology/base/error.hpp"
#include "topology/kernel/process.hpp"
#include "topology/kernel/pty.hpp"

#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <memory>
#include <string>
#include <string_view>

namespace labctl::lab {
namespace {

using nlohmann::json;

// A line from the client is a signal number; more is no client of ours.
constexpr size_t kLineMax = 4096;

// Shared between the connection's thread and the main loop, whichever is done last. The child is the main
// loop's alone: it is reaped there, and its number is somebody else's afterwards.
struct Execution {
  kernel::ChildProcess child;
  std::atomic<int> exit_code{-1};
  Wakeup ended;
};

void start(Lab& lab, const api::ExecStart& request, const std::array<int, 3>& streams,
           const std::shared_ptr<Execution>& execution) {
  kernel::ProcessOptions options =
      lab.exec_options(request.from, request.container, request.command, request.env);
  options.in = kernel::Stdio::from(streams[0]);
  options.out = kernel::Stdio::from(streams[1]);
  options.err = kernel::Stdio::from(streams[2]);
  options.controlling_terminal = request.tty;
  if (request.tty) {
    options.env.emplace_back("TERM", "xterm-256color");
  }
  execution->child = kernel::spawn(options);
  lab.reaper().watch(execution->child.pid(), [execution](const kernel::ExitStatus& status) {
    execution->child.release();
    execution->exit_code = status.exit_code();
    execution->ended.notify();
  });
}

void send_line(int socket, const json& line) {
  const std::string text = api::json_line(line) + "\n";
  [[maybe_unused]] const ssize_t size = ::send(socket, text.data(), text.size(), MSG_NOSIGNAL);
}

// To the process and its group, unless it has ended.
void send_signal(Lab& lab, const std::shared_ptr<Execution>& execution, int number) {
  lab.loop().post([execution, number] {
    if (execution->exit_code < 0) {
      execution->child.signal_group(number);
    }
  });
}

// Passes the client's signals on until the process has ended. False when the client has gone first.
bool follow(Lab& lab, int socket, const std::shared_ptr<Execution>& execution) {
  std::string pending;
  for (;;) {
    pollfd waits[] = {{execution->ended.fd(), POLLIN, 0}, {socket, POLLIN, 0}};
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
      if (const auto number = api::parse_exec_signal(std::string_view(pending).substr(0, end))) {
        send_signal(lab, execution, *number);
      }
      pending.erase(0, end + 1);
    }
  }
}

void run(Lab& lab, const api::ExecStart& request, int socket) {
  const auto execution = std::make_shared<Execution>();
  kernel::Pty pty;
  std::vector<UniqueFd> passed;
  std::array<int, 3> streams{};
  if (request.tty) {
    pty = kernel::open_pty(request.rows, request.columns);
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
  lab.loop().run_here([&] { start(lab, request, streams, execution); });
  passed.clear();
  pty = {};
  if (follow(lab, socket, execution)) {
    send_line(socket, {{"exit", execution->exit_code.load()}});
  } else {
    send_signal(lab, execution, SIGHUP);
  }
}

}  // namespace

void serve_exec(Lab& lab, const api::ExecStart& request, UniqueFd socket) noexcept {
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

}  // namespace labctl::lab
