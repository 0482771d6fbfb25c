#pragma once

// An HTTPS server on the test's own loop, with a certificate that it signs
// itself, for another name than is asked for.

#include "tests/netns/kubelet/poll_loop.hpp"
#include "topology/base/unique_fd.hpp"

#include <openssl/ssl.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>

namespace labctl::kubelet::testing {

class TlsServer {
 public:
  // Listens on every IPv4 address of the namespace `netns_fd` and answers the first
  // request of each connection with `reply`.
  TlsServer(PollLoop& loop, int netns_fd, std::uint16_t port, std::string reply);
  ~TlsServer();
  TlsServer(const TlsServer&) = delete;
  TlsServer& operator=(const TlsServer&) = delete;

  const std::string& last_request() const { return last_request_; }

 private:
  template <auto Function>
  struct Free {
    void operator()(auto* held) const { Function(held); }
  };
  struct Client {
    UniqueFd fd;
    std::unique_ptr<SSL, Free<SSL_free>> session;
  };
  void accept();
  void serve(int fd);

  PollLoop& loop_;
  std::string reply_;
  std::string last_request_;
  std::unique_ptr<SSL_CTX, Free<SSL_CTX_free>> context_;
  UniqueFd listener_;
  std::map<int, Client> clients_;
  std::map<int, loop::EventLoop::Id> watches_;
};

}  // namespace labctl::kubelet::testing
