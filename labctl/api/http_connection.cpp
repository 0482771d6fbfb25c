#include "labctl/api/http_connection.hpp"

#include "labctl/api/kept_connection.hpp"
#include "topology/base/duration.hpp"
#include "topology/base/error.hpp"

#include <boost/beast/http.hpp>

#include <utility>

namespace labctl::api {

struct HttpConnection::State {
  std::string server;
  std::function<UniqueFd()> dial;
  std::chrono::milliseconds timeout{};
  KeptConnection connection;

  SocketStream& ready() {
    SocketStream& stream = connection.ready(dial);
    stream.expires_after(timeout);
    return stream;
  }

  void check(const boost::beast::error_code& error, std::string_view target) {
    if (!error) {
      return;
    }
    connection.close();
    const std::string act = server + ": POST " + std::string(target);
    if (error == boost::asio::error::timed_out) {
      throw Error(ErrorKind::Timeout, act + ": no reply in " + to_string(std::chrono::microseconds(timeout)));
    }
    if (error == boost::beast::http::error::body_limit) {
      throw Error(ErrorKind::Kernel,
                  act + ": the reply has more than " + std::to_string(kReplyBytesMax >> 20U) + " MiB");
    }
    throw Error(ErrorKind::Kernel, act + ": " + error.message());
  }
};

HttpConnection::HttpConnection(std::string server, std::function<UniqueFd()> dial,
                               std::chrono::milliseconds timeout)
    : state_(std::make_unique<State>()) {
  state_->server = std::move(server);
  state_->dial = std::move(dial);
  state_->timeout = timeout;
}
HttpConnection::~HttpConnection() = default;

Reply HttpConnection::post(std::string_view target, std::string_view body) {
  namespace http = boost::beast::http;
  SocketStream& stream = state_->ready();
  http::request<http::span_body<const char>> request;
  request.method(http::verb::post);
  request.target(boost::beast::string_view(target.data(), target.size()));
  request.version(11);
  request.set(http::field::host, state_->server);
  request.set(http::field::content_type, "application/json");
  request.body() = boost::beast::span<const char>(body.data(), body.size());
  request.prepare_payload();
  boost::beast::error_code error;
  http::write(stream, request, error);
  state_->check(error, target);
  http::response_parser<http::string_body> parser;
  parser.body_limit(kReplyBytesMax);
  http::read(stream, state_->connection.buffer(), parser, error);
  state_->check(error, target);
  Reply reply{static_cast<int>(parser.get().result_int()),
              std::string(parser.get()[http::field::content_type]), std::move(parser.get().body())};
  if (!parser.get().keep_alive()) {
    state_->connection.close();
  }
  return reply;
}

}  // namespace labctl::api
