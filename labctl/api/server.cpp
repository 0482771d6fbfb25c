#include "labctl/api/server.hpp"

#include "labctl/api/socket_stream.hpp"
#include "labctl/api/status_error.hpp"
#include "labctl/api/uri.hpp"
#include "topology/base/error.hpp"
#include "topology/base/signals_blocked.hpp"

#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>

namespace labctl::api {
namespace {

namespace http = boost::beast::http;
using Parser = http::request_parser<http::string_body>;
using ErrorCode = boost::beast::error_code;

// What the end of a request leaves of the connection.
enum class Next { KeepAlive, Close };

class SocketChunks final : public ChunkWriter {
 public:
  SocketChunks(SocketStream& stream, bool chunked, std::chrono::milliseconds timeout)
      : stream_(stream), chunked_(chunked), timeout_(timeout) {}

  bool write(std::string_view piece) override {
    if (failed_ || piece.empty()) {
      return !failed_;  // an empty chunk would end the body
    }
    stream_.expires_after(timeout_);
    ErrorCode error;
    const boost::asio::const_buffer data(piece.data(), piece.size());
    if (chunked_) {
      boost::asio::write(stream_, http::make_chunk(data), error);
    } else {
      boost::asio::write(stream_, data, error);
    }
    failed_ = bool(error);
    return !failed_;
  }

  bool is_open() const override {
    pollfd entry{.fd = stream_.fd(), .events = POLLRDHUP, .revents = 0};
    return !failed_ && ::poll(&entry, 1, 0) == 0;
  }

  int fd() const override { return stream_.fd(); }

  // Ends the body; false if the client has gone.
  bool finish() {
    ErrorCode error;
    if (chunked_ && !failed_) {
      stream_.expires_after(timeout_);
      boost::asio::write(stream_, http::make_chunk_last(), error);
    }
    return !failed_ && !error;
  }

 private:
  SocketStream& stream_;
  bool chunked_;
  std::chrono::milliseconds timeout_;
  bool failed_ = false;
};

std::string media_type(std::string_view header) {
  std::string out(header.substr(0, header.find(';')));
  while (!out.empty() && out.back() == ' ') {
    out.pop_back();
  }
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? char(c | 0x20) : c; });
  return out;
}

Response plain_error(int status, std::string_view message) {
  // Below the API: there is no labctl::Error for "408", so the code is put on by hand.
  Response response = to_response(Error(ErrorKind::InvalidInput, std::string(message)));
  response.status = status;
  return response;
}

// One client: reads requests and writes replies until either side has enough.
class Connection {
 public:
  Connection(UniqueFd fd, const Server::Handler& handler, const ServerLimits& limits,
             const std::atomic<bool>& stopping)
      : stream_(std::move(fd)),
        buffer_(limits.header_bytes + kReadAhead),
        handler_(handler),
        limits_(limits),
        stopping_(stopping) {}

  void run() {
    while (!stopping_ && wait_for_request() && serve_one() == Next::KeepAlive) {
    }
  }

  void refuse(int status, std::string_view message) {
    stream_.expires_after(std::chrono::milliseconds(100));
    write(plain_error(status, message), 11, false);
    linger();
  }

 private:
  // Beast reads bodies through the buffer in pieces of at most 64 KiB.
  static constexpr size_t kReadAhead = 64 * 1024;

  bool wait_for_request() {
    if (buffer_.size() > 0) {
      return true;  // pipelined
    }
    stream_.expires_after(limits_.idle);
    return stream_.wait(POLLIN);
  }

  Next serve_one() {
    Parser parser;
    parser.header_limit(limits_.header_bytes);
    parser.body_limit(limits_.body_bytes);
    ErrorCode error;
    stream_.expires_after(limits_.header);
    http::read_header(stream_, buffer_, parser, error);
    if (!error && !parser.is_done()) {
      stream_.expires_after(limits_.body);
      if (parser.get()[http::field::expect] == "100-continue") {
        boost::asio::write(stream_, boost::asio::buffer(std::string_view("HTTP/1.1 100 Continue\r\n\r\n")),
                           error);
      }
      if (!error) {
        http::read(stream_, buffer_, parser, error);
      }
    }
    if (error) {
      return refuse_request(error);
    }
    return answer(parser.release());
  }

  Next refuse_request(const ErrorCode& error) {
    if (error == http::error::header_limit || error == http::error::buffer_overflow) {
      refuse(431, "request header: larger than " + std::to_string(limits_.header_bytes) + " bytes");
    } else if (error == http::error::body_limit) {
      refuse(413, "request body: larger than " + std::to_string(limits_.body_bytes) + " bytes");
    } else if (error == boost::asio::error::timed_out) {
      refuse(408, "request: not complete in time");
    } else if (error.category() == http::make_error_code(http::error::bad_method).category() &&
               error != http::error::end_of_stream && error != http::error::partial_message) {
      refuse(400, "request: " + error.message());
    }
    return Next::Close;
  }

  Next answer(http::request<http::string_body> message) {
    const unsigned version = message.version();
    const bool keep = message.keep_alive() && !stopping_;
    Request request;
    request.method = std::string(message.method_string());
    request.target = std::string(message.target());
    request.content_type = media_type(std::string_view(message[http::field::content_type]));
    request.body = std::move(message.body());
    auto target = parse_target(request.target);
    if (!target) {
      refuse(400, "request target: not a path");
      return Next::Close;
    }
    request.path = std::move(target->path);
    request.query = std::move(target->query);
    Response response = call(request);
    if (response.upgrade) {
      return upgrade(std::move(response), message);
    }
    if (response.stream) {
      return stream(response, version, keep);
    }
    stream_.expires_after(limits_.write);
    const bool head = request.method == "HEAD";
    return write(std::move(response), version, keep, head) && keep ? Next::KeepAlive : Next::Close;
  }

  Response call(const Request& request) {
    try {
      return handler_(request);
    } catch (const Error& error) {
      return to_response(error);
    } catch (const std::exception& error) {
      return to_response(Error(ErrorKind::Internal, error.what()));
    }
  }

  bool write(Response response, unsigned version, bool keep, bool head = false) {
    http::response<http::string_body> reply(static_cast<http::status>(response.status), version);
    reply.set(http::field::content_type, response.content_type);
    reply.keep_alive(keep);
    reply.body() = std::move(response.body);
    reply.prepare_payload();
    ErrorCode error;
    http::response_serializer<http::string_body> serializer(reply);
    if (head) {
      http::write_header(stream_, serializer, error);
    } else {
      http::write(stream_, serializer, error);
    }
    return !error;
  }

  Next stream(const Response& response, unsigned version, bool keep) {
    // HTTP/1.0 knows no chunks: there the end of the connection is the end of the body.
    const bool chunked = version >= 11;
    http::response<http::empty_body> reply(static_cast<http::status>(response.status), version);
    reply.set(http::field::content_type, response.content_type);
    reply.keep_alive(keep && chunked);
    reply.chunked(chunked);
    ErrorCode error;
    stream_.expires_after(limits_.write);
    http::response_serializer<http::empty_body> serializer(reply);
    http::write_header(stream_, serializer, error);
    if (error) {
      return Next::Close;
    }
    SocketChunks chunks(stream_, chunked, limits_.write);
    try {
      response.stream(chunks);
    } catch (const std::exception&) {
      return Next::Close;  // no final chunk: the client sees that the body is cut short
    }
    return chunks.finish() && keep && chunked ? Next::KeepAlive : Next::Close;
  }

  Next upgrade(Response response, const http::request<http::string_body>& message) {
    if (buffer_.size() > 0) {
      refuse(400, "upgrade: data sent before the reply");
      return Next::Close;
    }
    const auto protocol = message[http::field::upgrade];
    http::response<http::empty_body> reply(http::status::switching_protocols, message.version());
    reply.set(http::field::connection, "Upgrade");
    reply.set(http::field::upgrade, protocol.empty() ? "labctl-exec" : protocol);
    ErrorCode error;
    stream_.expires_after(limits_.write);
    http::write(stream_, reply, error);
    if (error) {
      return Next::Close;
    }
    UniqueFd fd = stream_.release();
    const int flags = ::fcntl(fd.get(), F_GETFL);
    ::fcntl(fd.get(), F_SETFL, flags & ~O_NONBLOCK);
    try {
      response.upgrade(std::move(fd));
    } catch (const std::exception&) {
      // The reply has gone out; closing the socket is all the answer there is.
    }
    return Next::Close;
  }

  // Reads on for a moment after the last reply: closing with unread data would take the reply away from a
  // client that is still sending.
  void linger() {
    constexpr size_t kMost = 1024 * 1024;
    ::shutdown(stream_.fd(), SHUT_WR);
    stream_.expires_after(std::chrono::milliseconds(500));
    std::string sink(16 * 1024, '\0');
    ErrorCode error;
    for (size_t total = 0; !error && total < kMost;) {
      total += stream_.read_some(boost::asio::buffer(sink), error);
    }
  }

  SocketStream stream_;
  boost::beast::flat_buffer buffer_;
  const Server::Handler& handler_;
  const ServerLimits& limits_;
  const std::atomic<bool>& stopping_;
};

}  // namespace

struct Server::State {
  // Threads beyond the bound, that only say so.
  static constexpr long kRefusals = 16;

  struct Client {
    std::thread thread;
    UniqueFd socket;  // a duplicate, to shut the connection down from here
    bool done = false;
  };

  UniqueFd listening;
  UniqueFd wake;
  Handler handler;
  ServerLimits limits;
  std::atomic<bool> stopping{false};
  std::mutex mutex;
  std::list<Client> clients;  // guarded by mutex; nodes stay where they are
  std::thread acceptor;

  void accept_loop() {
    while (!stopping) {
      pollfd entries[] = {{.fd = listening.get(), .events = POLLIN, .revents = 0},
                          {.fd = wake.get(), .events = POLLIN, .revents = 0}};
      if (::poll(entries, 2, -1) < 0 && errno != EINTR) {
        return;
      }
      if (entries[0].revents != 0) {
        accept_one();
      }
      reap();
    }
  }

  void accept_one() {
    UniqueFd fd(::accept4(listening.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!fd) {
      // Out of descriptors: wait for a connection to end (its thread wakes us) rather than spin.
      if (errno == EMFILE || errno == ENFILE) {
        pollfd entry{.fd = wake.get(), .events = POLLIN, .revents = 0};
        ::poll(&entry, 1, 1000);
      }
      return;
    }
    const std::lock_guard lock(mutex);
    const auto live =
        std::count_if(clients.begin(), clients.end(), [](const Client& client) { return !client.done; });
    UniqueFd duplicate(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 0));
    // A few beyond the bound are told so; still more are closed without a word.
    if (live >= limits.connections + kRefusals || !duplicate) {
      return;
    }
    const bool full = live >= limits.connections;
    Client& client = clients.emplace_back();
    client.socket = std::move(duplicate);
    try {
      client.thread = std::thread([this, &client, full, fd = std::move(fd)]() mutable {
        serve(std::move(fd), full);
        const std::lock_guard done_lock(mutex);
        client.done = true;
        client.socket.reset();
        notify();
      });
    } catch (const std::system_error&) {
      clients.pop_back();  // out of threads: this client is closed, the others go on
    }
  }

  void serve(UniqueFd fd, bool full) noexcept {
    try {
      Connection connection(std::move(fd), handler, limits, stopping);
      if (full) {
        connection.refuse(503,
                          "the lab serves " + std::to_string(limits.connections) + " connections already");
      } else {
        connection.run();
      }
    } catch (const std::exception&) {
      // Out of memory for one request: its connection ends, the lab goes on.
    }
  }

  void notify() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(wake.get(), &one, sizeof one);
  }

  void reap() {
    std::uint64_t count = 0;
    [[maybe_unused]] const ssize_t got = ::read(wake.get(), &count, sizeof count);
    std::list<Client> ended;
    {
      const std::lock_guard lock(mutex);
      for (auto it = clients.begin(); it != clients.end();) {
        const auto next = std::next(it);
        if (it->done) {
          ended.splice(ended.end(), clients, it);
        }
        it = next;
      }
    }
    for (Client& client : ended) {
      client.thread.join();
    }
  }

  void stop() {
    stopping = true;
    notify();
    acceptor.join();
    {
      const std::lock_guard lock(mutex);
      for (Client& client : clients) {
        if (client.socket) {
          ::shutdown(client.socket.get(), SHUT_RDWR);
        }
      }
    }
    for (Client& client : clients) {
      client.thread.join();
    }
  }
};

Server::Server(UniqueFd listening, Handler handler, ServerLimits limits) : state_(std::make_unique<State>()) {
  state_->listening = std::move(listening);
  state_->handler = std::move(handler);
  state_->limits = limits;
  state_->wake.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!state_->wake) {
    throw Error::from_errno(errno, "make an eventfd");
  }
  const int flags = ::fcntl(state_->listening.get(), F_GETFL);
  ::fcntl(state_->listening.get(), F_SETFL, flags | O_NONBLOCK);
  const SignalsBlocked blocked;  // inherited by the acceptor, and from it by the connections
  try {
    state_->acceptor = std::thread([state = state_.get()] { state->accept_loop(); });
  } catch (const std::system_error& error) {
    throw Error::from_errno(error.code().value(), "start a thread");
  }
}

Server::~Server() { state_->stop(); }

}  // namespace labctl::api
