#include "probes/server/http2_server.hpp"

#include "topology/base/error.hpp"
#include "topology/base/percent.hpp"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>
#include <vector>

namespace labctl::server {
namespace {

constexpr std::string_view kCheck = "/grpc.health.v1.Health/Check";
constexpr std::string_view kWatch = "/grpc.health.v1.Health/Watch";
// HealthCheckResponse{status: SERVING} in the frame of a message: not compressed, two bytes.
constexpr std::string_view kServing{"\0\0\0\0\2\x08\x01", 7};
constexpr std::size_t kOwedAcks = 64;
// Of a path: enough for every method of gRPC, and what a message about it may repeat.
constexpr std::size_t kPathMax = 1024;

std::string_view bytes_of(const std::uint8_t* bytes, std::size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

nghttp2_nv line_of(std::string_view name, std::string_view value) {
  return {reinterpret_cast<std::uint8_t*>(const_cast<char*>(name.data())),
          reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data())), name.size(), value.size(),
          NGHTTP2_NV_FLAG_NONE};
}

// In a message, as the gRPC specification has it.
bool stays_in_message(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x20 && byte <= 0x7e && c != '%';
}

// "/shop.Cart/AddItem" as grpc-go refuses it.
std::string unimplemented_text(std::string_view path) {
  const auto slash = path.rfind('/');
  if (slash == std::string_view::npos || slash == 0 || !path.starts_with('/')) {
    return "malformed method name: \"" + std::string(path) + "\"";
  }
  const std::string service(path.substr(1, slash - 1));
  if (service == "grpc.health.v1.Health") {
    return "unknown method " + std::string(path.substr(slash + 1)) + " for service " + service;
  }
  return "unknown service " + service;
}

}  // namespace

struct Http2ServerCallbacks {
  static Http2Server& server(void* user) { return *static_cast<Http2Server*>(user); }
  static Http2Server::Stream* find(void* user, std::int32_t id) {
    const auto found = server(user).streams_.find(id);
    return found == server(user).streams_.end() ? nullptr : &found->second;
  }

  static int on_begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    server(user).streams_.try_emplace(frame->hd.stream_id);
    return 0;
  }
  static int on_header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                       std::size_t name_size, const std::uint8_t* value, std::size_t value_size, std::uint8_t,
                       void* user) {
    Http2Server::Stream* stream = find(user, frame->hd.stream_id);
    if (stream == nullptr) {
      return 0;
    }
    stream->header_bytes += name_size + value_size;
    if (stream->header_bytes > Http2Server::kHeadersMax) {
      return NGHTTP2_ERR_CALLBACK_FAILURE;
    }
    const std::string_view key = bytes_of(name, name_size);
    const std::string_view text = bytes_of(value, value_size);
    if (key == ":method") {
      stream->method = text.substr(0, 16);
    } else if (key == ":path") {
      stream->path = text.substr(0, kPathMax);
    } else if (key == "content-type") {
      stream->is_grpc = text.starts_with("application/grpc");
    }
    return 0;
  }
  static int on_data(nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t*, std::size_t size,
                     void* user) {
    Http2Server::Stream* stream = find(user, id);
    if (stream != nullptr && (stream->body_bytes += size) > Http2Server::kBodyMax) {
      return NGHTTP2_ERR_CALLBACK_FAILURE;
    }
    return 0;
  }
  static int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    const bool is_request = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
    Http2Server::Stream* stream = is_request ? find(user, frame->hd.stream_id) : nullptr;
    if (stream != nullptr) {
      server(user).on_request(frame->hd.stream_id, *stream, (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0);
    }
    return 0;
  }
  static int on_stream_close(nghttp2_session*, std::int32_t id, std::uint32_t, void* user) {
    server(user).streams_.erase(id);
    return 0;
  }

  static ssize_t read_reply(nghttp2_session* session, std::int32_t id, std::uint8_t* buffer, std::size_t size,
                            std::uint32_t* flags, nghttp2_data_source*, void* user) {
    Http2Server::Stream* stream = find(user, id);
    if (stream == nullptr) {
      return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    const std::size_t count = std::min(size, stream->reply.size() - stream->sent);
    if (count == 0 && stream->stays_open) {
      return NGHTTP2_ERR_DEFERRED;  // until the client ends it
    }
    std::memcpy(buffer, stream->reply.data() + stream->sent, count);
    stream->sent += count;
    if (stream->sent == stream->reply.size() && !stream->stays_open) {
      *flags |= NGHTTP2_DATA_FLAG_EOF;
      if (stream->has_trailers) {
        *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
        const nghttp2_nv status = line_of("grpc-status", "0");
        ::nghttp2_submit_trailer(session, id, &status, 1);
      }
    }
    return static_cast<ssize_t>(count);
  }
};

void Http2Server::Free::operator()(nghttp2_session* session) const { ::nghttp2_session_del(session); }

Http2Server::Http2Server(Answer answer) : answer_(std::move(answer)) {
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_option* option = nullptr;
  nghttp2_session* session = nullptr;
  if (::nghttp2_session_callbacks_new(&callbacks) == 0 && ::nghttp2_option_new(&option) == 0) {
    using Calls = Http2ServerCallbacks;
    ::nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, Calls::on_begin_headers);
    ::nghttp2_session_callbacks_set_on_header_callback(callbacks, Calls::on_header);
    ::nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, Calls::on_data);
    ::nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, Calls::on_frame);
    ::nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, Calls::on_stream_close);
    ::nghttp2_option_set_max_outbound_ack(option, kOwedAcks);
    ::nghttp2_session_server_new2(&session, callbacks, this, option);
  }
  ::nghttp2_option_del(option);
  ::nghttp2_session_callbacks_del(callbacks);
  session_.reset(session);
  const std::array<nghttp2_settings_entry, 2> settings{
      {{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, kStreamsMax},
       {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, kHeadersMax}}};
  if (!session_ ||
      ::nghttp2_submit_settings(session_.get(), NGHTTP2_FLAG_NONE, settings.data(), settings.size()) != 0) {
    throw Error(ErrorKind::Kernel, "begin HTTP/2: no memory");
  }
}

Http2Server::~Http2Server() = default;

bool Http2Server::feed(std::string_view bytes) {
  const ssize_t taken = ::nghttp2_session_mem_recv(
      session_.get(), reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  return taken >= 0 && (::nghttp2_session_want_read(session_.get()) != 0 ||
                        ::nghttp2_session_want_write(session_.get()) != 0);
}

std::string Http2Server::take_output() {
  std::string out;
  const std::uint8_t* bytes = nullptr;
  for (ssize_t count = 0; (count = ::nghttp2_session_mem_send(session_.get(), &bytes)) > 0;) {
    out.append(bytes_of(bytes, static_cast<std::size_t>(count)));
  }
  return out;
}

// gRPC is refused before its messages have come: a stream of them may never end.
void Http2Server::on_request(std::int32_t id, Stream& stream, bool is_whole) {
  const bool is_health = stream.path == kCheck || stream.path == kWatch;
  if (stream.is_answered || (!is_whole && (!stream.is_grpc || is_health))) {
    return;
  }
  stream.is_answered = true;
  if (!stream.is_grpc) {
    return answer_plain(id, stream);
  }
  answer_(stream.method, stream.path, true);
  is_health ? answer_health(id, stream) : refuse_grpc(id, stream);
}

void Http2Server::answer_plain(std::int32_t id, Stream& stream) {
  stream.reply = answer_(stream.method, stream.path, false);
  const std::string length = std::to_string(stream.reply.size());
  const std::array<nghttp2_nv, 3> headers{line_of(":status", "200"),
                                          line_of("content-type", "text/plain; charset=utf-8"),
                                          line_of("content-length", length)};
  nghttp2_data_provider body{};
  body.read_callback = Http2ServerCallbacks::read_reply;
  ::nghttp2_submit_response(session_.get(), id, headers.data(), headers.size(),
                            stream.method == "HEAD" ? nullptr : &body);
}

void Http2Server::answer_health(std::int32_t id, Stream& stream) {
  stream.reply = kServing;
  stream.stays_open = stream.path == kWatch;
  stream.has_trailers = true;
  const std::array<nghttp2_nv, 2> headers{line_of(":status", "200"),
                                          line_of("content-type", "application/grpc")};
  nghttp2_data_provider body{};
  body.read_callback = Http2ServerCallbacks::read_reply;
  ::nghttp2_submit_response(session_.get(), id, headers.data(), headers.size(), &body);
}

void Http2Server::refuse_grpc(std::int32_t id, const Stream& stream) {
  const std::string message = percent_encode(unimplemented_text(stream.path), stays_in_message);
  const std::array<nghttp2_nv, 4> headers{line_of(":status", "200"),
                                          line_of("content-type", "application/grpc"),
                                          line_of("grpc-status", "12"), line_of("grpc-message", message)};
  ::nghttp2_submit_response(session_.get(), id, headers.data(), headers.size(), nullptr);
}

}  // namespace labctl::server
