#pragma once

// One thread of a run: keeps up to a fixed number of probes in flight and brings each to its one result.
//
//   loop:  start up to a burst of tries  ->  send what is batched  ->  events  ->  deadlines
//
// A try ends in finish(), which begins the next one, pauses, or delivers the result and frees the slot.
// Nothing in the loop throws, and for plain tcp, udp and icmp probes nothing allocates once the strings have
// their sizes. The pieces are worker.cpp (loop, slots, results), events.cpp (waiting), streams.cpp (tcp,
// sctp), exchanges.cpp (http), questions.cpp (dns) and datagrams.cpp (udp, icmp).

#include "probes/engine/deadline_heap.hpp"
#include "probes/engine/engine.hpp"
#include "probes/engine/pace.hpp"
#include "probes/engine/probe.hpp"
#include "probes/engine/result.hpp"
#include "probes/engine/slot.hpp"
#include "probes/engine/socket_error.hpp"
#include "probes/outcome/outcome_counts.hpp"
#include "probes/server/server.hpp"
#include "topology/base/cancel.hpp"
#include "topology/base/unique_fd.hpp"
#include "topology/kernel/network_namespace.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace labctl::engine {

// Where the workers of a run bring their results. The first exception of `done` is kept, and ends the run.
struct Sink {
  const std::function<void(const Result&)>& done;
  Cancel stop;
  std::mutex mutex;
  probes::OutcomeCounts counts;
  std::exception_ptr failure;

  void deliver(const Result& result) noexcept;
};

class Worker {
 public:
  // `order` holds the indexes of this worker's probes, those of one vantage together. All is borrowed until
  // run() has returned; `server` and `cancel` may be null. Throws Error (Kernel) without descriptors.
  Worker(std::span<const Probe> probes, std::vector<std::uint32_t> order, server::Server* server, Sink& sink,
         const Cancel* cancel, Pace& pace, const EngineOptions& options);
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  ~Worker();

  // On a thread of its own: it moves between namespaces.
  void run() noexcept;

 private:
  // Datagrams of one socket, to be sent together.
  struct Batch;

  // Keys of the epoll set: of a slot its generation and index, of a socket
  // its index, and of what ends the run.
  static constexpr std::uint64_t kSocketKey = std::uint64_t{1} << 63;
  static constexpr std::uint64_t kStopKey = ~std::uint64_t{0};

  // worker.cpp
  void loop() noexcept;
  bool is_cancelled() const noexcept;
  bool start_one() noexcept;
  bool may_start(const Probe& probe) noexcept;
  std::optional<server::ListenerId> find_listener(const Probe& probe,
                                                  const IpAddress& address) const noexcept;
  void start_try(Slot& slot) noexcept;
  void start_protocol(Slot& slot) noexcept;
  void finish(Slot& slot, probes::Outcome outcome) noexcept;
  void check_backend(Slot& slot, probes::Outcome& outcome) noexcept;
  void record(Slot& slot, probes::Outcome outcome) noexcept;
  void end_sequence(Slot& slot) noexcept;
  void deliver(Slot& slot) noexcept;
  void abandon_all() noexcept;
  void push_ready(Slot& slot) noexcept;
  void set_timer(Slot& slot, Time due) noexcept { timers_.set(index_of(slot), due); }
  bool enter(Slot& slot) noexcept;
  void local_trouble(Slot& slot, std::string_view act, int errno_value) noexcept;
  void quiet(bool on) noexcept;
  std::uint32_t index_of(const Slot& slot) const noexcept {
    return static_cast<std::uint32_t>(&slot - slots_.data());
  }
  std::uint64_t random() noexcept;

  // events.cpp
  void wait_for_events(bool may_block) noexcept;
  int take_events(int timeout_ms) noexcept;
  int block_ms() const noexcept;
  void on_event(std::uint64_t key, std::uint32_t events) noexcept;
  void expire(Time now) noexcept;
  void on_timer(Slot& slot, Time now) noexcept;
  void time_out(Slot& slot, std::string_view what) noexcept;
  // Adds or changes the slot's descriptor in the epoll set. False, and the
  // try is over, without memory for it.
  bool poll_for(Slot& slot, std::uint32_t events) noexcept;

  // streams.cpp
  void start_stream(Slot& slot) noexcept;
  bool open_stream(Slot& slot, int type, int protocol, std::string_view act) noexcept;
  void on_connecting(Slot& slot, std::uint32_t events) noexcept;
  void on_connect_timer(Slot& slot, Time now) noexcept;
  void connect_again(Slot& slot) noexcept;
  bool connect_failed(Slot& slot) noexcept;
  void connected(Slot& slot) noexcept;
  void identify(Slot& slot) noexcept;
  bool claim(Slot& slot) noexcept;
  void expect_claim(Slot& slot, bool is_expected) noexcept;
  void ask(Slot& slot) noexcept;
  void answered(Slot& slot, std::string_view backend, const IpAddress& source, std::uint16_t port) noexcept;
  void close_stream(Slot& slot) noexcept;

  // exchanges.cpp
  Exchange& exchange_of(Slot& slot) noexcept;
  void start_http(Slot& slot) noexcept;
  void begin_exchange(Slot& slot, Phase phase, Time due) noexcept;
  void on_exchange(Slot& slot, std::uint32_t events) noexcept;
  bool send_rest(Slot& slot) noexcept;
  void read_http(Slot& slot) noexcept;
  void end_http(Slot& slot) noexcept;
  void exchange_failed(Slot& slot, std::string_view act, int errno_value) noexcept;

  // questions.cpp
  void start_dns(Slot& slot) noexcept;
  void start_search(Slot& slot) noexcept;
  void ask_dns(Slot& slot) noexcept;
  void begin_dns(Slot& slot) noexcept;
  void read_dns_datagram(Slot& slot) noexcept;
  void read_dns_stream(Slot& slot) noexcept;
  void take_dns(Slot& slot, std::span<const std::uint8_t> message) noexcept;
  bool dns_goes_on(Slot& slot, probes::Outcome& outcome) noexcept;
  void note_query(Slot& slot, probes::Outcome outcome) noexcept;
  void end_search(Slot& slot, probes::Outcome& outcome) noexcept;
  bool found_address(Slot& slot, probes::Outcome& outcome) noexcept;
  void ask_again(Slot& slot) noexcept;
  std::string dns_patience(const Slot& slot) const;

  // datagrams.cpp
  void start_datagram(Slot& slot) noexcept;
  static bool needs_own_socket(const Probe& probe) noexcept;
  bool open_datagram_socket(Slot& slot) noexcept;
  bool new_datagram_socket(Slot& slot, std::uint32_t index) noexcept;
  void release_socket(Slot& slot) noexcept;
  void close_socket(std::uint32_t index) noexcept;
  void add_to_batch(Slot& slot) noexcept;
  void flush() noexcept;
  void send_batch(DatagramSocket& socket) noexcept;
  void send_failed(Slot& slot, int errno_value) noexcept;
  void serve_batch() noexcept;
  void on_socket(DatagramSocket& socket, std::uint32_t index, std::uint32_t events) noexcept;
  void receive(DatagramSocket& socket, std::uint32_t index) noexcept;
  void take_udp(std::uint32_t index, std::string_view datagram, const sockaddr_storage& from) noexcept;
  void take_icmp(const DatagramSocket& socket, std::uint32_t index, std::span<const std::uint8_t> packet,
                 const sockaddr_storage& from) noexcept;
  void take_errors(DatagramSocket& socket, std::uint32_t index) noexcept;
  Slot* slot_of_token(std::uint64_t token, std::uint32_t socket) noexcept;
  Slot* slot_of_peer(const IpAddress& address, std::uint16_t port, std::uint32_t socket) noexcept;
  std::uint64_t token_of(const Slot& slot) const noexcept;

  std::span<const Probe> probes_;
  std::vector<std::uint32_t> order_;
  std::size_t next_ = 0;  // in order_
  server::Server* server_;
  Sink& sink_;
  const Cancel* cancel_;
  Pace& pace_;
  std::chrono::milliseconds ask_timeout_;

  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_;   // a stack
  std::vector<std::uint32_t> ready_;  // a ring: a slot is in it at most once
  std::size_t ready_first_ = 0;
  std::size_t ready_size_ = 0;
  DeadlineHeap timers_;

  UniqueFd epoll_;
  std::size_t polled_ = 0;  // descriptors in the set, but for the ones that end the run
  kernel::NetworkNamespace home_;
  std::optional<kernel::NamespaceScope> scope_;
  int current_netns_ = -1;  // as in Vantage; kNowhere: unknown
  std::optional<server::Server::QuietAccepts> quiet_;
  bool is_held_back_ = false;  // the next try has to wait: the destination has too many already
  Time held_until_;
  std::size_t claims_expected_ = 0;  // handshakes under way whose other end is to be claimed
  bool release_asked_ = false;  // some connection is to be served by the loop, and may wait to be claimed

  std::string reason_;  // why the try in hand fails
  std::vector<char> buffer_;
  const protocol::HttpRequest* encoded_request_ = nullptr;  // whose text is in encoded_
  std::string encoded_;
  std::vector<std::unique_ptr<DatagramSocket>> sockets_;
  std::uint32_t last_socket_ = Slot::kNoSocket;
  std::unique_ptr<Batch> batch_;
  std::uint64_t random_state_ = 0;
  std::uint32_t token_key_ = 0;  // the upper half of all tokens of this worker
};

}  // namespace labctl::engine
