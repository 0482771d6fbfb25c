#include "labctl/api/client.hpp"

#include "labctl/api/kept_connection.hpp"
#include "labctl/api/status_error.hpp"
#include "labctl/api/unix_socket.hpp"
#include "topology/base/duration.hpp"
#include "topology/base/error.hpp"

#include <boost/beast/http.hpp>
#include <nlohmann/json.hpp>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <utility>

namespace labctl::api {
namespace {

namespace http = boost::beast::http;
using ErrorCode = boost::beast::error_code;

template <typename Body>
Reply head_of(const http::response_parser<Body>& parser) {
  return {.status = static_cast<int>(parser.get().result_int()),
          .content_type = std::string(parser.get()[http::field::content_type]),
          .body = {}};
}

UniqueFd connect(const std::filesystem::path& socket, const std::string& lab,
                 std::chrono::milliseconds timeout) {
  try {
    return connect_unix(socket, timeout);
  } catch (Error& error) {
    if (error.kind() == ErrorKind::NotFound) {
      throw Error(ErrorKind::NotFound, "lab \"" + lab + "\" is not up",
                  "`labctl ls` shows the labs that are, `labctl up` boots one");
    }
    error.add_frame("lab \"" + lab + "\"");
    throw;
  }
}

}  // namespace

nlohmann::json Reply::json() const {
  nlohmann::json value = nlohmann::json::parse(body, nullptr, false);
  if (value.is_discarded()) {
    throw Error(ErrorKind::Internal, "reply of the lab: not JSON: " + body.substr(0, 200));
  }
  return value;
}

struct Client::State {
  std::filesystem::path socket;
  std::string lab;
  std::chrono::milliseconds timeout{};
  std::chrono::milliseconds allowed{};  // for what is going on now; for its message
  const std::atomic<int>* stop = nullptr;
  KeptConnection connection;

  SocketStream& ready() {
    // To connect counts too: a lab whose queue is full makes us wait for that already.
    const auto begun = std::chrono::steady_clock::now();
    SocketStream& stream = connection.ready([this] { return connect(socket, lab, timeout); });
    allowed = timeout;
    stream.expires_after(
        allowed - std::chrono::floor<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begun));
    stream.stop_when(stop);
    return stream;
  }

  [[noreturn]] void fail(const ErrorCode& error, std::string_view method, std::string_view target) {
    connection.close();
    const std::string act = "lab \"" + lab + "\": " + std::string(method) + " " + std::string(target);
    if (error == boost::asio::error::operation_aborted) {
      throw Error(ErrorKind::Timeout, act + ": stopped");
    }
    if (error == boost::asio::error::timed_out) {
      throw Error(ErrorKind::Timeout, act + ": not done in " + to_string(std::chrono::microseconds(allowed)),
                  "a longer --timeout, or `labctl status` to see what the lab is doing");
    }
    if (error == boost::asio::error::eof || error == http::error::end_of_stream ||
        error == http::error::partial_message || error == boost::asio::error::connection_reset ||
        error == boost::asio::error::broken_pipe) {
      throw Error(ErrorKind::Kernel, act + ": the lab went away", "`labctl ls` shows the labs that are up");
    }
    throw Error(ErrorKind::Kernel, act + ": " + error.message());
  }

  void write(SocketStream& stream, std::string_view method, std::string_view target, std::string_view body,
             std::string_view content_type, std::string_view protocol) {
    http::request<http::span_body<const char>> request;
    request.method_string(boost::beast::string_view(method.data(), method.size()));
    request.target(boost::beast::string_view(target.data(), target.size()));
    request.version(11);
    request.set(http::field::host, "labctl");
    if (!protocol.empty()) {
      request.set(http::field::connection, "Upgrade");
      request.set(http::field::upgrade, boost::beast::string_view(protocol.data(), protocol.size()));
    }
    if (!body.empty()) {
      request.set(http::field::content_type,
                  boost::beast::string_view(content_type.data(), content_type.size()));
    }
    request.body() = boost::beast::span<const char>(body.data(), body.size());
    request.prepare_payload();
    ErrorCode error;
    http::write(stream, request, error);
    // A server that refuses may close before it has read everything: its reply says more than our EPIPE.
    if (error && error != boost::asio::error::broken_pipe && error != boost::asio::error::connection_reset) {
      fail(error, method, target);
    }
  }

  // Reads the rest of a reply whose header is in `parser`.
  template <typename Parser>
  Reply finish(SocketStream& stream, Parser& parser, std::string_view method, std::string_view target) {
    http::response_parser<http::string_body> whole(std::move(parser));
    whole.body_limit(boost::none);
    ErrorCode error;
    http::read(stream, connection.buffer(), whole, error);
    if (error) {
      fail(error, method, target);
    }
    Reply reply = head_of(whole);
    reply.body = std::move(whole.get().body());
    if (!whole.get().keep_alive()) {
      connection.close();
    }
    return reply;
  }

  // Reads up to the end of the reply's header and not a byte further, into the buffer: what follows a 101 is
  // another protocol's, and a byte that carries descriptors would lose them here.
  void read_exact_header(SocketStream& stream, std::string_view method, std::string_view target) {
    constexpr std::string_view kEnd = "\r\n\r\n";
    constexpr size_t kLongest = 64 * 1024;
    std::string header;
    std::array<char, 4096> piece;
    while (header.size() < kLongest) {
      if (!stream.wait(POLLIN)) {
        fail(boost::asio::error::timed_out, method, target);
      }
      const ssize_t seen = ::recv(stream.fd(), piece.data(), piece.size(), MSG_PEEK | MSG_DONTWAIT);
      if (seen < 0 && (errno == EINTR || errno == EAGAIN)) {
        continue;
      }
      if (seen <= 0) {
        fail(boost::asio::error::eof, method, target);
      }
      const size_t before = header.size();
      header.append(piece.data(), static_cast<size_t>(seen));
      const size_t end = header.find(kEnd, before < kEnd.size() ? 0 : before - kEnd.size());
      const size_t wanted = end == std::string::npos ? static_cast<size_t>(seen) : end + kEnd.size() - before;
      [[maybe_unused]] const ssize_t taken = ::recv(stream.fd(), piece.data(), wanted, MSG_DONTWAIT);
      if (end != std::string::npos) {
        header.resize(end + kEnd.size());
        break;
      }
    }
    const auto room = connection.buffer().prepare(header.size());
    boost::asio::buffer_copy(room, boost::asio::buffer(header));
    connection.buffer().commit(header.size());
  }

  // Sends a request and reads the reply's header.
  void begin(SocketStream& stream, http::response_parser<http::empty_body>& parser, std::string_view method,
             std::string_view target, std::string_view body, std::string_view content_type,
             std::string_view protocol = {}) {
    write(stream, method, target, body, content_type, protocol);
    if (!protocol.empty()) {
      read_exact_header(stream, method, target);
    }
    parser.body_limit(boost::none);
    ErrorCode error;
    http::read_header(stream, connection.buffer(), parser, error);
    if (error) {
      fail(error, method, target);
    }
  }
};

Client::Client(std::filesystem::path socket, std::chrono::milliseconds timeout)
    : state_(std::make_unique<State>()) {
  state_->lab = socket.parent_path().filename().string();
  state_->socket = std::move(socket);
  state_->timeout = timeout;
}

Client::~Client() = default;
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;

const std::string& Client::lab() const { return state_->lab; }

void Client::stop_when(const std::atomic<int>& stop) { state_->stop = &stop; }

Reply Client::send(std::string_view method, std::string_view target, std::string_view body,
                   std::string_view content_type) {
  SocketStream& stream = state_->ready();
  http::response_parser<http::empty_body> header;
  state_->begin(stream, header, method, target, body, content_type);
  return state_->finish(stream, header, method, target);
}

namespace {

Reply or_throw(Reply reply) {
  if (reply.is_error()) {
    throw to_error(reply.status, reply.body);
  }
  return reply;
}

}  // namespace

Reply Client::get(std::string_view target) { return or_throw(send("GET", target)); }
Reply Client::post(std::string_view target, std::string_view body) {
  return or_throw(send("POST", target, body));
}
Reply Client::put(std::string_view target, std::string_view body) {
  return or_throw(send("PUT", target, body));
}
Reply Client::patch(std::string_view target, std::string_view body) {
  return or_throw(send("PATCH", target, body, "application/merge-patch+json"));
}

void Client::stream(std::string_view method, std::string_view target, std::string_view body,
                    const std::function<bool(std::string_view)>& on_chunk, std::chrono::milliseconds limit) {
  SocketStream& stream = state_->ready();
  http::response_parser<http::empty_body> header;
  state_->begin(stream, header, method, target, body, "application/json");
  if (header.get().result_int() >= 400) {
    const Reply reply = state_->finish(stream, header, method, target);
    throw to_error(reply.status, reply.body);
  }
  http::response_parser<http::buffer_body> parser(std::move(header));
  parser.body_limit(boost::none);
  if (limit.count() > 0) {
    state_->allowed = limit;
    stream.expires_after(limit);
  } else {
    stream.expires_never();
  }
  std::array<char, 64 * 1024> piece;
  while (!parser.is_done()) {
    parser.get().body().data = piece.data();
    parser.get().body().size = piece.size();
    ErrorCode error;
    http::read_some(stream, state_->connection.buffer(), parser, error);
    if (error && error != http::error::need_buffer) {
      state_->fail(error, method, target);
    }
    const size_t got = piece.size() - parser.get().body().size;
    if (got > 0 && !on_chunk(std::string_view(piece.data(), got))) {
      state_->connection.close();
      return;
    }
  }
  if (!parser.get().keep_alive()) {
    state_->connection.close();
  }
}

void Client::lines(std::string_view method, std::string_view target, std::string_view body,
                   const std::function<bool(std::string_view)>& on_line, std::chrono::milliseconds limit) {
  std::string rest;
  bool wanted = true;
  const auto cut = [&](std::string_view piece) {
    rest.append(piece);
    size_t at = 0;
    for (size_t end = rest.find('\n'); wanted && end != std::string::npos; end = rest.find('\n', at)) {
      wanted = on_line(std::string_view(rest).substr(at, end - at));
      at = end + 1;
    }
    rest.erase(0, at);
    return wanted;
  };
  stream(method, target, body, cut, limit);
  if (wanted && !rest.empty()) {
    on_line(rest);
  }
}

UniqueFd Client::upgrade(std::string_view method, std::string_view target, std::string_view body,
                         std::string_view protocol) {
  SocketStream& stream = state_->ready();
  http::response_parser<http::empty_body> header;
  state_->begin(stream, header, method, target, body, "application/json", protocol);
  if (header.get().result_int() != 101) {
    const Reply reply = state_->finish(stream, header, method, target);
    if (reply.is_error()) {
      throw to_error(reply.status, reply.body);
    }
    throw Error(ErrorKind::Unsupported, "lab \"" + state_->lab + "\": " + std::string(target) +
                                            ": cannot speak " + std::string(protocol));
  }
  UniqueFd fd = stream.release();
  state_->connection.close();
  const int flags = ::fcntl(fd.get(), F_GETFL);
  ::fcntl(fd.get(), F_SETFL, flags & ~O_NONBLOCK);
  return fd;
}

}  // namespace labctl::api
