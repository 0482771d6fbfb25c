#include "labctl/loop/main_loop.hpp"

#include "topology/base/current_exception.hpp"
#include "topology/base/error.hpp"

#include <spdlog/spdlog.h>
#include <boost/asio/error.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <map>
#include <mutex>

namespace labctl::loop {
namespace asio = boost::asio;

namespace {

using Piece = MainLoopOptions::Piece;

// What is readable stays so when its reader throws. The first time may be by chance; after that it waits.
constexpr std::chrono::milliseconds kReadAgainFirst{10};
constexpr std::chrono::milliseconds kReadAgainMost{1'000};

}  // namespace

struct MainLoop::State {
  struct Reader {
    std::unique_ptr<asio::posix::stream_descriptor> descriptor;
    std::function<void()> work;
    std::chrono::milliseconds pause{0};  // before it is asked again; 0: its last piece came to its end
  };

  MainLoopOptions options;
  std::function<void(const std::string&)> on_failure;
  // One thread runs it, others post: only the queue needs a lock.
  asio::io_context context;
  asio::executor_work_guard<asio::io_context::executor_type> guard{context.get_executor()};
  std::map<Id, std::unique_ptr<asio::steady_timer>> timers;
  std::map<Id, std::shared_ptr<Reader>> readers;  // shared: one that cancels itself is still at work
  Id next_id = 1;

  std::mutex mutex;  // of the two below
  std::condition_variable changed;
  bool ended = false;

  void do_piece(Piece piece, const std::function<void()>& work) const {
    options.around ? options.around(piece, work) : work();
  }

  // The door.
  bool carry_out(Piece piece, const std::function<void()>& work) noexcept {
    try {
      do_piece(piece, work);
      return true;
    } catch (...) {
      tell(words_of_current_exception());
      return false;
    }
  }

  void tell(const std::string& words) noexcept {
    try {
      if (on_failure) {
        on_failure(words);
      } else {
        spdlog::error("{}", words);
      }
    } catch (...) {
      spdlog::error("{}; and while that was told: {}", words, words_of_current_exception());
    }
  }

  void wait_readable(Id id) {
    const auto found = readers.find(id);
    if (found == readers.end()) {
      return;
    }
    found->second->descriptor->async_wait(
        asio::posix::stream_descriptor::wait_read, [this, id](const boost::system::error_code& error) {
          const auto readable = readers.find(id);
          if (error || readable == readers.end()) {
            return;
          }
          const std::shared_ptr<Reader> reader = readable->second;
          if (carry_out(Piece::Reader, reader->work)) {
            reader->pause = std::chrono::milliseconds(0);
            wait_readable(id);
          } else {
            reader->pause = std::clamp(2 * reader->pause, kReadAgainFirst, kReadAgainMost);
            read_again_later(id, reader->pause);
          }
        });
  }

  void read_again_later(Id id, std::chrono::milliseconds pause) {
    auto timer = std::make_shared<asio::steady_timer>(context, pause);
    timer->async_wait([this, id, timer](const boost::system::error_code&) { wait_readable(id); });
  }
};

MainLoop::MainLoop(MainLoopOptions options) : state_(std::make_unique<State>()) {
  state_->options = std::move(options);
}

MainLoop::~MainLoop() {
  for (auto& [id, reader] : state_->readers) {
    reader->descriptor->release();  // the descriptors are their owners'
  }
}

MainLoop::Id MainLoop::call_after(std::chrono::milliseconds delay, std::function<void()> work) {
  const Id id = state_->next_id++;
  auto timer = std::make_unique<asio::steady_timer>(state_->context, delay);
  timer->async_wait(
      [state = state_.get(), id, work = std::move(work)](const boost::system::error_code& error) {
        if (!error && state->timers.erase(id) == 1) {
          state->carry_out(Piece::Timer, work);
        }
      });
  state_->timers.emplace(id, std::move(timer));
  return id;
}

MainLoop::Id MainLoop::call_when_readable(int fd, std::function<void()> work) {
  const Id id = state_->next_id++;
  auto descriptor = std::make_unique<asio::posix::stream_descriptor>(state_->context, fd);
  state_->readers.emplace(
      id, std::make_shared<State::Reader>(State::Reader{std::move(descriptor), std::move(work)}));
  state_->wait_readable(id);
  return id;
}

void MainLoop::cancel(Id id) {
  state_->timers.erase(id);
  if (const auto found = state_->readers.find(id); found != state_->readers.end()) {
    found->second->descriptor->release();
    state_->readers.erase(found);
  }
}

bool MainLoop::carry_out(const std::function<void()>& work) { return state_->carry_out(Piece::Part, work); }

void MainLoop::set_on_failure(std::function<void(const std::string& words)> on_failure) {
  state_->on_failure = std::move(on_failure);
}

void MainLoop::run() {
  state_->context.run();
  const std::lock_guard lock(state_->mutex);
  state_->ended = true;
  state_->changed.notify_all();
}

bool MainLoop::run_until(const std::function<bool()>& is_done,
                         std::chrono::steady_clock::time_point deadline) {
  while (!is_done()) {
    if (state_->context.run_one_until(deadline) == 0) {
      return is_done();
    }
  }
  return true;
}

void MainLoop::stop() { state_->context.stop(); }

void MainLoop::post(std::function<void()> work) {
  asio::post(state_->context,
             [state = state_.get(), work = std::move(work)] { state->carry_out(Piece::Posted, work); });
}

void MainLoop::run_here(const std::function<void()>& work) {
  struct Call {
    bool done = false;
    std::exception_ptr failure;
  };
  // Shared: the loop may end, and this call give up, while the work is still queued.
  const auto call = std::make_shared<Call>();
  // Not through the door: whoever waits is told.
  asio::post(state_->context, [state = state_.get(), call, work] {
    std::exception_ptr failure;
    try {
      state->do_piece(Piece::Posted, work);
    } catch (const std::exception&) {
      failure = std::current_exception();
    } catch (...) {  // nobody out there knows what to do with it
      failure = std::make_exception_ptr(Error(ErrorKind::Internal, words_of_current_exception()));
    }
    const std::lock_guard lock(state->mutex);
    call->failure = failure;
    call->done = true;
    state->changed.notify_all();
  });
  std::unique_lock lock(state_->mutex);
  state_->changed.wait(lock, [&] { return call->done || state_->ended; });
  if (!call->done) {
    throw Error(ErrorKind::Busy, "the lab is going down");
  }
  if (call->failure) {
    std::rethrow_exception(call->failure);
  }
}

}  // namespace labctl::loop
