#pragma once

// A server and network namespaces of its own for each test; clients that ask it from inside a namespace.
// Needs root or user namespaces; without them a test is skipped with the reason.

#include "probes/server/pod_sockets.hpp"
#include "probes/server/role.hpp"
#include "probes/server/server.hpp"
#include "topology/base/ip_address.hpp"
#include "topology/base/unique_fd.hpp"
#include "topology/kernel/network_namespace.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace labctl::server {

// A fresh namespace with its loopback up.
kernel::NetworkNamespace make_namespace();

struct HttpAnswer {
  int status = 0;
  std::string head;  // status line and headers
  std::string body;
};

// What a client in the namespace gets; an empty answer (status 0) when there is none. One connection a call.
HttpAnswer http(int netns, std::uint16_t port, const std::string& request_bytes);
HttpAnswer http_get(int netns, std::uint16_t port, const std::string& target);
// The one datagram that comes back, or "" after `limit`.
std::string udp_ask(int netns, std::uint16_t port, const std::string& text,
                    std::chrono::milliseconds limit = std::chrono::seconds(60));
// A connected TCP socket, blocking; empty if refused.
UniqueFd tcp_connect(int netns, std::uint16_t port);
// What arrives until the other side closes; "RST" if it resets.
std::string read_to_end(int fd);

// Collects what hooks report, and waits for it.
class Reports {
 public:
  Hooks hooks();
  // The exit code; -1 if it does not come within a minute.
  int wait_exit(ContainerId container);
  // Waits until a line holding `part` was printed.
  bool wait_line(ContainerId container, std::string_view part);
  bool has_exited(ContainerId container);
  std::vector<std::string> lines(ContainerId container);

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<ContainerId, std::vector<std::string>> lines_;
  std::map<ContainerId, int> exits_;
};

class BuiltInServer : public ::testing::Test {
 protected:
  void SetUp() override;
  // A pod in a namespace of its own, known by 127.0.0.1.
  PodId add_pod(const std::string& name, bool ipv6 = false);
  int netns(PodId pod) const { return namespaces_.at(pod).fd(); }
  // Starts agnhost with these words.
  ContainerId start(PodId pod, std::vector<std::string> words, std::map<std::string, std::string> env = {});

  Hooks extra_;  // run_shell, upload, resolve: set before make_server()
  void make_server();
  Server& server() { return *server_; }

  Reports reports_;

 private:
  std::map<PodId, kernel::NetworkNamespace> namespaces_;

 protected:
  std::unique_ptr<Server> server_;
};

}  // namespace labctl::server
