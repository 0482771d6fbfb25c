#include "labctl/supervisor/main_loop.hpp"

#include "topology/base/error.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <condition_variable>
#include <exception>
#include <map>
#include <mutex>

namespace labctl::supervisor {
namespace asio = boost::asio;

struct MainLoop::State {
  // One thread runs it, others post: only the queue needs a lock.
  asio::io_context context;
  asio::executor_work_guard<asio::io_context::executor_type> guard{context.get_executor()};
  std::map<Id, std::unique_ptr<asio::steady_timer>> timers;
  std::map<Id, std::unique_ptr<asio::posix::stream_descriptor>> readers;
  Id next_id = 1;

  std::mutex mutex;  // of the two below
  std::condition_variable changed;
  bool ended = false;

  void wait_readable(Id id, const std::function<void()>& work) {
    const auto found = readers.find(id);
    if (found == readers.end()) {
      return;
    }
    found->second->async_wait(asio::posix::stream_descriptor::wait_read,
                              [this, id, work](const boost::system::error_code& error) {
                                if (error || !readers.contains(id)) {
                                  return;
                                }
                                work();
                                wait_readable(id, work);
                              });
  }
};

MainLoop::MainLoop() : state_(std::make_unique<State>()) {}

MainLoop::~MainLoop() {
  for (auto& [id, reader] : state_->readers) {
    reader->release();  // the descriptors are their owners'
  }
}

MainLoop::Id MainLoop::call_after(std::chrono::milliseconds delay, std::function<void()> work) {
  const Id id = state_->next_id++;
  auto timer = std::make_unique<asio::steady_timer>(state_->context, delay);
  timer->async_wait(
      [state = state_.get(), id, work = std::move(work)](const boost::system::error_code& error) {
        if (!error && state->timers.erase(id) == 1) {
          work();
        }
      });
  state_->timers.emplace(id, std::move(timer));
  return id;
}

MainLoop::Id MainLoop::call_when_readable(int fd, std::function<void()> work) {
  const Id id = state_->next_id++;
  state_->readers.emplace(id, std::make_unique<asio::posix::stream_descriptor>(state_->context, fd));
  state_->wait_readable(id, work);
  return id;
}

void MainLoop::cancel(Id id) {
  state_->timers.erase(id);
  if (const auto found = state_->readers.find(id); found != state_->readers.end()) {
    found->second->release();
    state_->readers.erase(found);
  }
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

void MainLoop::post(std::function<void()> work) { asio::post(state_->context, std::move(work)); }

void MainLoop::run_here(const std::function<void()>& work) {
  struct Call {
    bool done = false;
    std::exception_ptr failure;
  };
  // Shared: the loop may end, and this call give up, while the work is still queued.
  const auto call = std::make_shared<Call>();
  post([state = state_.get(), call, work] {
    std::exception_ptr failure;
    try {
      work();
    } catch (...) {
      failure = std::current_exception();
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

}  // namespace labctl::supervisor
