// Pods and containers of the core: how they come, print, and end.

#include "probes/server/core.hpp"
#include "probes/server/exchange.hpp"
#include "probes/server/http_session.hpp"
#include "probes/server/pod_sockets.hpp"
#include "topology/base/error.hpp"
#include "topology/base/scope_exit.hpp"
#include "topology/kernel/network_namespace.hpp"

#include <algorithm>
#include <utility>

namespace labctl::server {
namespace {

using std::chrono::milliseconds;

constexpr int kKilled = 137;  // 128 + SIGKILL

class Alarm final : public Session {
 public:
  Alarm(EventLoop& loop, const Container& container, std::function<void()> ring)
      : Session(container.facts->pod, container.id), loop_(loop), ring_(std::move(ring)) {}
  void on_ready(std::uint32_t) override {}
  void on_deadline() override {
    const auto ring = std::move(ring_);
    loop_.remove(*this);
    ring();
  }

 private:
  EventLoop& loop_;
  std::function<void()> ring_;
};

template <typename Each>
void for_each_line(std::string_view text, Each each) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    each(line);
  }
}

}  // namespace

// ---- Pods -----------------------------------------------------------------------------------------

PodId Core::add_pod(Identity identity) {
  auto facts = std::make_shared<PodFacts>();
  const std::lock_guard lock(mutex_);
  if (next_pod_ >= decltype(names_)::kCapacity) {
    throw Error(ErrorKind::Busy, "built-in server: too many pods");
  }
  const PodId id = next_pod_;
  auto& name = names_.make(id);
  name.store(new std::string(std::move(identity.id)), std::memory_order_release);
  ++next_pod_;
  facts->pod = id;
  facts->id = *name.load(std::memory_order_relaxed);
  facts->hostname = std::move(identity.hostname);
  facts->ns = std::move(identity.ns);
  facts->name = std::move(identity.name);
  facts->addresses = std::move(identity.addresses);
  facts->dual_stack = std::any_of(facts->addresses.begin(), facts->addresses.end(),
                                  [](const IpAddress& address) { return address.family() == Family::IPv6; });
  facts->netns_fd = identity.netns_fd;
  pods_[id].facts = std::move(facts);
  return id;
}

void Core::remove_pod(PodId pod) {
  const std::lock_guard lock(mutex_);
  const auto found = pods_.find(pod);
  if (found == pods_.end()) {
    return;
  }
  const auto containers = found->second.containers;
  for (const ContainerId id : containers) {
    remove_container(*containers_.at(id));
  }
  pods_.erase(pod);
  loop_.bury();
}

std::string_view Core::name_of(PodId pod) const noexcept {
  const auto* name = names_.find(pod);
  const std::string* text = name == nullptr ? nullptr : name->load(std::memory_order_acquire);
  return text == nullptr ? std::string_view() : *text;
}

const PodFacts* Core::find_pod(PodId pod) const {
  const auto found = pods_.find(pod);
  return found == pods_.end() ? nullptr : found->second.facts.get();
}

Container* Core::find_container(ContainerId id) {
  const auto found = containers_.find(id);
  return found == containers_.end() ? nullptr : found->second.get();
}

// ---- Start ----------------------------------------------------------------------------------------

std::shared_ptr<const Role> Core::shared_role(const Role& role) {
  // The replicas of a workload come one after the other and are alike.
  if (!last_role_ || !(*last_role_ == role)) {
    last_role_ = std::make_shared<const Role>(role);
  }
  return last_role_;
}

std::vector<Core::Opened> Core::open_sockets(const PodFacts& pod, const Role& role) const {
  std::vector<Opened> opened;
  if (role.endpoints.empty()) {
    return opened;
  }
  std::optional<kernel::NamespaceScope> visit;
  if (pod.netns_fd >= 0) {
    visit.emplace(pod.netns_fd);
  }
  for (std::uint32_t i = 0; i < role.endpoints.size(); ++i) {
    const Endpoint& endpoint = role.endpoints[i];
    for (const IpAddress& address : endpoint.addresses) {
      opened.push_back({open_listener(endpoint.protocol, address, endpoint.port, false), i, address});
    }
    if (endpoint.addresses.empty()) {
      opened.push_back(
          {open_listener(endpoint.protocol, std::nullopt, endpoint.port, pod.dual_stack), i, {}});
    }
  }
  return opened;
}

ContainerId Core::start(PodId pod, const Role& role) {
  ContainerId id = 0;
  {
    const std::lock_guard lock(mutex_);
    const auto found = pods_.find(pod);
    if (found == pods_.end()) {
      throw Error(ErrorKind::NotFound, "built-in server: no such pod");
    }
    auto container = std::make_unique<Container>();
    container->id = id = next_container_++;
    container->facts = found->second.facts;
    container->role = shared_role(role);
    container->started = std::chrono::steady_clock::now();
    auto sockets = open_sockets(*container->facts, role);
    ScopeExit undo([&] { close_listeners(*container); });
    for (Opened& socket : sockets) {
      ListenerTable::Owner owner{id, container->facts, container->role, socket.endpoint};
      container->listeners.push_back(
          listeners_.insert(std::move(socket.fd), std::move(owner), socket.address));
    }
    found->second.containers.push_back(id);
    containers_.emplace(id, std::move(container));
    undo.dismiss();
  }
  for (const std::string& line : role.banner) {
    if (hooks_.output) {
      hooks_.output(id, line);
    }
  }
  if (role.course == Course::Print) {
    for_each_line(role.output, [&](std::string_view line) {
      if (hooks_.output) {
        hooks_.output(id, line);
      }
    });
    mailbox_->post([this, id, code = role.exit_code] { finish(id, code); });
  } else if (role.course == Course::Connect) {
    mailbox_->post([this, id] { begin_connect(id); });
  }
  return id;
}

void Core::begin_connect(ContainerId id) {
  const Container* container = find_container(id);
  if (container == nullptr) {
    return;
  }
  const auto ask = [this, id, pod = container->facts->pod,
                    task = container->role->connect](IpAddress address) {
    Question question{.protocol = task.protocol,
                      .address = address,
                      .port = task.port,
                      .payload = task.payload,
                      .timeout = task.timeout};
    Exchange::begin(*this, pod, id, std::move(question),
                    [this, id, tcp = task.payload.empty()](const Outcome& outcome) {
                      switch (outcome.kind) {
                        case Outcome::Kind::Answered:
                          return end_connect(id, "");
                        case Outcome::Kind::TimedOut:
                          return end_connect(id, tcp ? "TIMEOUT" : "TIMEOUT: " + outcome.error);
                        case Outcome::Kind::Refused:
                          return end_connect(id, tcp ? "REFUSED" : "REFUSED: " + outcome.error);
                        case Outcome::Kind::Failed:
                          return end_connect(id, "OTHER: " + outcome.error);
                      }
                    });
  };
  const std::string& host = container->role->connect.host;
  if (const auto address = host.empty() ? IpAddress::loopback(Family::IPv4) : IpAddress::parse(host)) {
    ask(*address);
    return;
  }
  const std::string failure = "DNS: lookup " + host + ": no such host";
  if (!hooks_.resolve) {
    end_connect(id, failure);
    return;
  }
  const auto done = [this, id, post = poster(), ask, failure](std::vector<IpAddress> addresses) {
    post([this, id, ask, failure, addresses = std::move(addresses)] {
      if (find_container(id) != nullptr) {
        addresses.empty() ? end_connect(id, failure) : ask(addresses.front());
      }
    });
  };
  defer([this, pod = container->facts->pod, host, done] { hooks_.resolve(pod, host, done); });
}

void Core::end_connect(ContainerId id, const std::string& output) {
  if (!output.empty()) {
    write_line(id, output);
  }
  finish(id, output.empty() ? 0 : 1);
}

// ---- End ------------------------------------------------------------------------------------------

void Core::close_listeners(Container& container) {
  for (const ListenerId listener : container.listeners) {
    listeners_.erase(listener);
  }
  container.listeners.clear();
}

void Core::remove_container(Container& container) {
  const ContainerId id = container.id;
  const PodId pod = container.facts->pod;
  container.draining = false;
  close_listeners(container);
  // Servers and askers alike: only a container without any needs no search.
  loop_.remove_if([id](const Session& session) { return session.container() == id; });
  auto& siblings = pods_.at(pod).containers;
  siblings.erase(std::remove(siblings.begin(), siblings.end(), id), siblings.end());
  containers_.erase(id);
}

void Core::finish(ContainerId id, int exit_code) {
  Container* container = find_container(id);
  if (container == nullptr) {
    return;
  }
  remove_container(*container);
  if (hooks_.exited) {
    defer([this, id, exit_code] { hooks_.exited(id, exit_code); });
  }
}

void Core::stop(ContainerId id, milliseconds grace) {
  {
    const std::lock_guard lock(mutex_);
    Container* container = find_container(id);
    if (container == nullptr) {
      return;
    }
    const milliseconds delay = container->role->delay_shutdown;
    if (grace.count() <= 0) {
      finish(id, kKilled);
    } else if (delay.count() == 0) {
      finish(id, container->role->signal_exit_code);
    } else {
      if (!std::exchange(container->terminating, true)) {
        const std::string seconds = std::to_string(container->role->delay_shutdown.count());
        log(id, container->role->name == "pause" ? "Sleeping " + seconds + " seconds before exit ..."
                                                 : "Sleeping " + seconds + " seconds before terminating...");
      }
      const int code = delay <= grace ? container->role->signal_exit_code : kKilled;
      set_alarm(*container, std::min(delay, grace), [this, id, code] { finish(id, code); });
    }
  }
  mailbox_->wake();
}

void Core::set_alarm(Container& container, milliseconds after, std::function<void()> ring) {
  if (Session* before = loop_.find(container.alarm)) {
    loop_.remove(*before);
  }
  Session& alarm = adopt(std::make_unique<Alarm>(loop_, container, std::move(ring)));
  container.alarm = alarm.id();
  loop_.set_deadline(alarm, std::chrono::steady_clock::now() + after);
}

void Core::plan_exit(ContainerId id, int exit_code, milliseconds wait, milliseconds linger, SessionId asker) {
  Container* container = find_container(id);
  if (container == nullptr) {
    return;
  }
  set_alarm(*container, wait, [this, id, exit_code, linger, asker] {
    if (linger.count() <= 0) {
      finish(id, exit_code);
      return;
    }
    drain(id, exit_code, linger);
    if (auto* session = dynamic_cast<HttpSession*>(loop_.find(asker))) {
      session->reply({});
    }
  });
}

void Core::drain(ContainerId id, int exit_code, milliseconds linger) {
  Container* container = find_container(id);
  if (container == nullptr) {
    return;
  }
  close_listeners(*container);
  loop_.remove_if([id](const Session& session) { return session.container() == id && session.is_idle(); });
  container->draining = true;
  container->drain_code = exit_code;
  if (container->connections == 0) {
    log(id, "Graceful shutdown completed with: <nil>");
    finish(id, exit_code);
    return;
  }
  set_alarm(*container, linger, [this, id, exit_code] {
    log(id, "Graceful shutdown completed with: context deadline exceeded");
    finish(id, exit_code);
  });
}

// ---- Log ------------------------------------------------------------------------------------------

void Core::log(ContainerId id, std::string line) {
  Container* container = find_container(id);
  if (container == nullptr || !hooks_.output) {
    return;
  }
  const auto second =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now().time_since_epoch())
          .count();
  if (second != container->log_second) {
    container->log_second = second;
    container->log_lines = 0;
    if (const int left_out = std::exchange(container->log_left_out, 0); left_out > 0) {
      write_line(id, "(" + std::to_string(left_out) + " request lines left out)");
    }
  }
  if (++container->log_lines > Server::kLogLinesPerSecond) {
    ++container->log_left_out;
    return;
  }
  write_line(id, std::move(line));
}

void Core::write_line(ContainerId id, std::string line) {
  if (hooks_.output) {
    // Requests say what is logged: one line stays one line, and of bounded length.
    constexpr std::size_t kMaxLine = 1024;
    line.resize(std::min(line.size(), kMaxLine));
    std::replace(line.begin(), line.end(), '\n', ' ');
    defer([this, id, line = std::move(line)] { hooks_.output(id, line); });
  }
}

}  // namespace labctl::server
