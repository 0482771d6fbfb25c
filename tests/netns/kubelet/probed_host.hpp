#pragma once

// A host whose pod is probed: the container does nothing, and what answers is the test's.

#include "tests/netns/kubelet/pod_host.hpp"

#include <gtest/gtest.h>

#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <string>

namespace labctl::kubelet::testing {

// Answers every request on a port of the pod with a text of the test's choice, and closes.
class TextServer {
 public:
  TextServer(Host& host, Family family, std::uint16_t port, std::string reply)
      : text(std::move(reply)), loop_(host.loop) {
    const kernel::NamespaceScope scope(host.network.get());
    listener_ = UniqueFd(
        ::socket(family == Family::IPv6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    sockaddr_storage address{};
    const socklen_t length = IpAddress::any(family).to_sockaddr(port, address);
    EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), length), 0);
    EXPECT_EQ(::listen(listener_.get(), 16), 0);
    watches_[-1] = loop_.call_when_readable(listener_.get(), [this] { accept(); });
  }
  ~TextServer() {
    for (const auto& [fd, watch] : watches_) {
      loop_.cancel(watch);
    }
  }

  std::string text;  // "": never answers
  std::string last_request;
  std::string last_client;

 private:
  void accept() {
    sockaddr_storage from{};
    socklen_t length = sizeof from;
    const int fd =
        ::accept4(listener_.get(), reinterpret_cast<sockaddr*>(&from), &length, SOCK_CLOEXEC | SOCK_NONBLOCK);
    char host[64] = "";
    ::getnameinfo(reinterpret_cast<const sockaddr*>(&from), length, host, sizeof host, nullptr, 0,
                  NI_NUMERICHOST);
    last_client = host;
    clients_[fd] = UniqueFd(fd);
    watches_[fd] = loop_.call_when_readable(fd, [this, fd] { serve(fd); });
  }
  void serve(int fd) {
    char buffer[4096];
    const ssize_t count = ::recv(fd, buffer, sizeof buffer, 0);
    if (count > 0) {
      last_request.assign(buffer, static_cast<std::size_t>(count));
      if (text.empty()) {
        return;
      }
      ::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
    }
    loop_.cancel(watches_.at(fd));
    watches_.erase(fd);
    clients_.erase(fd);
  }

  PollLoop& loop_;
  UniqueFd listener_;
  std::map<int, UniqueFd> clients_;
  std::map<int, loop::EventLoop::Id> watches_;
};

inline std::string http_reply(int status, const std::string& more = "") {
  return "HTTP/1.1 " + std::to_string(status) + " X\r\n" + more + "Content-Length: 2\r\n\r\nok";
}

// A machine may be busy; what is to take longer than this is made to take much longer.
inline constexpr std::chrono::seconds kPatience{60};

inline model::ContainerProbe every_second(model::ContainerAction::Kind kind, std::uint16_t port = 80) {
  model::ContainerProbe probe;
  probe.action.kind = kind;
  probe.action.port = port;
  probe.period = std::chrono::seconds(1);
  return probe;
}

inline model::ContainerProbe every_second(const std::string& script) {
  model::ContainerProbe probe = every_second(model::ContainerAction::Kind::Exec);
  probe.action.command = {"sh", "-c", script};
  return probe;
}

class ProbedHost : public Host {
 public:
  ProbedHost() { make_node(); }
  const ContainerStatus& status(const model::Pod& pod) {
    return reports.at(pod.key).containers.containers.at(0);
  }
  bool wait_ready(const model::Pod& pod, bool is_ready = true) {
    return loop.run_until([&] { return status(pod).is_ready == is_ready; }, kPatience);
  }
  // The first event that begins like that.
  std::string wait_event(const std::string& beginning) {
    std::string found;
    loop.run_until(
        [&] {
          const auto event = std::find_if(events.begin(), events.end(), [&](const std::string& text) {
            return text.starts_with(beginning);
          });
          found = event == events.end() ? "" : *event;
          return !found.empty();
        },
        kPatience);
    return found;
  }
};

// A pod whose container does nothing: what answers is the test's.
inline model::Pod idle_pod(const char* address = "10.1.0.2") {
  model::Pod pod = make_pod("web-0");
  pod.ips = {*IpAddress::parse(address)};
  pod.containers = {program("a", "exec sleep 300")};
  return pod;
}

}  // namespace labctl::kubelet::testing
