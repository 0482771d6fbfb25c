#pragma once

// What travels between command and supervisor: HTTP/1.1 requests and replies as values (RFC 9112).

#include "topology/base/cancel.hpp"
#include "topology/base/unique_fd.hpp"

#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace labctl::api {

struct Request {
  std::string method;                        // "GET"
  std::string target;                        // as sent: "/api/v1/pods?watch=1"
  std::string path;                          // decoded, without the query
  std::map<std::string, std::string> query;  // decoded
  std::string content_type;                  // without parameters, lower case; empty if none
  std::string body;
  // Requested once nobody waits for the reply any more: the client has closed its connection, or the server
  // ends. What may take long looks at it, and returns (whatever it likes) or throws. Borrowed for the call
  // and for the reply's functions; null: somebody waits to the end.
  const Cancel* gone = nullptr;
};

// The body of a streamed reply, sent piece by piece as chunked transfer coding.
// Threads: used by the one thread that runs Response::stream.
class ChunkWriter {
 public:
  virtual ~ChunkWriter() = default;
  // Sends one piece now. False when the client has gone, or has not read for
  // the server's write timeout: stop.
  virtual bool write(std::string_view piece) = 0;
  // False once the client has gone or the server is being stopped; never blocks.
  virtual bool is_open() const = 0;
  // To wait together with other descriptors: as Request::gone.
  virtual const Cancel& gone() const = 0;
};

// A reply: `body`, or one of the two functions, which run on the connection's thread. What `stream` throws
// ends the reply without its final chunk, so that the client can tell. `upgrade` makes the reply 101 and is
// given the connection's socket (blocking, nothing buffered), which it closes when done. `after` is called
// once `body` has gone out, or could not.
struct Response {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::function<void(ChunkWriter&)> stream;
  std::function<void(UniqueFd)> upgrade;
  std::function<void()> after;
};

}  // namespace labctl::api
