#pragma once

// A connection of HTTP/1.1 that is kept from one request to the next, for as long as the other side keeps it.
// Threads: one at a time.

#include "labctl/api/socket_stream.hpp"
#include "topology/base/unique_fd.hpp"

#include <boost/beast/core/flat_buffer.hpp>

#include <chrono>
#include <functional>
#include <optional>

namespace labctl::api {

class KeptConnection {
 public:
  using Clock = std::chrono::steady_clock;

  // A request may meet a close that is on its way, and then nobody knows whether it was heard (RFC 9112, 9.3.1). No
  // server here lets a connection go sooner after a request than this, twice over (ServerLimits::idle_kept).
  static constexpr std::chrono::milliseconds kLongestIdle{250};

  // For the next request: what was kept, or what `dial` returns where there is none, its last request began more than
  // kLongestIdle ago, or the other side has closed it meanwhile. Throws what `dial` throws.
  SocketStream& ready(const std::function<UniqueFd()>& dial, Clock::time_point now = Clock::now());
  // What was read and not taken yet; of the connection that ready() returned.
  boost::beast::flat_buffer& buffer() { return buffer_; }
  void close() { stream_.reset(); }

 private:
  std::optional<SocketStream> stream_;
  Clock::time_point used_;
  boost::beast::flat_buffer buffer_;
};

}  // namespace labctl::api
