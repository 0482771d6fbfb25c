#pragma once

// All listening sockets of the lab: found by address, and emptied of what waits in
// them, by the loop and by probers at once.
//
// A connection that a prober takes from a queue and that is not its own is parked: its own prober claims it
// from here. What nobody claims in kParkFor becomes an ordinary connection of the loop's.
//
// Threads: everything may be called from any thread at any time. Lock order: a slot, then a shard
// of parked connections; the index, the free list, slots and shards are never waited for in any
// other order. A socket is used only under its slot's lock, so erase() closes it when nobody is in
// it, and its number cannot come back as another's.

#include "probes/server/chunked_array.hpp"
#include "probes/server/role.hpp"
#include "probes/server/server.hpp"
#include "topology/base/ip_address.hpp"
#include "topology/base/unique_fd.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace labctl::server {

// What of a pod never changes; shared by its listeners, which outlive a moment of its removal.
struct PodFacts {
  PodId pod = 0;
  std::string_view id;  // kept by the server for its whole life
  std::string hostname;
  std::string ns;
  std::string name;
  std::vector<IpAddress> addresses;
  bool dual_stack = false;
  int netns_fd = -1;
};

// The other end of a connection or datagram.
struct Peer {
  IpAddress address;
  std::uint16_t port = 0;
  bool operator==(const Peer&) const = default;
};

struct Accepted {
  ListenerId listener;
  Peer peer;
  UniqueFd fd;
};

class ListenerTable {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::milliseconds kParkFor{50};

  struct Owner {
    ContainerId container = 0;
    std::shared_ptr<const PodFacts> facts;
    std::shared_ptr<const Role> role;
    std::uint32_t endpoint = 0;  // index in role->endpoints

    const Endpoint& served() const { return role->endpoints[endpoint]; }
  };
  struct View {
    ContainerId container = 0;
    PodId pod = 0;
    const Endpoint* endpoint = nullptr;  // lives as long as `role`
    std::shared_ptr<const Role> role;
  };

  // `wake` is called, from any thread and under a slot's lock, when something was parked in a time that is
  // not quiet. Throws Error (Kernel) without descriptors.
  explicit ListenerTable(std::function<void()> wake);
  ~ListenerTable();
  ListenerTable(const ListenerTable&) = delete;
  ListenerTable& operator=(const ListenerTable&) = delete;

  // `address`: the one the socket is bound to; else it is found under all of the
  // pod's. Throws Error (Busy) when full.
  ListenerId insert(UniqueFd socket, Owner owner, const std::optional<IpAddress>& address);
  // Closes the socket and what is parked from it.
  void erase(ListenerId listener) noexcept;

  std::optional<ListenerId> find(const IpAddress& address, model::Protocol protocol,
                                 std::uint16_t port) const noexcept;
  std::optional<ListenerView> describe(ListenerId listener) const noexcept;
  // Nothing for a stale id.
  std::optional<View> view(ListenerId listener) const;

  // The epoll that holds every listening and UDP socket.
  int epoll() const noexcept { return epoll_.get(); }
  // The listeners with something pending, as many as fit; how many.
  std::size_t ready(ListenerId* out, std::size_t limit) const noexcept;

  // Takes up to `limit` connections into `out`; in quiet times parks them. When the process has no descriptor
  // left one connection is refused instead.
  void accept(ListenerId listener, std::size_t limit, std::vector<Accepted>& out);
  // Answers pending datagrams, at most a few hundred; how many.
  int serve_udp(ListenerId listener) noexcept;

  std::optional<Answer> claim(ListenerId listener, const Peer& client) noexcept;
  std::optional<Answer> claim_any(const Peer& client) noexcept;
  // Moves what has been parked since before `since` to `out`.
  void unpark_older(TimePoint since, std::vector<Accepted>& out);
  // The same of whatever speaks HTTP.
  void unpark_http(std::vector<Accepted>& out);

  void add_quiet(int change) noexcept { quiet_.fetch_add(change); }
  bool quiet() const noexcept { return quiet_.load() > 0; }
  bool any_parked() const noexcept { return parked_.load() > 0; }

 private:
  struct Slot {
    mutable std::mutex mutex;
    std::uint32_t generation = 0;
    int fd = -1;
    std::optional<IpAddress> bound;
    Owner owner;
  };
  struct Key {
    IpAddress address;
    std::uint16_t port;
    model::Protocol protocol;
    bool operator==(const Key&) const = default;
  };
  struct KeyHash {
    std::size_t operator()(const Key& key) const noexcept;
  };
  struct IndexShard {
    mutable std::mutex mutex;
    std::unordered_map<Key, ListenerId, KeyHash> listeners;
  };
  struct Parked {
    Accepted connection;
    TimePoint since;
    bool is_http = false;
  };
  struct ParkShard {
    std::mutex mutex;
    std::vector<Parked> parked;
  };

  Slot* find_slot(ListenerId listener) const noexcept { return slots_.find(listener.slot); }
  IndexShard& index_shard(const Key& key) const noexcept { return index_[KeyHash()(key) % index_.size()]; }
  ParkShard& park_shard(const Peer& peer) noexcept;
  // The keys under which a socket is found.
  static std::vector<Key> keys_of(const Owner& owner, const std::optional<IpAddress>& bound);
  static Answer answer_for(const Slot& slot, const Peer& peer) noexcept;
  // Closes with a reset, so that neither end keeps anything.
  static void reset(UniqueFd connection) noexcept;
  // Needs the slot's lock. Nothing pending, or no descriptor: errno says.
  static UniqueFd accept_one(const Slot& slot, Peer& peer) noexcept;
  std::optional<Answer> claim_locked(Slot& slot, ListenerId listener, const Peer& client) noexcept;
  // Needs the slot's lock.
  void park(const Slot& slot, Accepted connection) noexcept;
  template <typename IsWanted>
  void unpark_if(IsWanted is_wanted, std::vector<Accepted>& out);
  // `listener`: any, if absent.
  std::optional<Accepted> unpark(const Peer& client, const ListenerId* listener) noexcept;
  void refuse_one(const Slot& slot) noexcept;

  std::function<void()> wake_;
  UniqueFd epoll_;
  ChunkedArray<Slot, 256, 4096> slots_;
  std::mutex free_mutex_;
  std::vector<std::uint32_t> free_;
  std::uint32_t next_ = 0;
  mutable std::array<IndexShard, 64> index_;
  std::array<ParkShard, 16> parks_;
  std::atomic<int> parked_{0};
  std::atomic<int> quiet_{0};
  std::mutex spare_mutex_;
  UniqueFd spare_;  // given up for a moment when there is no other descriptor
};

}  // namespace labctl::server
