#pragma once

// The command's end: requests to the supervisor of one lab, over its Unix socket.
//
// One connection, opened at the first request and kept. Threads: one at a time; make one Client a thread.

#include "labctl/api/http.hpp"
#include "topology/base/unique_fd.hpp"

#include <nlohmann/json_fwd.hpp>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace labctl::api {

struct Reply {
  int status = 0;
  std::string content_type;
  std::string body;

  bool is_error() const { return status >= 400; }
  // The body parsed. Throws Error Internal when it is not JSON.
  nlohmann::json json() const;
};

class Client {
 public:
  // `socket` is <runtime folder>/<lab>/<file>: the folder's name is the lab's, for messages. `timeout` bounds
  // each request up to its reply's end (for streams and upgrades: to the end of the reply's header).
  explicit Client(std::filesystem::path socket, std::chrono::milliseconds timeout = std::chrono::seconds(30));
  ~Client();
  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;

  const std::string& lab() const;

  // Ends a request that waits when `stop` is not 0, as a signal handler sets it: Error Timeout. Borrowed.
  void stop_when(const std::atomic<int>& stop);

  // Any request; a reply of 400 and more is returned, not thrown.
  // Throws Error: NotFound when the lab is not up, Permission when the folder or who listens in it is another
  // user's (nothing is sent then), Timeout, and Kernel when the lab goes away in between.
  Reply send(std::string_view method, std::string_view target, std::string_view body = {},
             std::string_view content_type = "application/json");

  // As send(), but a reply of 400 and more is thrown as the Error that the supervisor threw.
  Reply get(std::string_view target);
  Reply post(std::string_view target, std::string_view body);
  Reply put(std::string_view target, std::string_view body);
  Reply patch(std::string_view target, std::string_view body);  // a merge patch, RFC 7396

  // Hands over the reply's body as it comes, until it ends or `on_chunk` returns false (then the connection
  // is closed). Pieces are as the network cuts them, not as the server wrote them. A `limit` bounds the whole
  // stream (Error Timeout); zero is none.
  void stream(std::string_view method, std::string_view target, std::string_view body,
              const std::function<bool(std::string_view)>& on_chunk, std::chrono::milliseconds limit = {});
  // As stream(), cut into lines, without their newlines; a last line without one is handed over too.
  void lines(std::string_view method, std::string_view target, std::string_view body,
             const std::function<bool(std::string_view)>& on_line, std::chrono::milliseconds limit = {});

  // Asks for another protocol and returns the socket to speak it on (blocking).
  // Throws Error Unsupported when the reply is not 101, and the supervisor's error when it is one.
  UniqueFd upgrade(std::string_view method, std::string_view target, std::string_view body,
                   std::string_view protocol = "labctl-exec");

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace labctl::api
