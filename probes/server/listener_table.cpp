#include "probes/server/listener_table.hpp"

#include "topology/base/error.hpp"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace labctl::server {
namespace {

std::uint64_t pack(ListenerId id) { return static_cast<std::uint64_t>(id.generation) << 32 | id.slot; }
ListenerId unpack(std::uint64_t value) {
  return {static_cast<std::uint32_t>(value), static_cast<std::uint32_t>(value >> 32)};
}

// FNV-1a over what tells two addresses apart.
std::size_t hash_endpoint(const IpAddress& address, std::uint16_t port) noexcept {
  std::uint64_t hash = 0xcbf29ce484222325;
  const auto mix = [&](std::uint8_t byte) { hash = (hash ^ byte) * 0x100000001b3; };
  for (std::size_t i = 0; i < address.size(); ++i) {
    mix(address.bytes()[i]);
  }
  mix(static_cast<std::uint8_t>(port));
  mix(static_cast<std::uint8_t>(port >> 8));
  return hash ^ hash >> 29;
}

}  // namespace

std::size_t ListenerTable::KeyHash::operator()(const Key& key) const noexcept {
  return hash_endpoint(key.address, key.port) * 3 + static_cast<std::size_t>(key.protocol);
}

ListenerTable::ListenerTable(std::function<void()> wake)
    : wake_(std::move(wake)), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
  spare_.reset(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!epoll_ || !spare_) {
    throw Error::from_errno(errno, "built-in server: open descriptors");
  }
}

ListenerTable::~ListenerTable() {
  for (std::uint32_t i = 0; i < next_; ++i) {
    UniqueFd(std::exchange(slots_.find(i)->fd, -1));
  }
}

std::vector<ListenerTable::Key> ListenerTable::keys_of(const Owner& owner,
                                                       const std::optional<IpAddress>& bound) {
  const Endpoint& endpoint = owner.served();
  std::vector<Key> keys;
  if (bound) {
    keys.push_back({*bound, endpoint.port, endpoint.protocol});
    return keys;
  }
  for (const IpAddress& address : owner.facts->addresses) {
    keys.push_back({address, endpoint.port, endpoint.protocol});
  }
  return keys;
}

ListenerId ListenerTable::insert(UniqueFd socket, Owner owner, const std::optional<IpAddress>& address) {
  const auto keys = keys_of(owner, address);
  ListenerId id;
  {
    const std::lock_guard lock(free_mutex_);
    if (free_.empty()) {
      if (next_ == decltype(slots_)::kCapacity) {
        throw Error(ErrorKind::Busy, "built-in server: too many listening sockets");
      }
      slots_.make(next_);
      free_.push_back(next_++);
    }
    id.slot = free_.back();
    free_.pop_back();
  }
  Slot& slot = *slots_.find(id.slot);
  const int fd = socket.get();
  {
    const std::lock_guard lock(slot.mutex);
    id.generation = ++slot.generation;  // odd while in use
    slot.fd = socket.release();
    slot.bound = address;
    slot.owner = std::move(owner);
  }
  for (const Key& key : keys) {
    IndexShard& shard = index_shard(key);
    const std::lock_guard lock(shard.mutex);
    shard.listeners[key] = id;
  }
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = pack(id);
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
    const Error error = Error::from_errno(errno, "built-in server: watch a listening socket");
    erase(id);
    throw error;
  }
  return id;
}

void ListenerTable::erase(ListenerId id) noexcept {
  Slot* slot = find_slot(id);
  if (slot == nullptr) {
    return;
  }
  Owner owner;
  std::optional<IpAddress> bound;
  {
    const std::lock_guard lock(slot->mutex);
    if (slot->generation != id.generation || slot->fd < 0) {
      return;
    }
    ++slot->generation;
    UniqueFd(std::exchange(slot->fd, -1));
    owner = std::exchange(slot->owner, {});
    bound = slot->bound;
    // Nobody can park another from this socket now: that needs the slot's lock and a live socket.
    for (ParkShard& shard : parks_) {
      const std::lock_guard park_lock(shard.mutex);
      const auto removed =
          std::erase_if(shard.parked, [&](const Parked& parked) { return parked.connection.listener == id; });
      parked_.fetch_sub(static_cast<int>(removed));
    }
  }
  for (const Key& key : keys_of(owner, bound)) {
    IndexShard& shard = index_shard(key);
    const std::lock_guard lock(shard.mutex);
    const auto found = shard.listeners.find(key);
    if (found != shard.listeners.end() && found->second == id) {
      shard.listeners.erase(found);
    }
  }
  const std::lock_guard lock(free_mutex_);
  free_.push_back(id.slot);
}

std::optional<ListenerId> ListenerTable::find(const IpAddress& address, model::Protocol protocol,
                                              std::uint16_t port) const noexcept {
  const Key key{address, port, protocol};
  const IndexShard& shard = index_shard(key);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.listeners.find(key);
  return found == shard.listeners.end() ? std::nullopt : std::optional(found->second);
}

std::optional<ListenerView> ListenerTable::describe(ListenerId id) const noexcept {
  const Slot* slot = find_slot(id);
  if (slot == nullptr) {
    return std::nullopt;
  }
  const std::lock_guard lock(slot->mutex);
  if (slot->generation != id.generation || slot->fd < 0) {
    return std::nullopt;
  }
  const Endpoint& endpoint = slot->owner.served();
  return ListenerView{slot->owner.facts->pod, endpoint.protocol, endpoint.port,
                      speaks_http(endpoint.service)};
}

std::optional<ListenerTable::View> ListenerTable::view(ListenerId id) const {
  const Slot* slot = find_slot(id);
  if (slot == nullptr) {
    return std::nullopt;
  }
  const std::lock_guard lock(slot->mutex);
  if (slot->generation != id.generation || slot->fd < 0) {
    return std::nullopt;
  }
  return View{slot->owner.container, slot->owner.facts->pod, &slot->owner.served(), slot->owner.role};
}

std::size_t ListenerTable::ready(ListenerId* out, std::size_t limit) const noexcept {
  std::array<epoll_event, 256> events;
  const int count =
      ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(std::min(limit, events.size())), 0);
  for (int i = 0; i < count; ++i) {
    out[i] = unpack(events[static_cast<std::size_t>(i)].data.u64);
  }
  return static_cast<std::size_t>(std::max(count, 0));
}

UniqueFd ListenerTable::accept_one(const Slot& slot, Peer& peer) noexcept {
  for (;;) {
    sockaddr_storage address;
    socklen_t length = sizeof address;
    UniqueFd fd(
        ::accept4(slot.fd, reinterpret_cast<sockaddr*>(&address), &length, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd && (errno == EINTR || errno == ECONNABORTED || errno == EPROTO)) {
      continue;
    }
    if (fd) {
      peer = {IpAddress::from_sockaddr(address).value_or(IpAddress()), port_of(address)};
    }
    return fd;
  }
}

void ListenerTable::accept(ListenerId id, std::size_t limit, std::vector<Accepted>& out) {
  Slot* slot = find_slot(id);
  if (slot == nullptr) {
    return;
  }
  const std::lock_guard lock(slot->mutex);
  if (slot->generation != id.generation || slot->fd < 0) {
    return;
  }
  for (std::size_t i = 0; i < limit; ++i) {
    Accepted connection{id, {}, {}};
    connection.fd = accept_one(*slot, connection.peer);
    if (!connection.fd) {
      if (errno == EMFILE || errno == ENFILE) {
        refuse_one(*slot);
      }
      return;
    }
    // Looked at after the accept: whoever made this connection after going quiet finds it parked.
    if (quiet()) {
      park(*slot, std::move(connection));
    } else {
      out.push_back(std::move(connection));
    }
  }
  return;
}

void ListenerTable::refuse_one(const Slot& slot) noexcept {
  // Out of descriptors the queue would stay full and epoll would report it for ever: one connection is taken
  // on the spare descriptor and reset, which also tells its client.
  const std::lock_guard lock(spare_mutex_);
  spare_.reset();
  Peer peer;
  reset(accept_one(slot, peer));
  spare_.reset(::open("/dev/null", O_RDONLY | O_CLOEXEC));
}

void ListenerTable::reset(UniqueFd connection) noexcept {
  const linger now{1, 0};
  if (connection) {
    ::setsockopt(connection.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
  }
}

Answer ListenerTable::answer_for(const Slot& slot, const Peer& peer) noexcept {
  return {slot.owner.facts->pod, peer.address, peer.port};
}

std::optional<Answer> ListenerTable::claim(ListenerId id, const Peer& client) noexcept {
  Slot* slot = find_slot(id);
  if (slot == nullptr) {
    return std::nullopt;
  }
  const std::lock_guard lock(slot->mutex);
  if (slot->generation != id.generation || slot->fd < 0) {
    return std::nullopt;
  }
  if (auto parked = unpark(client, &id)) {
    reset(std::move(parked->fd));
    return answer_for(*slot, client);
  }
  return claim_locked(*slot, id, client);
}

std::optional<Answer> ListenerTable::claim_locked(Slot& slot, ListenerId id, const Peer& client) noexcept {
  if (slot.owner.served().protocol == model::Protocol::Udp) {
    return std::nullopt;
  }
  for (;;) {
    Accepted connection{id, {}, {}};
    connection.fd = accept_one(slot, connection.peer);
    if (!connection.fd) {
      return std::nullopt;
    }
    // Found: the rest of the queue is left to its own claims, and no second call asks whether there is one.
    if (connection.peer == client) {
      reset(std::move(connection.fd));
      return answer_for(slot, client);
    }
    park(slot, std::move(connection));
  }
}

std::optional<Answer> ListenerTable::claim_any(const Peer& client) noexcept {
  const auto from_parked = [&]() -> std::optional<Answer> {
    auto parked = unpark(client, nullptr);
    if (!parked) {
      return std::nullopt;
    }
    reset(std::move(parked->fd));
    const Slot* slot = find_slot(parked->listener);
    const std::lock_guard lock(slot->mutex);
    return slot->generation == parked->listener.generation ? std::optional(answer_for(*slot, client))
                                                           : std::nullopt;
  };
  if (auto answer = from_parked()) {
    return answer;
  }
  // epoll reports a busy set in turns; a bound so that a flood of new connections cannot keep us here.
  std::array<ListenerId, 64> ids;
  for (int round = 0; round < 64; ++round) {
    const std::size_t count = ready(ids.data(), ids.size());
    for (std::size_t i = 0; i < count; ++i) {
      Slot* slot = find_slot(ids[i]);
      const std::lock_guard lock(slot->mutex);
      if (slot->generation != ids[i].generation || slot->fd < 0) {
        continue;
      }
      if (auto answer = claim_locked(*slot, ids[i], client)) {
        return answer;
      }
    }
    if (count < ids.size()) {
      break;
    }
  }
  // Another thread may have taken it from its queue meanwhile.
  return from_parked();
}

ListenerTable::ParkShard& ListenerTable::park_shard(const Peer& peer) noexcept {
  return parks_[hash_endpoint(peer.address, peer.port) % parks_.size()];
}

void ListenerTable::park(const Slot& slot, Accepted connection) noexcept {
  const bool is_http = speaks_http(slot.owner.served().service);
  {
    ParkShard& shard = park_shard(connection.peer);
    const std::lock_guard lock(shard.mutex);
    shard.parked.push_back({std::move(connection), std::chrono::steady_clock::now(), is_http});
    parked_.fetch_add(1);
  }
  // Who ends the quiet first says so and then empties the shards: either it finds this connection or we see
  // that it is over.
  if (!quiet()) {
    wake_();
  }
}

std::optional<Accepted> ListenerTable::unpark(const Peer& client, const ListenerId* listener) noexcept {
  if (parked_.load() == 0) {
    return std::nullopt;
  }
  ParkShard& shard = park_shard(client);
  const std::lock_guard lock(shard.mutex);
  for (Parked& parked : shard.parked) {
    if (parked.connection.peer == client &&
        (listener == nullptr || parked.connection.listener == *listener)) {
      Accepted connection = std::move(parked.connection);
      parked = std::move(shard.parked.back());
      shard.parked.pop_back();
      parked_.fetch_sub(1);
      return connection;
    }
  }
  return std::nullopt;
}

template <typename IsWanted>
void ListenerTable::unpark_if(IsWanted is_wanted, std::vector<Accepted>& out) {
  if (parked_.load() == 0) {
    return;
  }
  for (ParkShard& shard : parks_) {
    const std::lock_guard lock(shard.mutex);
    const auto wanted =
        std::stable_partition(shard.parked.begin(), shard.parked.end(), std::not_fn(is_wanted));
    for (auto parked = wanted; parked != shard.parked.end(); ++parked) {
      out.push_back(std::move(parked->connection));
    }
    parked_.fetch_sub(static_cast<int>(shard.parked.end() - wanted));
    shard.parked.erase(wanted, shard.parked.end());
  }
}

void ListenerTable::unpark_older(TimePoint since, std::vector<Accepted>& out) {
  unpark_if([&](const Parked& parked) { return parked.since <= since; }, out);
}

void ListenerTable::unpark_http(std::vector<Accepted>& out) {
  unpark_if([](const Parked& parked) { return parked.is_http; }, out);
}

}  // namespace labctl::server
