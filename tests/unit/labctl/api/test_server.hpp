#pragma once

// A server on a socket of its own in a folder of its own, and raw bytes to send to it.

#include "labctl/api/server.hpp"
#include "labctl/api/unix_socket.hpp"
#include "topology/base/unique_fd.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>

namespace labctl::api {

class TestServer {
 public:
  // The folder is called as a lab is: messages show its name.
  explicit TestServer(Server::Handler handler, ServerLimits limits = {})
      : folder_(make_folder()),
        socket_(folder_ / "shop" / "api.sock"),
        server_(std::make_unique<Server>(listen_unix(socket_), std::move(handler), limits)) {}
  ~TestServer() {
    server_.reset();
    std::filesystem::remove_all(folder_);
  }

  const std::filesystem::path& socket() const { return socket_; }
  UniqueFd connect() const { return connect_unix(socket_); }
  void stop() { server_.reset(); }

 private:
  static std::filesystem::path make_folder() {
    std::string name = (std::filesystem::temp_directory_path() / "labctl-api-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) {
      throw std::runtime_error("mkdtemp");
    }
    if (::mkdir((std::filesystem::path(name) / "shop").c_str(), 0700) != 0) {
      throw std::runtime_error("mkdir");
    }
    return name;
  }

  std::filesystem::path folder_;
  std::filesystem::path socket_;
  std::unique_ptr<Server> server_;
};

inline void send_text(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t sent = ::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
    if (sent <= 0) {
      return;  // the server may close early: what it answered is what counts
    }
    text.remove_prefix(static_cast<size_t>(sent));
  }
}

// Everything until the other end closes, or until `enough` is in it.
inline std::string receive_text(int fd, std::string_view enough = {}) {
  std::string text;
  char piece[4096];
  pollfd entry{.fd = fd, .events = POLLIN, .revents = 0};
  while ((enough.empty() || text.find(enough) == std::string::npos) && ::poll(&entry, 1, 10'000) > 0) {
    const ssize_t got = ::recv(fd, piece, sizeof piece, 0);
    if (got <= 0) {
      break;
    }
    text.append(piece, static_cast<size_t>(got));
  }
  return text;
}

}  // namespace labctl::api
