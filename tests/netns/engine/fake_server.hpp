#pragma once

// The far end of a probe, as an ordinary program would be: a socket in a namespace and a thread that does
// with it what the test says.

#include "topology/base/ip_address.hpp"
#include "topology/base/unique_fd.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <thread>

namespace labctl::engine {

class FakeServer {
 public:
  // Given each connection, which is closed afterwards.
  using OnConnection = std::function<void(int fd)>;
  // Given each datagram; what it returns is sent back, unless empty.
  using OnDatagram = std::function<std::string(const std::string&)>;
  // The same, with the port it came from.
  using OnDatagramFrom = std::function<std::string(const std::string&, std::uint16_t)>;

  // Listens on every address of `netns_fd`; port 0: the kernel chooses.
  static FakeServer tcp(int netns_fd, OnConnection serve, std::uint16_t port = 0);
  static FakeServer udp(int netns_fd, OnDatagram serve, std::uint16_t port = 0);
  static FakeServer udp_from(int netns_fd, OnDatagramFrom serve);

  FakeServer(FakeServer&&) = default;
  ~FakeServer();

  std::uint16_t port() const { return port_; }

 private:
  FakeServer() = default;
  static FakeServer open(int netns_fd, int type, std::uint16_t port);
  static FakeServer udp_on(int netns_fd, OnDatagramFrom serve, std::uint16_t port);

  UniqueFd socket_;
  UniqueFd stop_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

// Reads until `end` has come or the connection ends.
std::string read_until(int fd, const std::string& end);
void write_all(int fd, const std::string& text);
// Makes the close of `fd` a reset.
void reset_on_close(int fd);

}  // namespace labctl::engine
