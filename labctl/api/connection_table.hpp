#pragma once

// The connections of a server, and who of them has a place. There are so many places; a few connections more
// are held until one is free, or until what they ask for turns out to need none. A connection that waits for
// a request gives its place up to one that has a request, the longest idle first.
//
// Also who has hung up: a request that waits, or works for long, looks at its connection's `gone`.
//
// Threads: any. Internal to this room.

#include "topology/base/cancel.hpp"
#include "topology/base/unique_fd.hpp"

#include <chrono>
#include <condition_variable>
#include <functional>
#include <list>
#include <mutex>
#include <optional>
#include <thread>

namespace labctl::api {

class ConnectionTable {
 public:
  using Clock = std::chrono::steady_clock;

  struct Bounds {
    int places = 64;
    int beyond = 16;  // held without a place
    // So long a connection keeps its place although it asks for nothing: its first request may be on the way.
    std::chrono::milliseconds idle_kept{500};
  };

  class Entry {
   public:
    // Requested once the client has closed its connection, or the server ends. One that has only finished
    // sending (shutdown(2)) waits for its reply.
    const Cancel& gone() const { return gone_; }

   private:
    friend class ConnectionTable;
    std::thread thread_;
    Cancel gone_;
    // The rest is the table's, under its lock.
    UniqueFd socket_;                              // a duplicate, to look at and to shut down
    std::optional<Clock::time_point> idle_since_;  // set while it waits for a request
    bool has_place_ = false;
    bool is_dropped_ = false;
    bool is_done_ = false;
  };

  // Throws Error (Kernel) without descriptors.
  explicit ConnectionTable(Bounds bounds);

  // False when as many are held as may be.
  bool has_room();
  // Takes a connection in and has `serve` run for it on a thread of its own; with a place, if there is one
  // free. Throws Error (Kernel) without descriptors or threads.
  void add(UniqueFd socket, const std::function<void(UniqueFd, Entry&)>& serve);

  bool has_place(const Entry& entry);
  // Around the wait for a request. end_idle() is false when the connection has been dropped meanwhile.
  void begin_idle(Entry& entry);
  bool end_idle(Entry& entry);
  // Waits at most `patience` for a place, unless the entry has one; an idle connection may have to go for it.
  bool take_place(Entry& entry, std::chrono::milliseconds patience);

  // Readable when somebody may have hung up, or a connection has ended: then call look_after().
  int fd() const { return epoll_.get(); }
  // Tells those whose client has hung up, and joins threads that are at their end.
  void look_after();
  // Tells and shuts down all, and joins their threads. Nothing may be added any more.
  void end_all();

 private:
  int places_taken() const;
  bool drop_longest_idle();
  std::optional<Clock::time_point> next_droppable() const;
  void leave(Entry& entry);
  void remove_ended();

  const Bounds bounds_;
  UniqueFd epoll_;
  Wakeup ended_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::list<Entry> entries_;  // nodes stay where they are
};

}  // namespace labctl::api
