#include "tests/bench/floor.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#ifndef SIOCGSKNS
#define SIOCGSKNS 0x894C
#endif

namespace labctl::bench {
namespace {

constexpr int kBridge = 2, kUplink = 3, kPodLink = 2, kFirstPort = 10;

std::uint32_t pod_net(int node, int pods) {
  const std::uint32_t base = (10U << 24) | (100U << 16);
  return base + static_cast<std::uint32_t>(node) * (pods > 250 ? 1024U : 256U);
}
int pod_prefix(int pods) { return pods > 250 ? 22 : 24; }
std::uint32_t node_ip(int node) { return (172U << 24) | (18U << 16) | static_cast<std::uint32_t>(node + 2); }

void link_up(RawBatch& batch, int ifindex) {
  ifinfomsg header{};
  header.ifi_index = ifindex;
  header.ifi_flags = header.ifi_change = IFF_UP;
  batch.begin(RTM_NEWLINK, 0, &header, sizeof header);
}

void address(RawBatch& batch, int ifindex, std::uint32_t ip, int prefix) {
  ifaddrmsg header{};
  header.ifa_family = AF_INET;
  header.ifa_prefixlen = static_cast<std::uint8_t>(prefix);
  header.ifa_index = static_cast<std::uint32_t>(ifindex);
  batch.begin(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &header, sizeof header);
  batch.number(IFA_LOCAL, htonl(ip));
  batch.number(IFA_ADDRESS, htonl(ip));
}

void route(RawBatch& batch, std::uint32_t to, int prefix, std::uint32_t via, int oif) {
  rtmsg header{};
  header.rtm_family = AF_INET;
  header.rtm_dst_len = static_cast<std::uint8_t>(prefix);
  header.rtm_table = RT_TABLE_MAIN;
  header.rtm_protocol = RTPROT_STATIC;
  header.rtm_type = RTN_UNICAST;
  batch.begin(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, &header, sizeof header);
  if (prefix > 0) {
    batch.number(RTA_DST, htonl(to));
  }
  batch.number(RTA_GATEWAY, htonl(via));
  batch.number(RTA_OIF, static_cast<std::uint32_t>(oif));
}

struct Mac {
  std::uint8_t bytes[6];
};
Mac mac_of(std::uint32_t ip) {
  return {{2, 2, static_cast<std::uint8_t>(ip >> 24), static_cast<std::uint8_t>(ip >> 16),
           static_cast<std::uint8_t>(ip >> 8), static_cast<std::uint8_t>(ip)}};
}

void set_mac(RawBatch& batch, int ifindex, const Mac& mac) {
  ifinfomsg header{};
  header.ifi_index = ifindex;
  batch.begin(RTM_NEWLINK, 0, &header, sizeof header);
  batch.attribute(IFLA_ADDRESS, mac.bytes, sizeof mac.bytes);
}

void neighbour(RawBatch& batch, int ifindex, std::uint32_t ip) {
  ndmsg header{};
  header.ndm_family = AF_INET;
  header.ndm_ifindex = ifindex;
  header.ndm_state = NUD_PERMANENT;
  batch.begin(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, &header, sizeof header);
  batch.number(NDA_DST, htonl(ip));
  const Mac mac = mac_of(ip);
  batch.attribute(NDA_LLADDR, mac.bytes, sizeof mac.bytes);
}

void bridge(RawBatch& batch, const char* name) {
  ifinfomsg header{};
  header.ifi_index = kBridge;
  header.ifi_flags = header.ifi_change = IFF_UP;
  batch.begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &header, sizeof header);
  batch.text(IFLA_IFNAME, name);
  const size_t info = batch.nest(IFLA_LINKINFO);
  batch.text(IFLA_INFO_KIND, "bridge");
  batch.end(info);
}

// The near end goes up on `master` in `near_ns`; the peer stays in the socket's namespace.
void veth(RawBatch& batch, const char* near, int ifindex, int near_ns, int master, const char* peer,
          int peer_ifindex) {
  ifinfomsg header{};
  header.ifi_index = ifindex;
  header.ifi_flags = header.ifi_change = IFF_UP;
  batch.begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &header, sizeof header);
  batch.text(IFLA_IFNAME, near);
  batch.number(IFLA_NET_NS_FD, static_cast<std::uint32_t>(near_ns));
  if (master != 0) {
    batch.number(IFLA_MASTER, static_cast<std::uint32_t>(master));
  }
  batch.number(IFLA_NUM_TX_QUEUES, 1);
  batch.number(IFLA_NUM_RX_QUEUES, 1);
  const size_t info = batch.nest(IFLA_LINKINFO);
  batch.text(IFLA_INFO_KIND, "veth");
  const size_t data = batch.nest(IFLA_INFO_DATA);
  const size_t other = batch.nest(VETH_INFO_PEER);
  ifinfomsg peer_header{};
  peer_header.ifi_index = peer_ifindex;
  batch.raw(&peer_header, sizeof peer_header);
  batch.text(IFLA_IFNAME, peer);
  batch.number(IFLA_NUM_TX_QUEUES, 1);
  batch.number(IFLA_NUM_RX_QUEUES, 1);
  batch.end(other);
  batch.end(data);
  batch.end(info);
}

int private_proc() {
  const int context = static_cast<int>(::syscall(SYS_fsopen, "proc", FSOPEN_CLOEXEC));
  if (context < 0 || ::syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) {
    die("private proc");
  }
  const int root = static_cast<int>(::syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, 0));
  ::close(context);
  return root;
}

void set(int proc, const char* name) {
  const int file = ::openat(proc, name, O_WRONLY | O_CLOEXEC);
  if (file < 0 || ::write(file, "1", 1) != 1) {
    die(name);
  }
  ::close(file);
}

void build_node(RawCluster& cluster, int n, int nodes, int pods, int proc) {
  RawBatch batch;
  const RawNamespace node = make_namespace();
  set(proc, "sys/net/ipv6/conf/default/disable_ipv6");
  set(proc, "sys/net/ipv4/ip_forward");
  link_up(batch, 1);
  bridge(batch, "cbr0");
  address(batch, kBridge, pod_net(n, pods) + 1, pod_prefix(pods));
  veth(batch, ("u" + std::to_string(n)).c_str(), kFirstPort + n, cluster.underlay.fd, kBridge, "eth0",
       kUplink);
  link_up(batch, kUplink);
  address(batch, kUplink, node_ip(n), 16);
  for (int other = 0; other < nodes; ++other) {
    if (other != n) {
      route(batch, pod_net(other, pods), pod_prefix(pods), node_ip(other), kUplink);
    }
  }
  batch.send(node.socket, "node");
  cluster.node.push_back(node);
}

}  // namespace

double now_us() {
  return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

void die(const char* what) {
  std::fprintf(stderr, "floor: %s: %s\n", what, std::strerror(errno));
  std::exit(1);
}

void RawBatch::fix() {
  reinterpret_cast<nlmsghdr*>(&bytes_[current_])->nlmsg_len =
      static_cast<std::uint32_t>(bytes_.size() - current_);
}

void RawBatch::begin(int type, int flags, const void* header, size_t size) {
  current_ = bytes_.size();
  bytes_.resize(current_ + NLMSG_LENGTH(0) + NLMSG_ALIGN(size), 0);
  auto* message = reinterpret_cast<nlmsghdr*>(&bytes_[current_]);
  message->nlmsg_type = static_cast<std::uint16_t>(type);
  message->nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
  std::memcpy(NLMSG_DATA(message), header, size);
  fix();
}

void RawBatch::attribute(int type, const void* data, size_t size) {
  const size_t at = bytes_.size();
  bytes_.resize(at + RTA_ALIGN(RTA_LENGTH(size)), 0);
  auto* header = reinterpret_cast<rtattr*>(&bytes_[at]);
  header->rta_type = static_cast<std::uint16_t>(type);
  header->rta_len = static_cast<std::uint16_t>(RTA_LENGTH(size));
  if (size > 0) {
    std::memcpy(RTA_DATA(header), data, size);
  }
  fix();
}

void RawBatch::text(int type, const char* value) { attribute(type, value, std::strlen(value) + 1); }

size_t RawBatch::nest(int type) {
  const size_t at = bytes_.size();
  attribute(type, nullptr, 0);
  return at;
}

void RawBatch::raw(const void* data, size_t size) {
  const size_t at = bytes_.size();
  bytes_.resize(at + NLMSG_ALIGN(size), 0);
  std::memcpy(&bytes_[at], data, size);
  fix();
}

void RawBatch::end(size_t nest) {
  reinterpret_cast<rtattr*>(&bytes_[nest])->rta_len = static_cast<std::uint16_t>(bytes_.size() - nest);
}

void RawBatch::send(int socket, const char* what) {
  reinterpret_cast<nlmsghdr*>(&bytes_[current_])->nlmsg_flags |= NLM_F_ACK;
  if (::send(socket, bytes_.data(), bytes_.size(), 0) < 0) {
    die(what);
  }
  char replies[16384];
  for (bool answered = false; !answered;) {
    const ssize_t got = ::recv(socket, replies, sizeof replies, 0);
    auto rest = static_cast<unsigned>(std::max<ssize_t>(got, 0));
    for (auto* reply = reinterpret_cast<nlmsghdr*>(replies); NLMSG_OK(reply, rest);
         reply = NLMSG_NEXT(reply, rest)) {
      const int error = static_cast<nlmsgerr*>(NLMSG_DATA(reply))->error;
      if (reply->nlmsg_type == NLMSG_ERROR && error != 0) {
        errno = -error;
        die(what);
      }
      answered = true;
    }
  }
  bytes_.clear();
}

RawNamespace make_namespace() {
  RawNamespace made;
  if (::unshare(CLONE_NEWNET) != 0) {
    die("unshare");
  }
  made.socket = ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  made.fd = ::ioctl(made.socket, SIOCGSKNS);
  if (made.fd < 0) {
    die("namespace descriptor");
  }
  return made;
}

void add_neighbours(RawCluster& cluster, int pods) {
  RawBatch batch;
  for (size_t n = 0; n < cluster.node.size(); ++n) {
    const std::uint32_t net = pod_net(static_cast<int>(n), pods);
    set_mac(batch, kBridge, mac_of(net + 1));
    for (int p = 0; p < pods; ++p) {
      neighbour(batch, kBridge, net + 2 + static_cast<std::uint32_t>(p));
    }
    batch.send(cluster.node[n].socket, "node neighbours");
  }
  for (const RawPod& pod : cluster.pod) {
    set_mac(batch, kPodLink, mac_of(pod.ip));
    const std::uint32_t net = pod_net(pod.node, pods);
    for (int p = 0; p <= pods; ++p) {
      neighbour(batch, kPodLink, net + 1 + static_cast<std::uint32_t>(p));
    }
    batch.send(pod.ns.socket, "pod neighbours");
  }
}

RawCluster build_floor(int nodes, int pods, bool permanent_neighbours) {
  constexpr int kNamespacesPerProc = 32;
  const int home = ::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
  RawCluster cluster;
  RawBatch batch;
  cluster.underlay = make_namespace();
  int proc = private_proc();
  set(proc, "sys/net/ipv6/conf/default/disable_ipv6");
  bridge(batch, "under0");
  batch.send(cluster.underlay.socket, "underlay");
  for (int n = 0; n < nodes; ++n) {
    build_node(cluster, n, nodes, pods, proc);
  }
  for (int i = 0; i < nodes * pods; ++i) {
    if (i % kNamespacesPerProc == 0) {
      ::close(proc);
      proc = private_proc();
    }
    RawPod pod;
    pod.node = i / pods;
    pod.ip = pod_net(pod.node, pods) + 2 + static_cast<std::uint32_t>(i % pods);
    pod.ns = make_namespace();
    set(proc, "sys/net/ipv6/conf/default/disable_ipv6");
    veth(batch, ("v" + std::to_string(i % pods)).c_str(), kFirstPort + i % pods,
         cluster.node[static_cast<size_t>(pod.node)].fd, kBridge, "eth0", kPodLink);
    link_up(batch, kPodLink);
    link_up(batch, 1);
    address(batch, kPodLink, pod.ip, pod_prefix(pods));
    route(batch, 0, 0, pod_net(pod.node, pods) + 1, kPodLink);
    batch.send(pod.ns.socket, "pod");
    cluster.pod.push_back(pod);
  }
  ::close(proc);
  ::setns(home, CLONE_NEWNET);
  ::close(home);
  if (permanent_neighbours) {
    add_neighbours(cluster, pods);
  }
  return cluster;
}

Sentinel::Sentinel() {
  const int home = ::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
  watching_ = make_namespace();
  dropped_ = make_namespace();
  RawBatch batch;
  veth(batch, "watched", kFirstPort, watching_.fd, 0, "eth0", kPodLink);
  batch.send(dropped_.socket, "sentinel");
  ::setns(home, CLONE_NEWNET);
  ::close(home);
}

bool Sentinel::is_alive() {
  struct {
    nlmsghdr message;
    ifinfomsg link;
  } request{};
  request.message.nlmsg_len = sizeof request;
  request.message.nlmsg_type = RTM_GETLINK;
  request.message.nlmsg_flags = NLM_F_REQUEST;
  request.link.ifi_index = kFirstPort;
  ::send(watching_.socket, &request, sizeof request, 0);
  char reply[8192];
  const ssize_t got = ::recv(watching_.socket, reply, sizeof reply, 0);
  return got > 0 && reinterpret_cast<nlmsghdr*>(reply)->nlmsg_type == RTM_NEWLINK;
}

void Sentinel::drop_and_wait() {
  ::close(dropped_.socket);
  ::close(dropped_.fd);
  while (is_alive()) {
    ::poll(nullptr, 0, 1);
  }
}

void raise_open_files() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

double time_floor(int nodes, int pods) {
  int ends[2];
  if (::pipe(ends) != 0) {
    die("pipe");
  }
  const pid_t child = ::fork();
  if (child == 0) {
    raise_open_files();
    const double begin = now_us();
    build_floor(nodes, pods);
    const double took = now_us() - begin;
    [[maybe_unused]] const ssize_t size = ::write(ends[1], &took, sizeof took);
    ::_exit(0);
  }
  double took = 0;
  ::close(ends[1]);
  if (::read(ends[0], &took, sizeof took) != sizeof took) {
    die("floor");
  }
  ::close(ends[0]);
  ::waitpid(child, nullptr, 0);
  return took;
}

}  // namespace labctl::bench
