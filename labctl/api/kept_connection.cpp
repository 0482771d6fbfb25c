#include "labctl/api/kept_connection.hpp"

#include <poll.h>

namespace labctl::api {

SocketStream& KeptConnection::ready(const std::function<UniqueFd()>& dial, Clock::time_point now) {
  if (stream_) {
    pollfd entry{.fd = stream_->fd(), .events = POLLIN | POLLRDHUP, .revents = 0};
    if (now - used_ > kLongestIdle || buffer_.size() > 0 || ::poll(&entry, 1, 0) != 0) {
      close();
    }
  }
  if (!stream_) {
    buffer_.clear();
    stream_.emplace(dial());
  }
  used_ = now;
  return *stream_;
}

}  // namespace labctl::api
