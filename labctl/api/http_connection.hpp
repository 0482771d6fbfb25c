#pragma once

// JSON over HTTP/1.1 to a server that is no lab, over connections that somebody else opens: one at a time,
// kept while the server keeps it. Threads: one at a time.

#include "labctl/api/client.hpp"
#include "topology/base/unique_fd.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace labctl::api {

// Of a reply's body: who answers is a stranger. Ask for more in pieces.
inline constexpr std::size_t kReplyBytesMax = std::size_t{4} << 20U;

class HttpConnection {
 public:
  // `server` names it, in messages and as the Host ("127.0.0.1:2379"). `dial`
  // returns a connected socket or throws Error.
  HttpConnection(std::string server, std::function<UniqueFd()> dial, std::chrono::milliseconds timeout);
  ~HttpConnection();

  // A reply of 400 and more is returned, not thrown. Throws Error: Timeout when the reply
  // has not come in time, Kernel when the connection breaks or the reply is too long;
  // whether the request was carried out is then unknown.
  Reply post(std::string_view target, std::string_view body);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace labctl::api
