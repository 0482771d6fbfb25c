#pragma once

// A connection of HTTP/1.1 that is kept from one request to the next, for as long as the other side keeps it.
// Threads: one at a time.

#include "labctl/api/socket_stream.hpp"
#include "topology/base/unique_fd.hpp"

#include <boost/beast/core/flat_buffer.hpp>

#include <functional>
#include <optional>

namespace labctl::api {

class KeptConnection {
 public:
  // For the next request: what was kept, or what `dial` returns where there is none or the other side has
  // closed it meanwhile. Throws what `dial` throws.
  SocketStream& ready(const std::function<UniqueFd()>& dial);
  // What was read and not taken yet; of the connection that ready() returned.
  boost::beast::flat_buffer& buffer() { return buffer_; }
  void close() { stream_.reset(); }

 private:
  std::optional<SocketStream> stream_;
  boost::beast::flat_buffer buffer_;
};

}  // namespace labctl::api
