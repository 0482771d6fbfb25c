#pragma once

// An HTTP/1.1 server on a listening socket it is given: a thread per connection,
// keep-alive, pipelining, chunked streams and upgrades. Every limit is a number below, so
// that no client can make it grow or wait without end.
//
// A server that is full lets a connection go that waits for its next request, the longest idle first. Without
// one, a request waits a little for a place; some are answered without.
//
// Threads: the handler is called from connection threads, many at a time. The destructor stops accepting,
// shuts all connections down, requests `gone` of every request, and joins; handlers must return for it to
// finish. A process that ends need not destroy its server.

#include "labctl/api/http.hpp"
#include "topology/base/unique_fd.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace labctl::api {

struct ServerLimits {
  int connections = 64;                            // requests of further ones get 503
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
  // A connection keeps its place for so long without asking for anything, also when others want it.
  std::chrono::milliseconds idle_kept{500};
  // Of a connection beyond the bound: for its header and body together, and then for a place.
  std::chrono::milliseconds unplaced{1000};
  std::chrono::milliseconds place{2000};
  // Requests that are answered without a place, such as "GET /status".
  std::vector<std::string> always = {};
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
