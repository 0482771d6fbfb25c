#pragma once

// Keeps one running DNS server at the state of the journal: waits until it answers for its zones, then sends
// each change as an UPDATE (RFC 2136), one message on its way for each zone. What comes meanwhile goes
// together in the next.
//
// The server is asked from its own network namespace, at 127.0.0.1: it takes updates from nowhere else.
//
// Threads: the main loop's.

#include "labctl/loop/event_loop.hpp"
#include "labctl/nameserver/patience.hpp"
#include "labctl/nameserver/zone_journal.hpp"
#include "topology/base/unique_fd.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace labctl::nameserver {

class ZoneUpdater {
 public:
  struct Hooks {
    // It answers for all zones, and knows what changed until then.
    std::function<void()> on_ready;
    // It does not take this one change and says `rcode`; the change is passed over.
    std::function<void(const ZoneJournal::Batch& refused, const std::string& rcode)> on_refused;
    // It is silent, or knows no zone, long after it started; `why` says which.
    std::function<void(const std::string& why)> on_failed;
  };

  // A server that has 10,000 Services to read needs less than a second.
  static constexpr std::chrono::seconds kPatience{60};

  // All must outlive this. `netns_fd` is used here only. A server that has not answered for its zones when it
  // was asked for so long as `patience` has failed. Each further start in vain has twice as long, up to
  // kPatience, and so has one that was ready before. Throws Error Kernel.
  ZoneUpdater(loop::EventLoop& loop, const ZoneJournal& journal, int netns_fd, Hooks hooks,
              std::chrono::milliseconds patience = kPatience);
  ~ZoneUpdater();
  ZoneUpdater(const ZoneUpdater&) = delete;
  ZoneUpdater& operator=(const ZoneUpdater&) = delete;

  // The server starts now, with zone files as of `at` (by zone), which the journal has not forgotten.
  void started(std::vector<ZoneJournal::Position> at);
  // It has ended, and will be started again: until then it is not asked.
  void stopped();
  // Sends what the journal has more, if the server is there and nothing is on its way.
  void push();

  bool is_ready() const { return stage_ == Stage::Ready; }
  // Why it is not: "it does not answer for its zones: no reply".
  std::string trouble() const { return "it does not answer for its zones: " + last_answer_; }
  // Changes that it does not have yet.
  std::size_t behind() const;
  // What it needs the journal for. Before started(): nothing.
  ZoneJournal::Position position(std::size_t zone) const { return zones_[zone].position; }

 private:
  enum class Stage {
    Starting,    // or away: it is not sent anything but questions for its zones
    CatchingUp,  // it answers for all of them, and takes updates
    Ready,
  };
  struct Zone {
    ZoneJournal::Position position = 0;
    ZoneJournal::Position wanted = 0;  // to be ready
    bool is_loaded = false;
    std::optional<ZoneJournal::Batch> flight;  // on its way
    std::vector<std::uint8_t> message;
    std::uint16_t id = 0;  // of the question or update last sent
    int tries = 0;
    std::size_t singly = 0;  // so many changes one by one: one of them was refused
  };

  void ask_for_zones();
  void become_ready();
  void read_replies();
  void on_message(const std::vector<std::uint8_t>& message);
  void on_zone_reply(Zone& zone, const std::string& rcode);
  void on_ack(Zone& zone, const std::string& rcode);
  void send_batch(Zone& zone, std::size_t index);
  void send(const std::vector<std::uint8_t>& message) const;
  void watch_flights();

  loop::EventLoop& loop_;
  const ZoneJournal& journal_;
  Hooks hooks_;
  std::chrono::milliseconds next_patience_;
  Patience patience_;
  UniqueFd socket_;
  std::vector<Zone> zones_;
  std::uint16_t next_id_ = 1;
  Stage stage_ = Stage::Starting;
  std::string last_answer_ = "it was not started";
  loop::EventLoop::Id reader_ = 0;
  loop::EventLoop::Id timer_ = 0;
};

}  // namespace labctl::nameserver
