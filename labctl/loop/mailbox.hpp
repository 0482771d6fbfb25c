#pragma once

// Work handed to the main loop from other threads.

#include "labctl/loop/event_loop.hpp"
#include "topology/base/unique_fd.hpp"

#include <deque>
#include <functional>
#include <mutex>

namespace labctl::loop {

class Mailbox {
 public:
  // Droppable work beyond this many waiting pieces is dropped: it is what a flood of log lines may cost.
  static constexpr std::size_t kMaxDroppable = 100'000;

  // On the loop's thread; `loop` must outlive this. Throws Error without descriptors.
  explicit Mailbox(EventLoop& loop);
  ~Mailbox();
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  // From any thread, while this lives. Runs on the loop's thread, in the order posted.
  void post(std::function<void()> work);
  // False if it was dropped.
  bool post_droppable(std::function<void()> work);

 private:
  // Done in one go; the main loop has others to serve in between.
  static constexpr std::size_t kPiecesPerTurn = 256;

  void run();
  void wake();

  EventLoop& loop_;
  UniqueFd wake_;
  EventLoop::Id watch_ = 0;
  std::mutex mutex_;
  std::deque<std::function<void()>> work_;
};

}  // namespace labctl::loop
