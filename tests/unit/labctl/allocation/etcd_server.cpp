#include "tests/unit/labctl/allocation/etcd_server.hpp"

#include "topology/base/error.hpp"
#include "topology/base/ip_address.hpp"
#include "topology/base/unique_fd.hpp"

#include <sys/socket.h>

namespace labctl::allocation {
namespace {

// A port that nobody listened on a moment ago.
std::string free_address() {
  const UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_storage address{};
  const socklen_t size = IpAddress::loopback(Family::IPv4).to_sockaddr(0, address);
  socklen_t length = sizeof address;
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0 ||
      ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &length) != 0) {
    throw Error::from_errno(errno, "find a free port");
  }
  return "127.0.0.1:" + std::to_string(port_of(address));
}

}  // namespace

bool EtcdServer::is_installed() {
  return support::run_program(
             {.command = {"sh", "-c", "command -v etcd"}, .env = {}, .directory = {}, .input = {}})
             .exit_code == 0;
}

void EtcdServer::start() {
  if (address_.empty()) {
    address_ = free_address();
    peer_ = "http://" + free_address();
  }
  const std::string client = "http://" + address_;
  support::Program etcd;
  etcd.command = {"etcd",
                  "--name=one",
                  "--data-dir=" + (folder_.path() / "data").string(),
                  "--listen-client-urls=" + client,
                  "--advertise-client-urls=" + client,
                  "--listen-peer-urls=" + peer_,
                  "--initial-advertise-peer-urls=" + peer_,
                  "--initial-cluster=one=" + peer_,
                  "--heartbeat-interval=20",
                  "--election-timeout=100",
                  "--logger=zap",
                  "--log-outputs=stdout"};
  etcd.timeout = std::chrono::seconds(120);
  program_.emplace(support::RunningProgram::start(etcd));
  if (!program_->wait_for_output("serving client traffic", std::chrono::seconds(30))) {
    throw Error(ErrorKind::Timeout, "etcd: not ready after 30 s");
  }
}

}  // namespace labctl::allocation
