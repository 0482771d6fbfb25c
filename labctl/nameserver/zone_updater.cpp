#include "labctl/nameserver/zone_updater.hpp"

#include "labctl/nameserver/dns_objects.hpp"
#include "labctl/nameserver/update_message.hpp"
#include "probes/protocol/dns.hpp"
#include "topology/base/error.hpp"
#include "topology/kernel/network_namespace.hpp"

#include <arpa/inet.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace labctl::nameserver {
namespace {

// Between two questions whether a zone is there.
constexpr std::chrono::milliseconds kAskEvery{4};
// On loopback a message is lost only when the server's buffer is full.
constexpr std::chrono::milliseconds kAckWithin{2'000};
constexpr int kTriesMax = 5;
constexpr std::size_t kChangesTogether = 250;

UniqueFd open_socket(int netns_fd) {
  const kernel::NamespaceScope scope(netns_fd);
  UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_in server{};
  server.sin_family = AF_INET;
  server.sin_port = htons(kDnsPort);
  server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (!fd || ::connect(fd.get(), reinterpret_cast<sockaddr*>(&server), sizeof server) != 0) {
    throw Error::from_errno(errno, "DNS: open a socket beside the server");
  }
  // One message may be as long as a datagram can be.
  const int size = 1 << 20;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
  return fd;
}

protocol::DnsQuestion soa_of(const std::string& zone) {
  protocol::DnsQuestion question;
  question.name = zone;
  question.type = "SOA";
  question.recurse = false;
  return question;
}

}  // namespace

ZoneUpdater::ZoneUpdater(loop::EventLoop& loop, const ZoneJournal& journal, int netns_fd, Hooks hooks,
                         std::chrono::milliseconds patience)
    : loop_(loop),
      journal_(journal),
      hooks_(std::move(hooks)),
      next_patience_(patience),
      patience_(patience, std::chrono::steady_clock::now()),
      socket_(open_socket(netns_fd)),
      zones_(journal.zones().size()) {
  for (std::size_t i = 0; i < zones_.size(); ++i) {
    zones_[i].position = journal_.end(i);
  }
  reader_ = loop_.call_when_readable(socket_.get(), [this] { read_replies(); });
}

ZoneUpdater::~ZoneUpdater() {
  loop_.cancel(reader_);
  loop_.cancel(timer_);
}

void ZoneUpdater::started(std::vector<ZoneJournal::Position> at) {
  zones_.assign(at.size(), {});
  for (std::size_t i = 0; i < at.size(); ++i) {
    zones_[i].position = at[i];
    zones_[i].id = next_id_++;  // of every question: a slow server's answer to the first will do
  }
  stage_ = Stage::Starting;
  patience_ = Patience(next_patience_, std::chrono::steady_clock::now());
  next_patience_ = std::min<std::chrono::milliseconds>(2 * next_patience_, kPatience);
  last_answer_ = "no reply";
  ask_for_zones();
}

void ZoneUpdater::stopped() {
  loop_.cancel(std::exchange(timer_, 0));
  stage_ = Stage::Starting;
}

void ZoneUpdater::ask_for_zones() {
  loop_.cancel(std::exchange(timer_, 0));
  if (patience_.is_over(std::chrono::steady_clock::now())) {
    return hooks_.on_failed(trouble());
  }
  for (std::size_t i = 0; i < zones_.size(); ++i) {
    if (!zones_[i].is_loaded) {
      send(protocol::encode_dns_query(soa_of(journal_.zones()[i]), zones_[i].id));
    }
  }
  timer_ = loop_.call_after(kAskEvery, [this] {
    timer_ = 0;
    ask_for_zones();
  });
}

// What cannot be sent is sent again in time: nobody listens yet, or any more.
void ZoneUpdater::send(const std::vector<std::uint8_t>& message) const {
  for (int tries = 0; tries < 2; ++tries) {
    if (::send(socket_.get(), message.data(), message.size(), MSG_NOSIGNAL) >= 0 || errno != ECONNREFUSED) {
      return;
    }
  }
}

void ZoneUpdater::read_replies() {
  std::array<std::uint8_t, 65536> buffer;
  for (;;) {
    const ssize_t size = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
    if (size > 0) {
      on_message({buffer.begin(), buffer.begin() + size});
    } else if (size < 0 && errno != ECONNREFUSED && errno != EINTR) {
      return;
    }
  }
}

void ZoneUpdater::on_message(const std::vector<std::uint8_t>& message) {
  const std::uint16_t id =
      message.size() < 2 ? std::uint16_t{0} : static_cast<std::uint16_t>(message[0] << 8 | message[1]);
  for (std::size_t i = 0; i < zones_.size(); ++i) {
    Zone& zone = zones_[i];
    if (zone.id != id) {
      continue;
    }
    const std::string& origin = journal_.zones()[i];
    if (zone.flight) {
      if (const DnsAck ack = decode_dns_ack(message, id); ack.is_reply) {
        on_ack(zone, ack.rcode);
      }
    } else if (!zone.is_loaded) {
      const protocol::DnsReply reply = protocol::decode_dns_reply(message, soa_of(origin), id);
      if (reply.is_reply) {
        last_answer_ = origin + " " + reply.rcode;
        on_zone_reply(zone, reply.rcode);
      }
    }
    return;
  }
}

void ZoneUpdater::on_zone_reply(Zone& zone, const std::string& rcode) {
  zone.is_loaded = rcode == "NOERROR";
  for (const Zone& other : zones_) {
    if (!other.is_loaded) {
      return;
    }
  }
  loop_.cancel(std::exchange(timer_, 0));
  stage_ = Stage::CatchingUp;
  for (std::size_t i = 0; i < zones_.size(); ++i) {
    zones_[i].wanted = journal_.end(i);
  }
  push();
  become_ready();
}

// Its zone files are of when it started: it is asked once it knows what changed until it answered. What comes
// later does not keep it back, or a lab in which something always changes would never have a server.
void ZoneUpdater::become_ready() {
  const auto knows = [](const Zone& zone) { return zone.position >= zone.wanted; };
  if (stage_ != Stage::CatchingUp || !std::all_of(zones_.begin(), zones_.end(), knows)) {
    return;
  }
  stage_ = Stage::Ready;
  next_patience_ = kPatience;
  hooks_.on_ready();
}

void ZoneUpdater::push() {
  for (std::size_t i = 0; stage_ != Stage::Starting && i < zones_.size(); ++i) {
    if (!zones_[i].flight && zones_[i].position != journal_.end(i)) {
      send_batch(zones_[i], i);
    }
  }
}

void ZoneUpdater::send_batch(Zone& zone, std::size_t index) {
  const std::size_t count = zone.singly > 0 ? 1 : kChangesTogether;
  zone.flight = journal_.batch(index, zone.position, count);
  zone.id = next_id_++;
  zone.tries = 1;
  try {
    zone.message = encode_dns_update(zone.flight->change, zone.id);
  } catch (const Error& error) {
    spdlog::error("DNS: {}: {}", zone.flight->owner, error.what());
    return on_ack(zone, "FORMERR");
  }
  send(zone.message);
  watch_flights();
}

void ZoneUpdater::on_ack(Zone& zone, const std::string& rcode) {
  const ZoneJournal::Batch batch = *std::exchange(zone.flight, std::nullopt);
  if (rcode == "NOERROR") {
    zone.position = batch.end;
    zone.singly -= std::min(zone.singly, batch.count);
  } else if (batch.count > 1) {
    zone.singly =
        batch.count;  // the message did nothing; which of them it is about shows when each goes alone
  } else {
    zone.position = batch.end;
    zone.singly -= std::min(zone.singly, batch.count);
    hooks_.on_refused(batch, rcode);
  }
  push();
  become_ready();
}

// One timer looks after all that is on its way.
void ZoneUpdater::watch_flights() {
  if (timer_ != 0) {
    return;
  }
  timer_ = loop_.call_after(kAckWithin, [this] {
    timer_ = 0;
    bool is_waiting = false;
    for (Zone& zone : zones_) {
      if (!zone.flight) {
        continue;
      }
      if (++zone.tries > kTriesMax) {
        stage_ = Stage::Starting;
        return hooks_.on_failed("it does not answer updates");
      }
      send(zone.message);
      is_waiting = true;
    }
    if (is_waiting) {
      watch_flights();
    }
  });
}

std::size_t ZoneUpdater::behind() const {
  std::size_t count = 0;
  for (std::size_t i = 0; i < zones_.size(); ++i) {
    count += journal_.end(i) - zones_[i].position;
  }
  return count;
}

}  // namespace labctl::nameserver
