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
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#ifndef IFF_LOWER_UP
#define IFF_LOWER_UP (1 << 16)
#endif

namespace labctl::kernel {
namespace {

constexpr std::uint8_t kOperUp = 6;  // IF_OPER_UP of linux/if.h, which does not go with net/if.h
// A reply is of some KiB at most.
constexpr size_t kWatchBytes = 64 * 1024;
// Links asked for in one go, so that the replies fit the socket's buffer.
constexpr size_t kAskedAtOnce = 32;

struct LinkState {
  std::string name;
  int master = 0;
  bool has_carrier = false;
  bool is_up = false;
  std::uint8_t oper_state = 0;
};

LinkState read_link(const nlmsghdr* message) {
  const auto* header = static_cast<const ifinfomsg*>(::nlmsg_data(message));
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
  return link;
}

// The ports that are waited for and their bridges, as far as they are known.
class PortTable {
 public:
  explicit PortTable(std::span<const int> ports) : ports_(ports.begin(), ports.end()) {}

  void read(const nlmsghdr* message) {
    const int ifindex = static_cast<const ifinfomsg*>(::nlmsg_data(message))->ifi_index;
    if (message->nlmsg_type == RTM_DELLINK) {
      note_gone(ifindex);
    } else {
      links_[ifindex] = read_link(message);
    }
  }
  void note_gone(int ifindex) { links_[ifindex] = std::nullopt; }
  void clear() { links_.clear(); }

  // Nobody has told yet how these are.
  std::vector<int> unknown() const {
    std::vector<int> unknown;
    for (const int ifindex : of_interest()) {
      if (!links_.contains(ifindex)) {
        unknown.push_back(ifindex);
      }
    }
    return unknown;
  }

  // Links still to come up: ports first, then their bridges.
  std::vector<int> waiting_for() const {
    std::vector<int> waiting;
    for (const int ifindex : of_interest()) {
      if (const LinkState* link = find(ifindex); link != nullptr && link->oper_state != kOperUp) {
        waiting.push_back(ifindex);
      }
    }
    return waiting;
  }

  std::string name_of(int ifindex) const {
    const LinkState* link = find(ifindex);
    return link == nullptr ? "links" : link->name;
  }

 private:
  const LinkState* find(int ifindex) const {
    const auto found = links_.find(ifindex);
    return found == links_.end() || !found->second ? nullptr : &*found->second;
  }

  // Ports that can come up or are unknown, and the bridges of the former.
  std::vector<int> of_interest() const {
    std::vector<int> all;
    std::set<int> bridges;
    for (const int ifindex : ports_) {
      const LinkState* link = find(ifindex);
      if (link == nullptr ? !links_.contains(ifindex)
                          : link->master != 0 && link->is_up && link->has_carrier) {
        all.push_back(ifindex);
        if (link != nullptr) {
          bridges.insert(link->master);
        }
      }
    }
    all.insert(all.end(), bridges.begin(), bridges.end());
    return all;
  }

  std::vector<int> ports_;
  std::map<int, std::optional<LinkState>> links_;  // without a state: gone
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

// The address that answers to this socket carry; events carry another's or none.
std::uint32_t netlink_port(const UniqueFd& fd) {
  sockaddr_nl address{};
  socklen_t size = sizeof address;
  if (::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    throw Error::from_errno(errno, "read rtnetlink socket's address");
  }
  return address.nl_pid;
}

struct LinkRequest {
  nlmsghdr header;
  ifinfomsg link;
  nlattr filter_header;
  std::uint32_t filter;
};

// From Linux 6.8 asking for one link makes the kernel do that link's pending
// work first, instead of within a second.
LinkRequest link_request(int ifindex, std::uint32_t sequence) {
  LinkRequest request{};
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = RTM_GETLINK;
  request.header.nlmsg_flags = NLM_F_REQUEST;
  request.header.nlmsg_seq = sequence;
  request.link.ifi_index = ifindex;
  request.filter_header.nla_type = IFLA_EXT_MASK;
  request.filter_header.nla_len = sizeof(nlattr) + sizeof(std::uint32_t);
  request.filter = RTEXT_FILTER_SKIP_STATS;
  return request;
}

// The rtnetlink conversation of one wait: questions about single links, and what is told without being asked.
class LinkTalk {
 public:
  // About the first of `ifindexes`; the others' turn comes.
  void ask(const std::vector<int>& ifindexes) {
    stop_asking();
    asked_.assign(ifindexes.begin(),
                  ifindexes.begin() + static_cast<std::ptrdiff_t>(std::min(ifindexes.size(), kAskedAtOnce)));
    std::vector<LinkRequest> requests;
    for (const int ifindex : asked_) {
      requests.push_back(
          link_request(ifindex, first_sequence_ + static_cast<std::uint32_t>(requests.size())));
    }
    unanswered_ = asked_.size();
    if (::send(fd_.get(), requests.data(), requests.size() * sizeof(LinkRequest), 0) < 0) {
      throw Error::from_errno(errno, "ask for links");
    }
  }
  // What is answered later is not counted.
  void stop_asking() {
    first_sequence_ += static_cast<std::uint32_t>(asked_.size());
    asked_.clear();
    unanswered_ = 0;
  }
  bool is_answered() const { return unanswered_ == 0; }

  // False when nothing has come by then.
  bool wait(int timeout_ms) const {
    pollfd entry{fd_.get(), POLLIN, 0};
    return ::poll(&entry, 1, timeout_ms) != 0;
  }

  // Reads one datagram of answers and events into the table. False when some were lost.
  bool read_some(PortTable& table) {
    const ssize_t received = ::recv(fd_.get(), buffer_.data(), buffer_.size(), 0);
    if (received < 0 && errno == ENOBUFS) {
      return false;
    }
    int rest = static_cast<int>(std::max<ssize_t>(received, 0));
    for (auto* message = reinterpret_cast<nlmsghdr*>(buffer_.data()); ::nlmsg_ok(message, rest);
         message = ::nlmsg_next(message, &rest)) {
      const std::size_t which = message->nlmsg_seq - first_sequence_;  // of asked_
      const bool is_answer = message->nlmsg_pid == port_ && which < asked_.size();
      unanswered_ -= is_answer ? 1 : 0;
      if (message->nlmsg_type == RTM_NEWLINK || message->nlmsg_type == RTM_DELLINK) {
        table.read(message);
      } else if (message->nlmsg_type == NLMSG_ERROR && is_answer &&
                 !read_error(static_cast<const nlmsgerr*>(::nlmsg_data(message))->error, asked_[which],
                             table)) {
        return false;
      }
    }
    return true;
  }

 private:
  static bool read_error(int error, int ifindex, PortTable& table) {
    if (error == -EAGAIN || error == -ENOBUFS) {
      return false;  // there was no room for the answer
    }
    if (error != -ENODEV) {
      throw Error::from_errno(-error, "ask for link " + std::to_string(ifindex));
    }
    table.note_gone(ifindex);
    return true;
  }

  UniqueFd fd_ = open_event_socket();
  std::uint32_t port_ = netlink_port(fd_);
  std::uint32_t first_sequence_ = 1;
  std::vector<int> asked_;
  std::size_t unanswered_ = 0;
  std::vector<char> buffer_ = std::vector<char>(kWatchBytes);
};

}  // namespace

void wait_until_forwarding(std::span<const int> ports, std::chrono::milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  LinkTalk talk;
  PortTable table(ports);
  std::vector<int> hurried;
  for (;;) {
    if (talk.is_answered() && !talk.wait(0)) {
      const std::vector<int> unknown = table.unknown();
      const std::vector<int> waiting = table.waiting_for();
      if (!unknown.empty()) {
        talk.ask(unknown);
      } else if (waiting.empty()) {
        return;
      } else if (waiting != hurried) {
        // Asked again only when something moved: else the kernel is an older one, and events will tell.
        talk.ask(waiting);
        hurried = waiting;
      }
    }
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0 || !talk.wait(static_cast<int>(left.count()))) {
      const std::vector<int> waiting = table.waiting_for();
      throw Error(ErrorKind::Timeout, (waiting.empty() ? "links" : table.name_of(waiting.front())) +
                                          ": not forwarding after " + std::to_string(timeout.count()) +
                                          " ms");
    }
    if (!talk.read_some(table)) {
      table.clear();
      hurried.clear();
      talk.stop_asking();
    }
  }
}

}  // namespace labctl::kernel
