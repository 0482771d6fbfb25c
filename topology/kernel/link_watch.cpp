#include "topology/kernel/link_watch.hpp"

#include "topology/base/error.hpp"
#include "topology/base/unique_fd.hpp"

#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <set>
#include <string>
#include <vector>

#ifndef IFF_LOWER_UP
#define IFF_LOWER_UP (1 << 16)
#endif

namespace labctl::kernel {
namespace {

constexpr std::uint8_t kOperUp = 6;  // IF_OPER_UP of linux/if.h, which does not go with net/if.h
// A dump's reply comes in pieces of at most 32 KiB (rtnetlink(7) recommends that buffer).
constexpr size_t kWatchBytes = 64 * 1024;

constexpr size_t kHurriedAtOnce = 32;

struct LinkState {
  std::string name;
  int master = 0;
  bool has_carrier = false;
  bool is_up = false;
  std::uint8_t oper_state = 0;
};

class LinkTable {
 public:
  void read(const nlmsghdr* message) {
    const auto* header = static_cast<const ifinfomsg*>(::nlmsg_data(message));
    if (message->nlmsg_type == RTM_DELLINK) {
      links_.erase(header->ifi_index);
      return;
    }
    LinkState link;
    link.is_up = (header->ifi_flags & IFF_UP) != 0;
    link.has_carrier = (header->ifi_flags & IFF_LOWER_UP) != 0;
    nlattr* attributes = ::nlmsg_attrdata(const_cast<nlmsghdr*>(message), sizeof(ifinfomsg));
    int rest = ::nlmsg_attrlen(const_cast<nlmsghdr*>(message), sizeof(ifinfomsg));
    for (; ::nla_ok(attributes, rest); attributes = ::nla_next(attributes, &rest)) {
      switch (::nla_type(attributes)) {
        case IFLA_IFNAME:
          link.name = ::nla_get_string(attributes);
          break;
        case IFLA_MASTER:
          link.master = static_cast<int>(::nla_get_u32(attributes));
          break;
        case IFLA_OPERSTATE:
          link.oper_state = ::nla_get_u8(attributes);
          break;
        default:
          break;
      }
    }
    links_[header->ifi_index] = link;
  }

  // Links still to come up: ports first, then their bridges.
  std::vector<int> waiting_for() const {
    std::vector<int> waiting;
    std::set<int> bridges;
    for (const auto& [ifindex, link] : links_) {
      if (link.master == 0 || !link.is_up || !link.has_carrier) {
        continue;
      }
      if (link.oper_state != kOperUp) {
        waiting.push_back(ifindex);
      }
      bridges.insert(link.master);
    }
    for (const int bridge : bridges) {
      const auto found = links_.find(bridge);
      if (found != links_.end() && found->second.oper_state != kOperUp) {
        waiting.push_back(bridge);
      }
    }
    return waiting;
  }

  std::string name_of(int ifindex) const { return links_.at(ifindex).name; }
  void clear() { links_.clear(); }

 private:
  std::map<int, LinkState> links_;
};

UniqueFd open_event_socket() {
  UniqueFd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = RTMGRP_LINK;
  if (!fd || ::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    throw Error::from_errno(errno, "open rtnetlink event socket");
  }
  return fd;
}

struct LinkRequest {
  nlmsghdr header;
  ifinfomsg link;
};

LinkRequest link_request(int flags, int ifindex) {
  LinkRequest request{};
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = RTM_GETLINK;
  request.header.nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
  request.link.ifi_index = ifindex;
  return request;
}

void send_requests(int fd, const std::vector<LinkRequest>& requests) {
  if (::send(fd, requests.data(), requests.size() * sizeof(LinkRequest), 0) < 0) {
    throw Error::from_errno(errno, "list links");
  }
}

void list_links(int fd) { send_requests(fd, {link_request(NLM_F_DUMP, 0)}); }

// From Linux 6.8 asking for one link makes the kernel do that link's pending work first, instead of within a
// second. Few at a time, so that the replies fit the socket's buffer.
void hurry(int fd, const std::vector<int>& ifindexes) {
  std::vector<LinkRequest> requests;
  for (const int ifindex : ifindexes) {
    requests.push_back(link_request(0, ifindex));
    if (requests.size() == kHurriedAtOnce) {
      break;
    }
  }
  send_requests(fd, requests);
}

// Reads one datagram of replies and events into the table. False when events were lost.
bool read_some(int fd, std::vector<char>& buffer, LinkTable& table, bool& is_listed) {
  const ssize_t received = ::recv(fd, buffer.data(), buffer.size(), 0);
  if (received < 0 && errno == ENOBUFS) {
    return false;
  }
  int rest = static_cast<int>(std::max<ssize_t>(received, 0));
  for (auto* message = reinterpret_cast<nlmsghdr*>(buffer.data()); ::nlmsg_ok(message, rest);
       message = ::nlmsg_next(message, &rest)) {
    if (message->nlmsg_type == NLMSG_DONE) {
      is_listed = true;
    } else if (message->nlmsg_type == RTM_NEWLINK || message->nlmsg_type == RTM_DELLINK) {
      table.read(message);
    }
  }
  return true;
}

}  // namespace

void wait_until_forwarding(std::chrono::milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  const UniqueFd fd = open_event_socket();
  list_links(fd.get());
  LinkTable table;
  bool is_listed = false;
  std::vector<int> hurried;
  std::vector<char> buffer(kWatchBytes);
  for (;;) {
    pollfd wait{fd.get(), POLLIN, 0};
    if (is_listed && ::poll(&wait, 1, 0) == 0) {
      const std::vector<int> waiting = table.waiting_for();
      if (waiting.empty()) {
        return;
      }
      // Asked again only when something moved: else the kernel is an older one, and events will tell.
      if (waiting != hurried) {
        hurry(fd.get(), waiting);
        hurried = waiting;
      }
    }
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0 || ::poll(&wait, 1, static_cast<int>(left.count())) == 0) {
      const std::vector<int> waiting = table.waiting_for();
      throw Error(ErrorKind::Timeout, (waiting.empty() ? "links" : table.name_of(waiting.front())) +
                                          ": not forwarding after " + std::to_string(timeout.count()) +
                                          " ms");
    }
    if (!read_some(fd.get(), buffer, table, is_listed)) {
      table.clear();
      hurried.clear();
      is_listed = false;
      list_links(fd.get());
    }
  }
}

}  // namespace labctl::kernel
