#include "probes/engine/worker.hpp"

#include "probes/engine/datagram_batch.hpp"
#include "topology/base/error.hpp"

#include <sys/epoll.h>
#include <sys/random.h>

#include <algorithm>
#include <cassert>
#include <cerrno>

namespace labctl::engine {
namespace {

using probes::Outcome;
using std::chrono::duration_cast;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

// Tries begun between two looks at events and deadlines: some 2 ms of connects,
// so that deadlines are kept that well.
constexpr int kBurst = 64;
// Between two sequences of a probe that waits for an outcome: short against what
// people notice, long against a probe.
constexpr milliseconds kRetryPause{50};
// Between two attempts to get a descriptor while other probes hold them.
constexpr milliseconds kShortPause{5};
// Where the probe is counted: with a name its DNS server, since nobody knows yet what the name stands for.
Pace::Bucket bucket_of(const Probe& probe) noexcept {
  if (probe.dns_search && !probe.dns_search->servers.empty()) {
    return Pace::bucket_of(probe.dns_search->servers.front(), kDnsPort);
  }
  return Pace::bucket_of(probe.address, probe.port);
}

constexpr int kNowhere = -2;
constexpr std::size_t kBufferSize = 64 * 1024;

void add_stop(const UniqueFd& epoll, const Cancel* cancel, std::uint64_t key) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = key;
  if (cancel != nullptr && ::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, cancel->fd(), &event) != 0) {
    throw Error::from_errno(errno, "watch for cancellation");
  }
}

}  // namespace

// Workers are noexcept and the caller's `done` is not: what it throws is kept for run() to
// throw, and everybody stops.
void Sink::deliver(const Result& result) noexcept {
  const std::lock_guard lock(mutex);
  if (failure != nullptr) {
    return;
  }
  counts.add(result.outcome);
  try {
    done(result);
  } catch (...) {
    failure = std::current_exception();
    stop.request();
  }
}

Worker::Worker(std::span<const Probe> probes, std::vector<std::uint32_t> order, server::Server* server,
               Sink& sink, const Cancel* cancel, Pace& pace, const EngineOptions& options)
    : probes_(probes),
      order_(std::move(order)),
      server_(server),
      sink_(sink),
      cancel_(cancel),
      pace_(pace),
      ask_timeout_(options.ask_timeout),
      slots_(std::min<std::size_t>(order_.size(), options.in_flight)),
      ready_(slots_.size()),
      timers_(slots_.size()),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      buffer_(kBufferSize) {
  if (!epoll_) {
    throw Error::from_errno(errno, "create epoll set");
  }
  add_stop(epoll_, &sink_.stop, kStopKey);
  add_stop(epoll_, cancel_, kStopKey);
  // From the back, so that slot 0 is taken first: few probes at once stay in few cache lines.
  for (std::size_t i = slots_.size(); i-- > 0;) {
    free_.push_back(static_cast<std::uint32_t>(i));
  }
  // Not for secrecy: only so that runs at the same time do not take each other's replies for theirs.
  if (::getrandom(&random_state_, sizeof random_state_, GRND_NONBLOCK) != sizeof random_state_) {
    random_state_ = static_cast<std::uint64_t>(steady_clock::now().time_since_epoch().count()) ^
                    reinterpret_cast<std::uintptr_t>(this);
  }
  random_state_ |= 1;
  token_key_ = static_cast<std::uint32_t>(random() >> 32);
  home_ = kernel::NetworkNamespace::current();
  // Here and not on the thread, so that all descriptors a worker must have are there before any begins. It is
  // ended on the thread, which it then takes home.
  scope_.emplace();
}

Worker::~Worker() = default;

void Worker::run() noexcept {
  loop();
  // The server's ordinary clients do not wait for what is left to close.
  quiet(false);
  batch_.reset();
  scope_.reset();
}

void Worker::loop() noexcept {
  // A burst of starts, one send for all of its datagrams, then whatever came: over veth most answers are
  // there by the time that the burst is over, so there is hardly ever anything to wait for.
  while (next_ < order_.size() || free_.size() < slots_.size()) {
    if (is_cancelled()) {
      abandon_all();
      return;
    }
    bool more = true;
    is_held_back_ = false;
    // One try may take milliseconds: a large bridge floods what it has not learnt yet.
    for (int i = 0; i < kBurst && more && !is_cancelled(); ++i) {
      more = start_one();
    }
    flush();
    more = !is_held_back_ && (ready_size_ > 0 || (next_ < order_.size() && !free_.empty()));
    // What waits to be asked who it is goes to the server's loop, once for the whole burst.
    if (release_asked_) {
      release_asked_ = false;
      server_->release();
    }
    // The usual case, a burst of connects that all ended at once, has nothing to wait for.
    if (polled_ > 0 || !timers_.empty()) {
      wait_for_events(!more);
    }
  }
}

bool Worker::is_cancelled() const noexcept {
  return sink_.stop.requested() || (cancel_ != nullptr && cancel_->requested());
}

void Worker::push_ready(Slot& slot) noexcept {
  assert(ready_size_ < ready_.size());
  slot.phase = Phase::Ready;
  ready_[(ready_first_ + ready_size_) % ready_.size()] = index_of(slot);
  ++ready_size_;
}

// Whether a try to this destination would not be one too many.
bool Worker::may_start(const Probe& probe) noexcept {
  if (probe.protocol == protocol::ProbeProtocol::Icmp) {
    return true;  // the other side's kernel answers
  }
  const Pace::Bucket bucket = bucket_of(probe);
  // The cheap question first. A listener of our own server is never too slow, since whoever probes
  // it empties its queue.
  if (!pace_.is_full(bucket) ||
      (server_ != nullptr && !probe.dns_search && find_listener(probe, probe.address)) ||
      pace_.admits(bucket, steady_clock::now())) {
    return true;
  }
  is_held_back_ = true;
  held_until_ = pace_.held_until(bucket);
  return false;
}

std::optional<server::ListenerId> Worker::find_listener(const Probe& probe,
                                                        const IpAddress& address) const noexcept {
  switch (probe.protocol) {
    case protocol::ProbeProtocol::Tcp:
    case protocol::ProbeProtocol::Http:
      return server_->find_listener(address, model::Protocol::Tcp, probe.port);
    case protocol::ProbeProtocol::Udp:
      return server_->find_listener(address, model::Protocol::Udp, probe.port);
    case protocol::ProbeProtocol::Sctp:
      return server_->find_listener(address, model::Protocol::Sctp, probe.port);
    case protocol::ProbeProtocol::Icmp:
    case protocol::ProbeProtocol::Dns:
      return std::nullopt;
  }
  return std::nullopt;
}

// Begins one try, of a probe under way or else of the next one. False if there is nothing to begin now.
bool Worker::start_one() noexcept {
  if (ready_size_ > 0) {
    // Probes under way come before new ones: they hold a slot, and the caller waits for whole
    // probes, not for tries.
    Slot& slot = slots_[ready_[ready_first_]];
    if (!may_start(*slot.result.probe)) {
      return false;
    }
    ready_first_ = (ready_first_ + 1) % ready_.size();
    --ready_size_;
    start_try(slot);
    return true;
  }
  if (next_ == order_.size() || free_.empty() || !may_start(probes_[order_[next_]])) {
    return false;
  }
  Slot& slot = slots_[free_.back()];
  free_.pop_back();
  const std::uint32_t index = order_[next_++];
  slot.result.begin(index, probes_[index]);
  slot.done_in_sequence = 0;
  slot.rtt_us_sum = 0;
  slot.short_of_fds = false;
  if (probes_[index].retry_within > microseconds(0)) {
    slot.retry_until = steady_clock::now() + probes_[index].retry_within;
  }
  start_try(slot);
  return true;
}

void Worker::start_try(Slot& slot) noexcept {
  slot.phase = Phase::Ready;
  const Probe& probe = *slot.result.probe;
  slot.to = probe.address;
  slot.to_port = probe.port;
  slot.asks_dns = false;
  slot.has_answer = false;
  slot.goes_on = false;
  slot.claim_tries = 0;
  slot.listener = server_ == nullptr || probe.dns_search ? std::nullopt : find_listener(probe, slot.to);
  // Looked up anew for each try: pods come and go while a probe waits.
  slot.is_paced = !slot.listener && (probe.protocol != protocol::ProbeProtocol::Icmp || probe.dns_search);
  if (slot.is_paced) {
    pace_.begin(bucket_of(probe), steady_clock::now());
  }
  if (probe.dns_search) {
    start_search(slot);
  } else {
    start_protocol(slot);
  }
}

// The destination is known: what the probe is about begins.
void Worker::start_protocol(Slot& slot) noexcept {
  const protocol::ProbeProtocol protocol = slot.result.probe->protocol;
  // What http and dns start is the loop's to serve, the sooner the better.
  if (protocol == protocol::ProbeProtocol::Tcp || protocol == protocol::ProbeProtocol::Sctp ||
      protocol == protocol::ProbeProtocol::Udp) {
    quiet(true);
  }
  switch (protocol) {
    case protocol::ProbeProtocol::Tcp:
    case protocol::ProbeProtocol::Sctp:
      start_stream(slot);
      return;
    case protocol::ProbeProtocol::Http:
      start_http(slot);
      return;
    case protocol::ProbeProtocol::Dns:
      start_dns(slot);
      return;
    case protocol::ProbeProtocol::Udp:
    case protocol::ProbeProtocol::Icmp:
      start_datagram(slot);
      return;
  }
}

// Ends the try in hand with `outcome`; reason_ says why, if it is not ok.
void Worker::finish(Slot& slot, Outcome outcome) noexcept {
  if (slot.asks_dns && dns_goes_on(slot, outcome)) {
    return;
  }
  // A connection that is merely up may still lie in the other side's queue; anything else was dealt with.
  const bool is_stream = slot.result.probe->protocol == protocol::ProbeProtocol::Tcp ||
                         slot.result.probe->protocol == protocol::ProbeProtocol::Sctp;
  if (slot.is_paced &&
      (slot.has_answer || !is_stream || outcome != Outcome::Ok || slot.result.probe->dns_search)) {
    pace_.end(bucket_of(*slot.result.probe));
  }
  // Everything that could still speak of this try goes before its result is told: the descriptor leaves the
  // epoll set as it is closed, and events that are already read are of a generation that is over.
  close_stream(slot);
  expect_claim(slot, false);
  timers_.remove(index_of(slot));
  // One bit less than the key has room for: the upper half of the keys is of sockets and of
  // what ends the run.
  slot.generation = (slot.generation + 1) & 0x7fffffff;
  slot.short_of_fds = false;
  check_backend(slot, outcome);
  record(slot, outcome);
  if (slot.socket != Slot::kNoSocket && sockets_[slot.socket]->is_own) {
    release_socket(slot);
  }
  // Behind those that are ready already, so that the tries of one probe do not starve the others.
  if (++slot.done_in_sequence < slot.result.probe->count && !is_cancelled()) {
    push_ready(slot);
  } else {
    end_sequence(slot);
  }
}

void Worker::check_backend(Slot& slot, Outcome& outcome) noexcept {
  const std::string& wanted = slot.result.probe->expect_backend;
  if (outcome != Outcome::Ok || wanted.empty() || (slot.has_answer && slot.result.backend == wanted)) {
    return;
  }
  // Not a wrong answer: behind a Service with a translated source, or with a program of somebody
  // else's, who answered may not be known, and a red cell that means "we do not know" would send people
  // looking for a fault.
  if (!slot.has_answer) {
    outcome = Outcome::Inconclusive;
    reason_ = "it answered, but nobody said which pod it was";
  } else {
    outcome = Outcome::WrongAnswer;
    reason_.assign("answered by ").append(slot.result.backend).append(", not by ").append(wanted);
  }
}

void Worker::record(Slot& slot, Outcome outcome) noexcept {
  Result& result = slot.result;
  ++result.tries;
  result.outcomes.add(outcome);
  if (!reason_.empty()) {
    if (result.reason.empty()) {
      result.reason = reason_;
    }
    reason_.clear();
  }
  if (slot.has_answer && (outcome == Outcome::Ok || outcome == Outcome::WrongAnswer)) {
    result.responses.add(result.backend);
  }
  if (outcome != Outcome::Ok) {
    return;
  }
  const auto rtt_us = static_cast<std::uint32_t>(
      std::max<std::int64_t>(1, duration_cast<microseconds>(slot.up - slot.began).count()));
  const std::uint64_t ok = result.outcomes[Outcome::Ok];
  slot.rtt_us_sum += rtt_us;
  if (result.probe->keep_rtts) {
    result.rtts_us.push_back(rtt_us);
  }
  // Of the whole sum each time, not of the last average: no rounding adds up over a million tries.
  result.rtt_us_avg = static_cast<std::uint32_t>(slot.rtt_us_sum / ok);
  result.rtt_us_min = ok == 1 ? rtt_us : std::min(result.rtt_us_min, rtt_us);
  result.rtt_us_max = std::max(result.rtt_us_max, rtt_us);
}

void Worker::end_sequence(Slot& slot) noexcept {
  Result& result = slot.result;
  const Probe& probe = *result.probe;
  result.outcome = result.outcomes.worst();
  if (probe.retry_within > microseconds(0) && result.outcome != probe.expect && !is_cancelled()) {
    const Time now = steady_clock::now();
    if (now < slot.retry_until) {
      slot.phase = Phase::Pausing;
      set_timer(slot, std::min<Time>(now + kRetryPause, slot.retry_until));
      return;
    }
  }
  deliver(slot);
}

void Worker::deliver(Slot& slot) noexcept {
  release_socket(slot);
  sink_.deliver(slot.result);
  slot.phase = Phase::Idle;
  free_.push_back(index_of(slot));
}

void Worker::abandon_all() noexcept {
  for (Slot& slot : slots_) {
    if (slot.phase == Phase::Idle) {
      continue;
    }
    close_stream(slot);
    timers_.remove(index_of(slot));
    ++slot.generation;
    slot.result.outcome = Outcome::Inconclusive;
    slot.result.reason = "cancelled";
    deliver(slot);
  }
  ready_size_ = 0;
  Result result;
  // Once `done` has thrown nobody is told any more, be it a million.
  while (next_ < order_.size() && !sink_.stop.requested()) {
    const std::uint32_t index = order_[next_++];
    result.begin(index, probes_[index]);
    result.reason = "cancelled";
    sink_.deliver(result);
  }
}

void Worker::quiet(bool on) noexcept {
  if (server_ == nullptr || on == quiet_.has_value()) {
    return;
  }
  if (on) {
    quiet_.emplace(*server_);
  } else {
    quiet_.reset();
  }
}

// The probe's namespace becomes the thread's. False, and the try is over, if it cannot.
bool Worker::enter(Slot& slot) noexcept {
  // Probes are ordered by place (see Engine), so most of a burst is in one namespace and setns(2) is
  // called once for it.
  const int netns = slot.result.probe->from == nullptr ? -1 : slot.result.probe->from->netns_fd;
  if (netns == current_netns_) {
    return true;
  }
  try {
    scope_->enter(netns < 0 ? home_.fd() : netns);
    current_netns_ = netns;
    return true;
  } catch (const Error& error) {
    current_netns_ = kNowhere;
    local_trouble(slot, "enter network namespace", error.errno_value());
    return false;
  }
}

// The try could not be made. Descriptors and memory held by other probes come
// free soon: that is worth waiting for.
void Worker::local_trouble(Slot& slot, std::string_view act, int errno_value) noexcept {
  const bool passing =
      errno_value == EMFILE || errno_value == ENFILE || errno_value == ENOBUFS || errno_value == ENOMEM;
  const Time now = steady_clock::now();
  if (passing && !slot.short_of_fds) {
    slot.short_of_fds = true;
    slot.deadline = now + slot.result.probe->timeout;
  }
  if (passing && now < slot.deadline && !is_cancelled()) {
    close_stream(slot);
    slot.phase = Phase::Pausing;
    set_timer(slot, now + kShortPause);
    return;
  }
  describe_errno(act, errno_value, reason_);
  finish(slot, Outcome::Inconclusive);
}

// xorshift64*: Marsaglia, "Xorshift RNGs".
std::uint64_t Worker::random() noexcept {
  random_state_ ^= random_state_ >> 12;
  random_state_ ^= random_state_ << 25;
  random_state_ ^= random_state_ >> 27;
  return random_state_ * 0x2545f4914f6cdd1d;
}

}  // namespace labctl::engine
