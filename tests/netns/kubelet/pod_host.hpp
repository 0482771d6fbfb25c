#pragma once

// One lab's main thread with its pods, for tests in a capsule: the real runtime, and a pod network to ask.

#include "labctl/kubelet/local_runtime.hpp"
#include "labctl/kubelet/pod_life.hpp"
#include "tests/netns/kubelet/poll_loop.hpp"
#include "tests/netns/process/capsule_fixture.hpp"
#include "topology/base/clock.hpp"
#include "topology/base/unique_fd.hpp"
#include "topology/kernel/capsule.hpp"
#include "topology/kernel/network_namespace.hpp"
#include "topology/kernel/process.hpp"
#include "topology/kernel/reaper.hpp"

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace labctl::kubelet::testing {

inline model::Pod make_pod(const std::string& name) {
  model::Pod pod;
  pod.key = {"default", name};
  pod.uid = "uid-" + name;
  pod.node_name = "node-1";
  pod.ips = {*IpAddress::parse("127.0.0.1")};
  return pod;
}

inline model::Container program(const std::string& name, const std::string& script) {
  model::Container container;
  container.name = name;
  container.image = "host";
  container.command = {"sh", "-c", script};
  return container;
}

inline model::Container built_in(const std::string& name, std::uint16_t port) {
  model::Container container;
  container.name = name;
  container.image = "agnhost:2.53";
  container.args = {"netexec", "--http-port=" + std::to_string(port), "--udp-port=-1"};
  container.ports = {{"", port, 0, model::Protocol::Tcp}};
  return container;
}

// With a folder that tests share with containers, whose /tmp and /run are their own.
inline kernel::HostTree tree_with_mnt() {
  EXPECT_EQ(::mount("tmpfs", "/mnt", "tmpfs", 0, "mode=0755,size=16m"), 0);
  return kernel::HostTree::create({.is_writable = true});
}

class Host {
 public:
  Host()
      : reaper(kernel::Reaper::create()),
        tree(tree_with_mnt()),
        runtime(loop, reaper, {"/run/pods", &tree, kernel::current_privilege()}) {
    loop.call_when_readable(reaper.fd(), [this] { reaper.reap(); });
    PodLifeOptions options;
    options.images = {{"image-of-sh*", {"/bin/sh"}, "/run/image"}};
    options.dns.cluster_domain = "cluster.local";
    PodLifeHooks hooks;
    hooks.on_change = [this](const PodReport& report) { reports[report.key] = report; };
    hooks.on_stopped = [this](const PodReport& report) {
      reports[report.key] = report;
      ++stopped;
    };
    hooks.on_event = [this](const model::PodKey&, const PodEvent& event) {
      events.push_back(event.reason + ": " + event.message);
    };
    life = std::make_unique<PodLife>(loop, clock, runtime, options, hooks);
  }

  void start(const model::Pod& pod) {
    if (!network) {
      network = kernel::testing::make_pod_namespace("eth0");
    }
    life->start(pod, {network.get(), pod.key.name, {}, {}, node ? node.get() : network.get()});
  }
  // From now on pods have 10.1.0.2 and fd01::2, and a node next to them 10.1.0.1 and fd01::1.
  void make_node() {
    network = kernel::testing::make_pod_namespace("eth0");
    const kernel::ChildProcess inside = in_network(network.get(), "exec sleep 300");
    kernel::NamespaceScope scope;
    scope.enter_new();
    node = UniqueFd(::dup(kernel::NetworkNamespace::current().fd()));
    EXPECT_EQ(in_network(-1, "ip link add to-pod type veth peer name to-node; ip link set to-node netns " +
                                 std::to_string(inside.pid()) +
                                 "; ip link set to-pod up; ip addr add 10.1.0.1/24 dev to-pod; "
                                 "ip addr add fd01::1/64 dev to-pod nodad")
                  .wait(),
              kernel::ExitStatus{});
    EXPECT_EQ(in_network(network.get(),
                         "ip link set to-node up; ip addr add 10.1.0.2/24 dev to-node; "
                         "ip addr add fd01::2/64 dev to-node nodad")
                  .wait(),
              kernel::ExitStatus{});
  }
  static kernel::ChildProcess in_network(int netns_fd, const std::string& script) {
    kernel::ProcessOptions options;
    options.argv = {"sh", "-ec", script};
    options.env = {{"PATH", "/usr/sbin:/usr/bin:/sbin:/bin"}};
    options.netns_fd = netns_fd;
    options.err = kernel::Stdio::from(STDERR_FILENO);
    return kernel::spawn(options);
  }
  ContainerState state(const model::Pod& pod, std::size_t index = 0) {
    return reports.at(pod.key).containers.containers.at(index).state;
  }
  bool wait_for(const model::Pod& pod, ContainerState::Kind kind, std::size_t index = 0) {
    return loop.run_until([&] { return state(pod, index).kind == kind; });
  }
  std::string text_of(const model::Pod& pod, const std::string& container = "") {
    std::string text;
    for (const LogLine& line : life->log(pod.key, container).lines({})) {
      text += line.text + "\n";
    }
    return text;
  }
  bool wait_for_text(const model::Pod& pod, const std::string& text) {
    return loop.run_until([&] { return text_of(pod).find(text) != std::string::npos; });
  }
  // What a connection to the pod says after `request`; empty if it is refused.
  std::string ask(std::uint16_t port, const std::string& request) {
    int client = -1;
    {
      const kernel::NamespaceScope scope(network.get());
      client = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    }
    UniqueFd fd(client);
    sockaddr_storage address{};
    const socklen_t length = IpAddress::loopback(Family::IPv4).to_sockaddr(port, address);
    ::connect(client, reinterpret_cast<const sockaddr*>(&address), length);
    ::send(client, request.data(), request.size(), MSG_NOSIGNAL);
    std::string text;
    bool is_over = false;
    const loop::EventLoop::Id watch = loop.call_when_readable(client, [&] {
      char buffer[4096];
      const ssize_t count = ::recv(client, buffer, sizeof(buffer), 0);
      is_over = count <= 0;
      text.append(buffer, count > 0 ? static_cast<std::size_t>(count) : 0);
    });
    loop.run_until([&] { return is_over; });
    loop.cancel(watch);
    return text;
  }
  std::string get(std::uint16_t port, const std::string& path) {
    const std::string reply = ask(port, "GET " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    const std::size_t body = reply.find("\r\n\r\n");
    return body == std::string::npos ? reply : reply.substr(body + 4);
  }

  SystemClock clock;
  PollLoop loop;
  kernel::Reaper reaper;
  kernel::HostTree tree;
  LocalRuntime runtime;
  std::unique_ptr<PodLife> life;
  std::map<model::PodKey, PodReport> reports;
  std::vector<std::string> events;
  int stopped = 0;
  UniqueFd network;
  UniqueFd node;
};

}  // namespace labctl::kubelet::testing
