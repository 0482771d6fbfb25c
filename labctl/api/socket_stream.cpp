#include "labctl/api/socket_stream.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <ctime>

namespace labctl::api {
namespace {

timespec until(SocketStream::Clock::time_point deadline) {
  const auto left = std::max(deadline - SocketStream::Clock::now(), SocketStream::Clock::duration::zero());
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
  return {.tv_sec = seconds.count(),
          .tv_nsec = std::chrono::duration_cast<std::chrono::nanoseconds>(left - seconds).count()};
}

SocketStream::ErrorCode code_of(int errno_value) { return {errno_value, boost::system::system_category()}; }

}  // namespace

bool SocketStream::wait(short events) const {
  for (;;) {
    if (is_stopped()) {
      return false;
    }
    pollfd entry{.fd = fd_.get(), .events = events, .revents = 0};
    const bool forever = deadline_ == Clock::time_point::max();
    const timespec left = forever ? timespec{} : until(deadline_);
    const int ready = ::ppoll(&entry, 1, forever ? nullptr : &left, nullptr);
    if (ready > 0) {
      return true;
    }
    if (ready == 0) {
      return false;
    }
    if (errno != EINTR) {
      return true;  // the read or write that follows says what is wrong
    }
  }
}

size_t SocketStream::read_some(void* data, size_t size, ErrorCode& error) {
  for (;;) {
    const ssize_t got = ::recv(fd_.get(), data, size, MSG_DONTWAIT);
    if (got > 0) {
      error = {};
      return static_cast<size_t>(got);
    }
    if (got == 0) {
      error = boost::asio::error::eof;
      return 0;
    }
    if (errno == EINTR) {
      continue;
    }
    if (errno != EAGAIN && errno != EWOULDBLOCK) {
      error = code_of(errno);
      return 0;
    }
    if (!wait(POLLIN)) {
      error = is_stopped() ? boost::asio::error::operation_aborted : boost::asio::error::timed_out;
      return 0;
    }
  }
}

size_t SocketStream::write_some(const void* data, size_t size, ErrorCode& error) {
  for (;;) {
    const ssize_t put = ::send(fd_.get(), data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (put >= 0) {
      error = {};
      return static_cast<size_t>(put);
    }
    if (errno == EINTR) {
      continue;
    }
    if (errno != EAGAIN && errno != EWOULDBLOCK) {
      error = code_of(errno);
      return 0;
    }
    if (!wait(POLLOUT)) {
      error = is_stopped() ? boost::asio::error::operation_aborted : boost::asio::error::timed_out;
      return 0;
    }
  }
}

}  // namespace labctl::api
