#include "labctl/doctor/trial.hpp"

#include "topology/base/unique_fd.hpp"
#include "topology/kernel/capsule.hpp"
#include "topology/kernel/host_tree.hpp"
#include "topology/kernel/netlink_batch.hpp"
#include "topology/kernel/network_namespace.hpp"
#include "topology/kernel/nft_context.hpp"
#include "topology/kernel/seccomp_shim.hpp"
#include "topology/kernel/sysctl.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <functional>
#include <optional>
#include <utility>

namespace labctl::doctor {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// What a child says of one step. Small enough that write(2) to a pipe is whole or nothing (PIPE_BUF).
struct Record {
  HostStep step;
  int errno_value;
  std::array<char, 200> detail;
};

constexpr int kBridge = 10;
constexpr int kNear = 11;
constexpr int kFar = 12;
constexpr int kTunnel = 13;
constexpr int kEchoPort = 7;
constexpr milliseconds kEchoDeadline{5000};
constexpr int kEchoAgainAfterMs = 20;

struct Pipe {
  UniqueFd read, write;
};

Pipe make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    throw Error::from_errno(errno, "make a pipe");
  }
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

pid_t fork_or_throw() {
  const pid_t child = ::fork();
  if (child < 0) {
    throw Error::from_errno(errno, "fork");
  }
  return child;
}

int wait_for(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

// The steps' results on their way to the parent.
class Recorder {
 public:
  explicit Recorder(int fd) : fd_(fd) {}

  void record(HostStep step, int errno_value, std::string_view detail = {}) const {
    Record record{step, errno_value, {}};
    const std::string_view line = detail.substr(0, detail.find('\n'));
    std::copy_n(line.begin(), std::min(line.size(), record.detail.size() - 1), record.detail.begin());
    if (::write(fd_, &record, sizeof record) != sizeof record) {
      ::_exit(1);  // the parent is gone
    }
  }

  // Does `work` and records how it went. `unnamed` is the errno of errors that carry none, such as nft's.
  bool attempt(HostStep step, const std::function<void()>& work, int unnamed = EIO) const {
    try {
      work();
      record(step, 0);
      return true;
    } catch (const Error& error) {
      record(step_of(error).value_or(step), error.errno_value() != 0 ? error.errno_value() : unnamed,
             error.message());
      return false;
    }
  }

 private:
  int fd_;
};

UniqueFd open_socket(int type, int protocol) {
  UniqueFd fd(::socket(AF_INET, type | SOCK_CLOEXEC, protocol));
  if (!fd) {
    throw Error::from_errno(errno, "open a socket");
  }
  return fd;
}

sockaddr_in address_of(const IpAddress& address, std::uint16_t port) {
  sockaddr_storage storage{};
  address.to_sockaddr(port, storage);
  sockaddr_in result{};
  std::memcpy(&result, &storage, sizeof result);
  return result;
}

// Two namespaces, joined as a node and a pod are: bridge and near end here, far end there.
class SmallFabric {
 public:
  explicit SmallFabric(const Recorder& recorder) : recorder_(recorder) {}

  void try_all() {
    if (!recorder_.attempt(HostStep::NetworkNamespace, [this] { make_namespace(); })) {
      return;
    }
    const bool has_veth = recorder_.attempt(HostStep::Veth, [this] { make_veth(); });
    const bool has_bridge = recorder_.attempt(HostStep::Bridge, [&] { make_bridge(has_veth); });
    recorder_.attempt(HostStep::Vxlan, [this] { make_vxlan(); });
    recorder_.attempt(HostStep::Forwarding, [] { kernel::SysctlWriter().write("net/ipv4/ip_forward", "1"); });
    recorder_.attempt(
        HostStep::Nat, [] { make_nat(); }, EOPNOTSUPP);
    if (has_veth && has_bridge) {
      recorder_.attempt(HostStep::Ping, [this] { send_across(); });
    }
  }

 private:
  void make_namespace() {
    kernel::NamespaceScope scope;
    scope.enter_new();
    far_ = kernel::NetworkNamespace::current();
  }

  static void send(kernel::NetlinkBatch& batch) { kernel::NetlinkSocket::open().send(batch); }

  void make_veth() const {
    kernel::VethOptions veth;
    veth.name = "near";
    veth.ifindex = kNear;
    veth.peer_name = "far";
    veth.peer_ifindex = kFar;
    veth.peer_namespace_fd = far_.fd();
    kernel::NetlinkBatch batch;
    batch.add_veth(veth);
    send(batch);
  }

  static void make_bridge(bool with_near) {
    kernel::NetlinkBatch batch;
    batch.add_bridge("bridge", kBridge, std::nullopt, 1500);
    if (with_near) {
      batch.set_master(kNear, kBridge);
    }
    send(batch);
  }

  void make_vxlan() const {
    kernel::VxlanOptions vxlan;
    vxlan.name = "tunnel";
    vxlan.ifindex = kTunnel;
    vxlan.mac = MacAddress::derive(2, near_address_);
    vxlan.local = near_address_;
    kernel::NetlinkBatch batch;
    batch.add_vxlan(vxlan);
    send(batch);
  }

  static void make_nat() {
    kernel::NftContext::open().run(
        "add table ip labctl_doctor\n"
        "add chain ip labctl_doctor postrouting { type nat hook postrouting priority srcnat; }\n"
        "add rule ip labctl_doctor postrouting ip saddr 198.51.100.0/24 masquerade\n");
  }

  void send_across() const {
    kernel::NetlinkBatch batch;
    batch.set_link(kBridge, true);
    batch.add_address(kBridge, near_address_, 24);
    send(batch);
    UniqueFd receiver;
    {
      const kernel::NamespaceScope scope(far_.fd());
      batch.set_link(kFar, true);
      batch.add_address(kFar, far_address_, 24);
      send(batch);
      receiver = open_socket(SOCK_DGRAM, 0);
    }
    const sockaddr_in there = address_of(far_address_, kEchoPort);
    const UniqueFd sender = open_socket(SOCK_DGRAM, 0);
    if (::bind(receiver.get(), reinterpret_cast<const sockaddr*>(&there), sizeof there) != 0) {
      throw Error::from_errno(errno, "bind");
    }
    // A link just made drops what comes before the kernel has woken it: sent again until one arrives.
    const auto until = steady_clock::now() + kEchoDeadline;
    pollfd arrival{receiver.get(), POLLIN, 0};
    do {
      if (::sendto(sender.get(), "ping", 4, 0, reinterpret_cast<const sockaddr*>(&there), sizeof there) !=
          4) {
        throw Error::from_errno(errno, "send");
      }
      if (steady_clock::now() > until) {
        throw Error::from_errno(ETIMEDOUT, "receive");
      }
    } while (::poll(&arrival, 1, kEchoAgainAfterMs) != 1);
  }

  const Recorder& recorder_;
  kernel::NetworkNamespace far_;
  // RFC 5737
  IpAddress near_address_ = *IpAddress::parse("192.0.2.1");
  IpAddress far_address_ = *IpAddress::parse("192.0.2.2");
};

constexpr std::array<HostStep, 7> kMounts = {
    HostStep::PrivateMounts, HostStep::MountProc,   HostStep::ProtectSysctls, HostStep::MountSysfs,
    HostStep::MountTmpfs,    HostStep::MountDevpts, HostStep::HostTree};

// The mounts in their order: those before the one that failed were done.
bool try_mounts(const Recorder& recorder) {
  std::optional<HostStep> failed;
  int errno_value = 0;
  std::string detail;
  try {
    kernel::mount_capsule("labctl-doctor");
    kernel::HostTree::create({});
  } catch (const Error& error) {
    failed = step_of(error).value_or(HostStep::PrivateMounts);
    errno_value = error.errno_value() != 0 ? error.errno_value() : EIO;
    detail = error.message();
  }
  for (const HostStep step : kMounts) {
    if (step == failed) {
      recorder.record(step, errno_value, detail);
      return false;
    }
    recorder.record(step, 0);
  }
  return true;
}

// PID 1 of the capsule.
void try_inside(const Recorder& recorder) {
  if (!try_mounts(recorder)) {
    return;
  }
  SmallFabric(recorder).try_all();
  recorder.attempt(HostStep::RawSocket, [] { open_socket(SOCK_RAW, IPPROTO_ICMP); });
  recorder.attempt(HostStep::SctpSocket, [] { open_socket(SOCK_STREAM, IPPROTO_SCTP); });
  // Last: it stays.
  recorder.attempt(HostStep::SeccompFilter, [] {
    if (const int error = kernel::install_filter(kernel::shim_filter()); error != 0) {
      throw Error::from_errno(error, "install a filter");
    }
  });
}

// The child that leaves the host's namespaces; `mapped` says whether the
// parent could map a range ('m') or not.
void try_capsule(const Recorder& recorder, const kernel::IdPlan& ids, int unshared, int mapped) {
  try {
    kernel::unshare_capsule(ids.mapping);
  } catch (const Error& error) {
    recorder.record(HostStep::Namespaces, error.errno_value());
    return;
  }
  if (ids.mapping != kernel::IdMapping::Root) {
    recorder.record(HostStep::UserNamespace, 0);
  }
  recorder.record(HostStep::Namespaces, 0);
  if (ids.mapping != kernel::IdMapping::Root) {
    char answer = 'u';
    if (::write(unshared, &answer, 1) != 1 || ::read(mapped, &answer, 1) != 1) {
      return;
    }
    if (answer == 's' && !recorder.attempt(HostStep::MapIds, [&] { kernel::write_single_map(ids); })) {
      return;
    }
    if (ids.mapping == kernel::IdMapping::RootRange &&
        !recorder.attempt(HostStep::MapIdRange, kernel::become_root_inside)) {
      return;
    }
  }
  const pid_t init = ::fork();
  if (init == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    try_inside(recorder);
    ::_exit(0);
  }
  if (init < 0) {
    recorder.record(HostStep::Namespaces, errno, "fork");
    return;
  }
  wait_for(init);
}

// Reads records until every writer is gone; false at the deadline.
bool collect(int fd, steady_clock::time_point until, std::vector<Trial>& trials) {
  for (;;) {
    const auto left = std::chrono::ceil<milliseconds>(until - steady_clock::now()).count();
    pollfd waited{fd, POLLIN, 0};
    const int ready = ::poll(&waited, 1, static_cast<int>(std::max<milliseconds::rep>(left, 0)));
    if (ready == 0) {
      return false;
    }
    Record record{};
    const ssize_t n = ready < 0 ? -1 : ::read(fd, &record, sizeof record);
    if (n == 0) {
      return true;
    }
    if (n == sizeof record) {
      trials.push_back({record.step, record.errno_value, record.detail.data()});
    }
  }
}

// 0, or the errno that unshare(2) gave in a child.
int try_unshare(int flags) {
  const pid_t child = fork_or_throw();
  if (child == 0) {
    ::_exit(::unshare(flags) == 0 ? 0 : errno);
  }
  const int status = wait_for(child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : EIO;
}

// The step after the last that was recorded is the one that hangs.
HostStep step_after(const std::vector<Trial>& trials) {
  return trials.empty() ? HostStep::Namespaces
                        : static_cast<HostStep>(static_cast<int>(trials.back().step) + 1);
}

}  // namespace

std::vector<Trial> try_namespaces() {
  const int base = ::geteuid() == 0 ? 0 : CLONE_NEWUSER;
  if (base != 0) {
    if (const int error = try_unshare(base); error != 0) {
      return {{HostStep::UserNamespace, error, "user"}};
    }
  }
  constexpr std::array<std::pair<int, const char*>, 6> kKinds{{{CLONE_NEWNS, "mnt"},
                                                               {CLONE_NEWNET, "net"},
                                                               {CLONE_NEWPID, "pid"},
                                                               {CLONE_NEWUTS, "uts"},
                                                               {CLONE_NEWIPC, "ipc"},
                                                               {CLONE_NEWCGROUP, "cgroup"}}};
  for (const auto& [flag, kind] : kKinds) {
    if (const int error = try_unshare(base | flag); error != 0) {
      return {{HostStep::Namespaces, error, kind}};
    }
  }
  return {};
}

namespace {

// Maps what the plan says for `child`: 'm' when it has its ids, 's' when it is to map its own. Empty when
// root's range is refused, with the errno in `trial`.
std::optional<char> map_ids(pid_t child, const kernel::IdPlan& ids, std::optional<Trial>& trial) {
  if (ids.mapping == kernel::IdMapping::Subordinate) {
    const bool is_mapped = kernel::write_subordinate_maps(child, ids);
    trial = Trial{HostStep::MapIdRange, is_mapped ? 0 : EPERM, ""};
    return is_mapped ? 'm' : 's';
  }
  if (ids.mapping != kernel::IdMapping::RootRange) {
    return 's';
  }
  try {
    kernel::write_root_maps(child, ids);
    return 'm';
  } catch (const Error& error) {
    trial = Trial{HostStep::MapIdRange, error.errno_value(), error.message()};
    return std::nullopt;
  }
}

std::vector<Trial> try_with(const kernel::IdPlan& ids, milliseconds deadline) {
  Pipe records = make_pipe();
  Pipe unshared = make_pipe();
  Pipe mapped = make_pipe();
  const auto until = steady_clock::now() + deadline;
  const pid_t child = fork_or_throw();
  if (child == 0) {
    unshared.read.reset();
    mapped.write.reset();
    records.read.reset();
    try_capsule(Recorder(records.write.get()), ids, unshared.write.get(), mapped.read.get());
    ::_exit(0);
  }
  unshared.write.reset();
  mapped.read.reset();

  std::vector<Trial> trials;
  std::optional<Trial> range;
  char byte = 's';
  if (::read(unshared.read.get(), &byte, 1) == 1) {
    const std::optional<char> answer = map_ids(child, ids, range);
    if (answer && ::write(mapped.write.get(), &*answer, 1) != 1) {
      range.reset();  // the child is gone; its records say why
    }
    if (!answer) {
      mapped.write.reset();
    }
  }
  records.write.reset();
  const bool is_whole = collect(records.read.get(), until, trials);
  if (!is_whole) {
    trials.push_back({step_after(trials), ETIMEDOUT, ""});
    ::kill(child, SIGKILL);
  }
  wait_for(child);
  if (range) {
    const auto place = std::find_if(trials.begin(), trials.end(),
                                    [](const Trial& trial) { return trial.step > HostStep::MapIdRange; });
    trials.insert(place, *range);
  }
  // All at once was refused: name the one.
  if (!trials.empty() && trials.back().step == HostStep::Namespaces && trials.back().errno_value != 0 &&
      trials.back().detail.empty()) {
    if (std::vector<Trial> named = try_namespaces(); !named.empty()) {
      trials.pop_back();
      trials.insert(trials.end(), named.begin(), named.end());
    }
  }
  return trials;
}

// What keeps labs of root from ids of their own: a user namespace, its maps, or the mounts in it.
std::optional<Trial> refusal_of_range(const std::vector<Trial>& trials) {
  const auto refused = std::find_if(trials.begin(), trials.end(), [](const Trial& trial) {
    return trial.errno_value != 0 && trial.step <= HostStep::HostTree;
  });
  return refused != trials.end() ? std::optional(*refused) : std::nullopt;
}

}  // namespace

std::vector<Trial> try_host(milliseconds deadline) {
  kernel::IdPlan ids = kernel::plan_ids();
  std::vector<Trial> trials = try_with(ids, deadline);
  if (ids.mapping != kernel::IdMapping::RootRange) {
    return trials;
  }
  // As labs do: with a range of ids, or else without.
  if (const std::optional<Trial> refused = refusal_of_range(trials)) {
    ids.mapping = kernel::IdMapping::Root;
    trials = try_with(ids, deadline);
    std::string what = refused->step <= HostStep::Namespaces ? "user namespaces" : refused->detail;
    trials.insert(trials.begin(), {HostStep::MapIdRange, refused->errno_value, std::move(what)});
  }
  return trials;
}

}  // namespace labctl::doctor
