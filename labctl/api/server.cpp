#include "labctl/api/server.hpp"

#include "labctl/api/connection_table.hpp"
#include "labctl/api/socket_stream.hpp"
#include "labctl/api/status_error.hpp"
#include "labctl/api/uri.hpp"
#include "topology/base/error.hpp"
#include "topology/base/scope_exit.hpp"
#include "topology/base/signals_blocked.hpp"

#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
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
  SocketChunks(SocketStream& stream, const Cancel& gone, bool chunked, std::chrono::milliseconds timeout)
      : stream_(stream), gone_(gone), chunked_(chunked), timeout_(timeout) {}

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

  bool is_open() const override { return !failed_ && !gone_.requested(); }

  const Cancel& gone() const override { return gone_; }

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
  const Cancel& gone_;
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

// One client: reads requests and writes replies until either side has enough.
class Connection {
 public:
  Connection(UniqueFd fd, const Server::Handler& handler, const ServerLimits& limits, ConnectionTable& table,
             ConnectionTable::Entry& entry)
      : stream_(std::move(fd)),
        buffer_(limits.header_bytes + kReadAhead),
        handler_(handler),
        limits_(limits),
        table_(table),
        entry_(entry),
        has_place_(table.has_place(entry)) {}

  void run() {
    while (wait_for_request() && serve_one() == Next::KeepAlive && has_place_) {
    }
  }

 private:
  // Beast reads bodies through the buffer in pieces of at most 64 KiB.
  static constexpr size_t kReadAhead = 64 * 1024;

  void refuse(int status, const std::string& message, const std::string& hint = {}) {
    stream_.expires_after(std::chrono::milliseconds(100));
    write(to_response(status, message, hint), 11, false);
    linger();
  }

  void refuse_full() {
    refuse(503, "the lab serves " + std::to_string(limits_.connections) + " connections already",
           "end some of the commands that wait, follow or watch");
  }

  bool wait_for_request() {
    if (buffer_.size() > 0) {
      return true;  // pipelined
    }
    stream_.expires_after(has_place_ ? limits_.idle : limits_.unplaced);
    table_.begin_idle(entry_);
    const bool is_there = stream_.wait(POLLIN);
    if (!table_.end_idle(entry_)) {
      return false;
    }
    if (!is_there && !has_place_) {
      refuse_full();
    }
    return is_there;
  }

  // Whether the request whose header is in `parser` is to be answered.
  bool admit(const Parser& parser) {
    const auto target = parse_target(std::string_view(parser.get().target()));
    const std::string request =
        std::string(parser.get().method_string()) + " " + (target ? target->path : "");
    const bool is_always =
        std::find(limits_.always.begin(), limits_.always.end(), request) != limits_.always.end();
    has_place_ = table_.take_place(entry_, is_always ? std::chrono::milliseconds(0) : limits_.place);
    return has_place_ || is_always;
  }

  Next serve_one() {
    Parser parser;
    parser.header_limit(limits_.header_bytes);
    parser.body_limit(limits_.body_bytes);
    ErrorCode error;
    stream_.expires_after(has_place_ ? limits_.header : limits_.unplaced);
    http::read_header(stream_, buffer_, parser, error);
    if (!error && !admit(parser)) {
      refuse_full();
      return Next::Close;
    }
    if (!error && !parser.is_done()) {
      stream_.expires_after(has_place_ ? limits_.body : limits_.unplaced);
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
    const bool keep = message.keep_alive() && has_place_ && !entry_.gone().requested();
    Request request;
    request.gone = &entry_.gone();
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
    const ScopeExit after([&response] {
      if (response.after) {
        response.after();
      }
    });
    if (response.upgrade) {
      return upgrade(response, message);
    }
    if (response.stream) {
      return stream(response, version, keep);
    }
    stream_.expires_after(limits_.write);
    const bool head = request.method == "HEAD";
    return write(response, version, keep, head) && keep ? Next::KeepAlive : Next::Close;
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

  bool write(const Response& response, unsigned version, bool keep, bool head = false) {
    http::response<http::span_body<const char>> reply(static_cast<http::status>(response.status), version);
    reply.set(http::field::content_type, response.content_type);
    reply.keep_alive(keep);
    reply.body() = boost::beast::span<const char>(response.body.data(), response.body.size());
    reply.prepare_payload();
    ErrorCode error;
    http::response_serializer<http::span_body<const char>> serializer(reply);
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
    SocketChunks chunks(stream_, entry_.gone(), chunked, limits_.write);
    try {
      response.stream(chunks);
    } catch (const std::exception&) {
      return Next::Close;  // no final chunk: the client sees that the body is cut short
    }
    return chunks.finish() && keep && chunked ? Next::KeepAlive : Next::Close;
  }

  Next upgrade(const Response& response, const http::request<http::string_body>& message) {
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
  ConnectionTable& table_;
  ConnectionTable::Entry& entry_;
  bool has_place_;
};

}  // namespace

struct Server::State {
  State(UniqueFd socket, Handler answer, ServerLimits bounds)
      : listening(std::move(socket)),
        handler(std::move(answer)),
        limits(std::move(bounds)),
        table({.places = limits.connections, .idle_kept = limits.idle_kept}) {}

  const UniqueFd listening;
  const Handler handler;
  const ServerLimits limits;
  ConnectionTable table;
  Cancel stopping;
  std::thread acceptor;

  void accept_loop() {
    while (!stopping.requested()) {
      // Without room nobody is taken in: they wait in the socket's own queue.
      const bool has_room = table.has_room();
      pollfd entries[] = {{.fd = stopping.fd(), .events = POLLIN, .revents = 0},
                          {.fd = table.fd(), .events = POLLIN, .revents = 0},
                          {.fd = has_room ? listening.get() : -1, .events = POLLIN, .revents = 0}};
      if (::poll(entries, 3, -1) < 0 && errno != EINTR) {
        return;
      }
      if (entries[2].revents != 0) {
        accept_one();
      }
      table.look_after();
    }
  }

  void accept_one() {
    UniqueFd fd(::accept4(listening.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!fd) {
      // Out of descriptors: wait for a connection to end (its thread wakes us) rather than spin.
      if (errno == EMFILE || errno == ENFILE) {
        wait_readable(table.fd(), std::chrono::steady_clock::now() + std::chrono::seconds(1), &stopping);
      }
      return;
    }
    try {
      table.add(std::move(fd),
                [this](UniqueFd socket, ConnectionTable::Entry& entry) { serve(std::move(socket), entry); });
    } catch (const Error&) {
      // Out of descriptors or threads: this client is closed, the others go on.
    }
  }

  void serve(UniqueFd fd, ConnectionTable::Entry& entry) noexcept {
    try {
      Connection(std::move(fd), handler, limits, table, entry).run();
    } catch (const std::exception&) {
      // Out of memory for one request: its connection ends, the lab goes on.
    }
  }

  void stop() {
    stopping.request();
    acceptor.join();
    table.end_all();
  }
};

Server::Server(UniqueFd listening, Handler handler, ServerLimits limits)
    : state_(std::make_unique<State>(std::move(listening), std::move(handler), std::move(limits))) {
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
