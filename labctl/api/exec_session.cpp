#include "labctl/api/exec_session.hpp"

#include "labctl/api/fd_passing.hpp"
#include "labctl/api/json_line.hpp"
#include "topology/base/error.hpp"
#include "topology/base/scope_exit.hpp"
#include "topology/base/signal_fd.hpp"
#include "topology/base/unique_fd.hpp"

#include <nlohmann/json.hpp>

#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <termios.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <optional>
#include <string>
#include <utility>

namespace labctl::api {
namespace {

constexpr std::array kSessionSignals{SIGINT, SIGTERM, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2, SIGWINCH, SIGCONT};
constexpr char kEndOfTransmission = 4;  // what a terminal turns into end of file

// A terminal in raw mode, cfmakeraw(3), until destruction. Does nothing for what is no terminal.
class RawTerminal {
 public:
  explicit RawTerminal(int fd) : fd_(fd) {
    if (::isatty(fd) == 1 && ::tcgetattr(fd, &before_) == 0) {
      is_terminal_ = true;
      enter();
    }
  }
  ~RawTerminal() {
    if (is_terminal_) {
      ::tcsetattr(fd_, TCSADRAIN, &before_);
    }
  }
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;

  void enter() {
    if (is_terminal_) {
      termios raw = before_;
      ::cfmakeraw(&raw);
      ::tcsetattr(fd_, TCSADRAIN, &raw);
    }
  }

 private:
  int fd_;
  bool is_terminal_ = false;
  termios before_{};
};

// The size of the terminal behind any of the streams.
std::optional<winsize> terminal_size(const ExecStreams& streams) {
  for (const int fd : {streams.out, streams.in, streams.err}) {
    winsize size{};
    if (::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_row > 0) {
      return size;
    }
  }
  return std::nullopt;
}

// Everything to a descriptor that may be nonblocking; false when the other end has gone.
bool write_all(int fd, const char* data, size_t size) {
  while (size > 0) {
    const ssize_t put = ::write(fd, data, size);
    if (put > 0) {
      data += put;
      size -= static_cast<size_t>(put);
    } else if (put < 0 && errno == EAGAIN) {
      pollfd entry{.fd = fd, .events = POLLOUT, .revents = 0};
      ::poll(&entry, 1, -1);
    } else if (put < 0 && errno != EINTR) {
      return false;
    }
  }
  return true;
}

// The lines of JSON after the descriptors have been passed.
class ControlChannel {
 public:
  explicit ControlChannel(UniqueFd fd) : fd_(std::move(fd)) {}
  int fd() const { return fd_.get(); }

  void send_signal(int number) {
    const std::string line = nlohmann::json{{"signal", number}}.dump() + "\n";
    // Nothing to do when this fails: the process has ended, and its exit code is on the way.
    [[maybe_unused]] const ssize_t sent = ::send(fd_.get(), line.data(), line.size(), MSG_NOSIGNAL);
  }

  // Reads what has come. How the process ended, once it has. Throws Error Kernel when the lab went away.
  std::optional<ExecEnd> receive() {
    constexpr size_t kMostPending = 64 * 1024;
    std::array<char, 4096> piece;
    const ssize_t got = ::recv(fd_.get(), piece.data(), piece.size(), MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
      return std::nullopt;
    }
    if (got <= 0 || pending_.size() > kMostPending) {
      throw Error(ErrorKind::Kernel, "the lab went away before the command ended");
    }
    pending_.append(piece.data(), static_cast<size_t>(got));
    for (size_t end = pending_.find('\n'); end != std::string::npos; end = pending_.find('\n')) {
      const nlohmann::json line = nlohmann::json::parse(pending_.substr(0, end), nullptr, false);
      pending_.erase(0, end + 1);
      if (!line.is_object()) {
        continue;
      }
      if (line.contains("exit") && line["exit"].is_number_integer()) {
        const auto words = [&](const char* key) {
          return line.contains(key) && line[key].is_string() ? line[key].get<std::string>() : std::string{};
        };
        return ExecEnd{line["exit"].get<int>(), words("error"), words("hint")};
      }
    }
    return std::nullopt;
  }

 private:
  UniqueFd fd_;
  std::string pending_;
};

// A pipe belongs to who made it, and "> /dev/stdout" opens it anew: refused to a process that is another user,
// as in a lab of root. Nobody else can name a pipe without a name; those that have one, and files and
// terminals, stay as they are.
void let_reopen(int stream) {
  struct stat status {};
  struct statfs system {};
  if (::fstat(stream, &status) == 0 && S_ISFIFO(status.st_mode) && ::fstatfs(stream, &system) == 0 &&
      system.f_type == PIPEFS_MAGIC) {
    ::fchmod(stream, 0666);  // of another's pipe it is refused, and that is as it was
  }
}

// Without a terminal the process has our own streams: all there is to do is to pass signals on and wait.
ExecEnd run_on_streams(ControlChannel& control, const SignalFd& signals, const ExecStreams& streams,
                       const ExecRequest& request) {
  using Clock = std::chrono::steady_clock;
  const std::array fds{streams.in, streams.out, streams.err};
  for (const int stream : fds) {
    let_reopen(stream);
  }
  send_fds(control.fd(), fds);
  const auto deadline = Clock::now() + request.timeout;
  bool is_limited = request.timeout.count() > 0;
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    pollfd entries[] = {{.fd = control.fd(), .events = POLLIN, .revents = 0},
                        {.fd = signals.fd(), .events = POLLIN, .revents = 0}};
    const int wait_ms = is_limited ? static_cast<int>(std::max<long long>(0, left.count())) : -1;
    const int ready = ::poll(entries, 2, wait_ms);
    if (ready == 0) {
      control.send_signal(SIGKILL);
      is_limited = false;  // its end is reported as any other
    }
    if (ready <= 0) {
      continue;
    }
    for (int number = signals.take(); number != 0; number = signals.take()) {
      if (number != SIGWINCH && number != SIGCONT) {
        control.send_signal(number);
        if (request.on_signal) {
          request.on_signal(number);
        }
      }
    }
    if (entries[0].revents != 0) {
      if (auto end = control.receive()) {
        return *end;
      }
    }
  }
}

// Copies between our streams and the master end of the process's terminal.
class TerminalPump {
 public:
  TerminalPump(ControlChannel& control, const SignalFd& signals, const ExecStreams& streams, UniqueFd master)
      : control_(control),
        signals_(signals),
        streams_(streams),
        master_(std::move(master)),
        raw_(streams.in) {
    resize();
  }

  ExecEnd run() {
    for (;;) {
      pollfd entries[] = {{.fd = control_.fd(), .events = POLLIN, .revents = 0},
                          {.fd = signals_.fd(), .events = POLLIN, .revents = 0},
                          {.fd = master_open_ ? master_.get() : -1, .events = POLLIN, .revents = 0},
                          {.fd = input_open_ ? streams_.in : -1, .events = POLLIN, .revents = 0}};
      if (::poll(entries, 4, -1) < 0) {
        continue;  // EINTR
      }
      take_signals();
      if (entries[2].revents != 0) {
        master_open_ = copy_output();
      }
      if (entries[3].revents != 0) {
        copy_input();
      }
      if (entries[0].revents != 0) {
        if (auto end = control_.receive()) {
          drain();
          return *end;
        }
      }
    }
  }

 private:
  void resize() {
    if (const auto size = terminal_size(streams_)) {
      ::ioctl(master_.get(), TIOCSWINSZ, &*size);
    }
  }

  void take_signals() {
    for (int number = signals_.take(); number != 0; number = signals_.take()) {
      if (number == SIGWINCH || number == SIGCONT) {
        raw_.enter();  // a shell that stopped and continued us has set its own mode
        resize();
      } else {
        control_.send_signal(number);
      }
    }
  }

  // False when the terminal has no other end any more (EIO) or our output has gone.
  bool copy_output() {
    std::array<char, 16 * 1024> piece;
    const ssize_t got = ::read(master_.get(), piece.data(), piece.size());
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) {
      return true;
    }
    return got > 0 && write_all(streams_.out, piece.data(), static_cast<size_t>(got));
  }

  void copy_input() {
    std::array<char, 4096> piece;
    const ssize_t got = ::read(streams_.in, piece.data(), piece.size());
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) {
      return;
    }
    if (got <= 0) {
      input_open_ = false;
      write_all(master_.get(), &kEndOfTransmission, 1);
    } else if (!write_all(master_.get(), piece.data(), static_cast<size_t>(got))) {
      input_open_ = false;
    }
  }

  // The kernel hands a terminal's last output over after its writer has ended: read on until the other end is
  // closed. A background process may keep it open for ever, hence the bound.
  void drain() {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(200);
    while (master_open_) {
      const auto left =
          std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
      pollfd entry{.fd = master_.get(), .events = POLLIN, .revents = 0};
      if (left.count() <= 0 || ::poll(&entry, 1, static_cast<int>(left.count())) == 0) {
        return;
      }
      master_open_ = copy_output();
    }
  }

  ControlChannel& control_;
  const SignalFd& signals_;
  const ExecStreams& streams_;
  UniqueFd master_;
  RawTerminal raw_;
  bool master_open_ = true;
  bool input_open_ = true;
};

}  // namespace

ExecEnd run_exec(Client& client, const ExecRequest& request, const ExecStreams& streams) {
  nlohmann::json body{{"from", request.from},
                      {"container", request.container},
                      {"command", request.command},
                      {"env", request.env},
                      {"tty", request.tty},
                      {"rows", 24},
                      {"cols", 80}};
  if (const auto size = terminal_size(streams)) {
    body["rows"] = size->ws_row;
    body["cols"] = size->ws_col;
  }
  // Before the process exists: a signal that comes now must reach it, not end us.
  const SignalFd signals(kSessionSignals);
  ControlChannel control(client.upgrade("POST", "/lab/v1/exec", json_line(body)));
  if (!request.tty) {
    return run_on_streams(control, signals, streams, request);
  }
  std::vector<UniqueFd> fds = receive_fds(control.fd());
  return TerminalPump(control, signals, streams, std::move(fds.front())).run();
}

int exec(Client& client, const ExecRequest& request, const ExecStreams& streams) {
  return run_exec(client, request, streams).code;
}

}  // namespace labctl::api
