#include "labctl/loop/mailbox.hpp"

#include "topology/base/error.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <utility>

namespace labctl::loop {

Mailbox::Mailbox(EventLoop& loop) : loop_(loop), wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!wake_) {
    throw Error::from_errno(errno, "eventfd");
  }
  watch_ = loop_.call_when_readable(wake_.get(), [this] { run(); });
}

Mailbox::~Mailbox() { loop_.cancel(watch_); }

void Mailbox::post(std::function<void()> work) {
  bool is_first = false;
  {
    const std::lock_guard lock(mutex_);
    is_first = work_.empty();
    work_.push_back(std::move(work));
  }
  if (is_first) {
    wake();
  }
}

bool Mailbox::post_droppable(std::function<void()> work) {
  {
    const std::lock_guard lock(mutex_);
    if (work_.size() >= kMaxDroppable) {
      return false;
    }
  }
  post(std::move(work));
  return true;
}

void Mailbox::run() {
  std::uint64_t count = 0;
  [[maybe_unused]] const ssize_t length = ::read(wake_.get(), &count, sizeof(count));
  std::deque<std::function<void()>> work;
  {
    const std::lock_guard lock(mutex_);
    for (std::size_t taken = 0; taken < kPiecesPerTurn && !work_.empty(); ++taken) {
      work.push_back(std::move(work_.front()));
      work_.pop_front();
    }
    if (!work_.empty()) {
      wake();
    }
  }
  for (const std::function<void()>& piece : work) {
    loop_.carry_out(piece);
  }
}

void Mailbox::wake() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(wake_.get(), &one, sizeof(one));
}

}  // namespace labctl::loop
