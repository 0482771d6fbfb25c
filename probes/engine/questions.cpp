// Worker: dns over UDP and TCP. One question, or those of a search (resolver(5)) until one is answered; and
// names of other protocols' probes, which such a search makes addresses first.

#include "probes/engine/worker.hpp"
#include "probes/protocol/dns.hpp"
#include "topology/base/duration.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace labctl::engine {
namespace {

using probes::Outcome;
using protocol::ProbeProtocol;
using std::chrono::duration_cast;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

// Two bytes of length before each message: RFC 1035 section 4.2.2.
constexpr std::size_t kDnsLength = 2;

std::string frame(std::span<const std::uint8_t> message, bool over_tcp) {
  std::string out;
  if (over_tcp) {
    out += static_cast<char>(message.size() >> 8);
    out += static_cast<char>(message.size() & 0xff);
  }
  out.append(reinterpret_cast<const char*>(message.data()), message.size());
  return out;
}

// The question in hand.
const protocol::DnsQuestion& question_of(const Slot& slot) noexcept {
  const Probe& probe = *slot.result.probe;
  return probe.dns_search ? probe.dns_search->candidates[slot.exchange->dns_candidate] : *probe.dns;
}

}  // namespace

void Worker::start_dns(Slot& slot) noexcept {
  slot.result.dns = {};
  slot.result.dns_queries.clear();
  if (slot.result.probe->dns == nullptr) {
    reason_ = "no DNS question was given";
    finish(slot, Outcome::Inconclusive);
    return;
  }
  ask_dns(slot);
}

void Worker::start_search(Slot& slot) noexcept {
  const DnsSearch& search = *slot.result.probe->dns_search;
  slot.result.dns = {};
  slot.result.dns_queries.clear();
  if (search.candidates.empty() || search.servers.empty()) {
    reason_ = search.candidates.empty() ? "no DNS question was given" : "resolv.conf names no server";
    finish(slot, search.candidates.empty() ? Outcome::Inconclusive : Outcome::DnsError);
    return;
  }
  Exchange& exchange = exchange_of(slot);
  exchange.dns_candidate = 0;
  exchange.dns_server = 0;
  exchange.has_nodata = false;
  slot.began = steady_clock::now();
  exchange.try_deadline = slot.began + slot.result.probe->timeout;
  slot.goes_on = true;
  ask_dns(slot);
}

void Worker::ask_dns(Slot& slot) noexcept {
  Exchange& exchange = exchange_of(slot);
  const protocol::DnsQuestion& question = question_of(slot);
  if (reason_ = protocol::question_error(question); !reason_.empty()) {
    finish(slot, Outcome::Inconclusive);
    return;
  }
  exchange.dns_id = static_cast<std::uint16_t>(random() >> 48);
  exchange.dns_over_tcp = question.tcp;
  exchange.dns_reply = {};
  exchange.dns_asked = steady_clock::now();
  if (const DnsSearch* search = slot.result.probe->dns_search.get()) {
    slot.to = search->servers[exchange.dns_server];
    slot.to_port = kDnsPort;
    const auto servers_left = static_cast<int>(search->servers.size() - exchange.dns_server);
    slot.deadline = exchange.dns_asked + (exchange.try_deadline - exchange.dns_asked) / servers_left;
  }
  slot.asks_dns = true;
  if (question.tcp) {
    start_stream(slot);
    return;
  }
  // Connected, so that only the server's own datagrams come in and ICMP errors are told.
  if (open_stream(slot, SOCK_DGRAM, IPPROTO_UDP, "send")) {
    begin_dns(slot);
  }
}

// The socket is ready for the question.
void Worker::begin_dns(Slot& slot) noexcept {
  Exchange& exchange = *slot.exchange;
  exchange.out = frame(protocol::encode_dns_query(question_of(slot), exchange.dns_id), exchange.dns_over_tcp);
  exchange.in.clear();
  begin_exchange(slot, Phase::Exchanging, slot.deadline);
}

void Worker::read_dns_datagram(Slot& slot) noexcept {
  const std::uint32_t generation = slot.generation;
  while (slot.generation == generation && slot.phase == Phase::Exchanging && !slot.exchange->dns_over_tcp) {
    const ssize_t size = ::recv(slot.fd.get(), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    if (size < 0) {
      if (errno != EAGAIN && errno != EINTR) {
        exchange_failed(slot, "receive", errno);
      }
      return;
    }
    take_dns(slot, {reinterpret_cast<const std::uint8_t*>(buffer_.data()), static_cast<std::size_t>(size)});
  }
}

void Worker::read_dns_stream(Slot& slot) noexcept {
  std::vector<std::uint8_t>& in = slot.exchange->in;
  while (true) {
    const ssize_t size = ::recv(slot.fd.get(), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    if (size < 0) {
      if (errno != EAGAIN && errno != EINTR) {
        exchange_failed(slot, "receive", errno);
      }
      return;
    }
    if (size == 0) {
      reason_ = "the server closed the connection without a full reply";
      finish(slot, Outcome::DnsError);
      return;
    }
    in.insert(in.end(), buffer_.data(), buffer_.data() + size);
    const std::size_t length = in.size() < kDnsLength ? 0 : static_cast<std::size_t>(in[0] << 8 | in[1]);
    if (in.size() >= kDnsLength && in.size() >= kDnsLength + length) {
      take_dns(slot, std::span(in).subspan(kDnsLength, length));
      return;
    }
  }
}

// A whole message came in. One that does not answer our question is passed
// over, as resolvers do: it may be forged.
void Worker::take_dns(Slot& slot, std::span<const std::uint8_t> message) noexcept {
  Exchange& exchange = *slot.exchange;
  protocol::DnsReply reply = protocol::decode_dns_reply(message, question_of(slot), exchange.dns_id);
  if (!reply.is_reply && !exchange.dns_over_tcp) {
    return;
  }
  if (reply.truncated && !exchange.dns_over_tcp) {
    // Once more over TCP, within the time of this try.
    exchange.dns_over_tcp = true;
    connect_again(slot);
    return;
  }
  slot.up = steady_clock::now();
  reason_ = reply.reason;
  const Outcome outcome = reply.outcome;
  exchange.dns_reply = std::move(reply);
  finish(slot, outcome);
}

// A question has come to its end, `outcome`. True if the try goes on: with another question, or with what the
// name was asked for. Else `outcome` is that of the try.
bool Worker::dns_goes_on(Slot& slot, Outcome& outcome) noexcept {
  Exchange& exchange = *slot.exchange;
  note_query(slot, outcome);
  slot.asks_dns = false;
  const DnsSearch* search = slot.result.probe->dns_search.get();
  if (search == nullptr) {
    slot.result.dns = std::move(exchange.dns_reply);
    return false;
  }
  const bool is_absent = outcome == Outcome::DnsNxdomain || outcome == Outcome::DnsNodata;
  const bool is_first_nodata = outcome == Outcome::DnsNodata && !exchange.has_nodata;
  if (is_first_nodata) {
    exchange.nodata_reason = reason_;
  }
  if (is_first_nodata || !exchange.has_nodata || !is_absent) {
    slot.result.dns = std::move(exchange.dns_reply);
  }
  exchange.has_nodata = exchange.has_nodata || is_first_nodata;
  if (outcome == Outcome::Ok) {
    return slot.result.probe->protocol != ProbeProtocol::Dns && found_address(slot, outcome);
  }
  if (is_absent) {
    ++exchange.dns_candidate;
    exchange.dns_server = 0;
  } else {
    ++exchange.dns_server;
  }
  if (outcome == Outcome::Inconclusive || is_cancelled() ||
      exchange.dns_candidate == search->candidates.size() || exchange.dns_server == search->servers.size()) {
    end_search(slot, outcome);
    return false;
  }
  if (steady_clock::now() >= exchange.try_deadline) {
    outcome = Outcome::Timeout;
    reason_ = "the search did not end within " + to_string(slot.result.probe->timeout);
    return false;
  }
  ask_again(slot);
  return true;
}

// Another socket of the same try.
void Worker::ask_again(Slot& slot) noexcept {
  close_stream(slot);
  timers_.remove(index_of(slot));
  slot.generation = (slot.generation + 1) & 0x7fffffff;
  reason_.clear();
  ask_dns(slot);
}

void Worker::note_query(Slot& slot, Outcome outcome) noexcept {
  const Exchange& exchange = *slot.exchange;
  const protocol::DnsQuestion& question = question_of(slot);
  const auto rtt_us = std::max<std::int64_t>(
      1, duration_cast<microseconds>(steady_clock::now() - exchange.dns_asked).count());
  slot.result.dns_queries.push_back({question.name, question.type, slot.to, slot.to_port,
                                     exchange.dns_over_tcp, exchange.dns_reply.rcode, outcome,
                                     static_cast<std::uint32_t>(rtt_us)});
}

// No question is left, or no server for the last: NODATA of any name says more than that another is absent.
void Worker::end_search(Slot& slot, Outcome& outcome) noexcept {
  const Exchange& exchange = *slot.exchange;
  const DnsQuery& last = slot.result.dns_queries.back();
  const bool is_absent = outcome == Outcome::DnsNxdomain || outcome == Outcome::DnsNodata;
  if (!is_absent) {
    reason_.insert(0, last.name + " at " + to_string(last.server) + ": ");
    return;
  }
  if (exchange.has_nodata) {
    outcome = Outcome::DnsNodata;
    reason_ = exchange.nodata_reason;
  }
  if (const std::size_t asked = slot.result.probe->dns_search->candidates.size(); asked > 1) {
    reason_ += " (" + std::to_string(asked) + " questions of the search were asked)";
  }
}

// The name of an http, tcp, ... probe stands for an address: on with it, in the time that is left. False, and
// the try is over, without any.
bool Worker::found_address(Slot& slot, Outcome& outcome) noexcept {
  const auto addresses = protocol::addresses_in(slot.result.dns);
  if (addresses.empty()) {
    outcome = Outcome::DnsError;
    reason_ = "the answer holds no address";
    return false;
  }
  close_stream(slot);
  timers_.remove(index_of(slot));
  slot.generation = (slot.generation + 1) & 0x7fffffff;
  slot.to = slot.result.address = addresses.front();
  slot.to_port = slot.result.probe->port;
  slot.listener = server_ == nullptr ? std::nullopt : find_listener(*slot.result.probe, slot.to);
  slot.began = steady_clock::now();
  slot.deadline = slot.exchange->try_deadline;
  start_protocol(slot);
  return true;
}

// How long the server of the question in hand was given.
std::string Worker::dns_patience(const Slot& slot) const {
  const auto given = std::chrono::round<milliseconds>(slot.deadline - slot.exchange->dns_asked);
  return to_string(given);
}

}  // namespace labctl::engine
