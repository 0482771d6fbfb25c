#pragma once

// An HTTP/1.1 server on a listening socket it is given: a thread per connection, keep-alive, pipelining,
// chunked streams and upgrades. Every limit is a number below, so that no client can make it grow or wait
// without end.
//
// Threads: the handler is called from connection threads, many at a time. The destructor stops accepting,
// shuts all connections down (streams see is_open() false) and joins; handlers must return for it to finish.

#include "labctl/api/http.hpp"
#include "topology/base/unique_fd.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

namespace labctl::api {

struct ServerLimits {
  int connections = 64;                            // further ones get 503 and are closed
  std::uint32_t header_bytes = 32 * 1024;          // request line and headers; beyond it 431
  std::uint64_t body_bytes = 64ULL * 1024 * 1024;  // beyond it 413
  // From one request's end to the next one's first byte.
  std::chrono::milliseconds idle{60'000};
  // For the whole header, however slowly its bytes come; beyond it 408.
  std::chrono::milliseconds header{10'000};
  // For the whole body; beyond it 408.
  std::chrono::milliseconds body{60'000};
  // For each piece of a reply to be taken by the client.
  std::chrono::milliseconds write{30'000};
};

class Server {
 public:
  // What `handler` throws becomes a Status object (status_error.hpp).
  using Handler = std::function<Response(const Request&)>;

  // Starts serving. `listening` is a stream socket after listen(2).
  // Throws Error: Kernel when threads or descriptors run out.
  Server(UniqueFd listening, Handler handler, ServerLimits limits = {});
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace labctl::api
