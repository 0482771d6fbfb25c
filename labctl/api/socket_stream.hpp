#pragma once

// A connected stream socket with a deadline, as Beast's synchronous functions want one
// (SyncReadStream and SyncWriteStream). Asio's own blocking sockets wait without end, and
// ignore SO_RCVTIMEO. Internal to this room.

#include "topology/base/unique_fd.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/system/system_error.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <utility>

namespace labctl::api {

class SocketStream {
 public:
  using Clock = std::chrono::steady_clock;
  using ErrorCode = boost::beast::error_code;

  // The descriptor may be blocking or not: every call is made with MSG_DONTWAIT after poll(2).
  explicit SocketStream(UniqueFd fd) : fd_(std::move(fd)) {}

  int fd() const { return fd_.get(); }
  UniqueFd release() { return std::move(fd_); }
  void expires_after(std::chrono::milliseconds time) { deadline_ = Clock::now() + time; }
  void expires_never() { deadline_ = Clock::time_point::max(); }

  // Waiting ends when `stop` is not null and not 0, as a signal handler sets it. Borrowed.
  void stop_when(const std::atomic<int>* stop) { stop_ = stop; }

  // Waits for POLLIN or POLLOUT; false after the deadline, or when stopped.
  bool wait(short events) const;

  template <typename Buffers>
  size_t read_some(const Buffers& buffers, ErrorCode& error) {
    for (auto it = boost::asio::buffer_sequence_begin(buffers);
         it != boost::asio::buffer_sequence_end(buffers); ++it) {
      const boost::asio::mutable_buffer part(*it);
      if (part.size() > 0) {
        return read_some(part.data(), part.size(), error);
      }
    }
    error = {};
    return 0;
  }
  template <typename Buffers>
  size_t read_some(const Buffers& buffers) {
    ErrorCode error;
    const size_t size = read_some(buffers, error);
    throw_if(error);
    return size;
  }

  template <typename Buffers>
  size_t write_some(const Buffers& buffers, ErrorCode& error) {
    for (auto it = boost::asio::buffer_sequence_begin(buffers);
         it != boost::asio::buffer_sequence_end(buffers); ++it) {
      const boost::asio::const_buffer part(*it);
      if (part.size() > 0) {
        return write_some(part.data(), part.size(), error);
      }
    }
    error = {};
    return 0;
  }
  template <typename Buffers>
  size_t write_some(const Buffers& buffers) {
    ErrorCode error;
    const size_t size = write_some(buffers, error);
    throw_if(error);
    return size;
  }

 private:
  static void throw_if(const ErrorCode& error) {
    if (error) {
      throw boost::system::system_error(error);
    }
  }
  size_t read_some(void* data, size_t size, ErrorCode& error);
  size_t write_some(const void* data, size_t size, ErrorCode& error);

  bool is_stopped() const { return stop_ != nullptr && *stop_ != 0; }

  UniqueFd fd_;
  const std::atomic<int>* stop_ = nullptr;
  Clock::time_point deadline_ = Clock::time_point::max();
};

}  // namespace labctl::api
