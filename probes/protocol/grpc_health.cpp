#include "probes/protocol/grpc_health.hpp"

#include "topology/base/error.hpp"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

namespace labctl::protocol {
namespace {

constexpr std::uint32_t kUnknown = 2;
constexpr std::uint32_t kInternal = 13;
constexpr std::uint32_t kUnavailable = 14;
// Output is taken after each piece of input; who makes us owe more answers than this at once is let go.
constexpr std::size_t kOwedAcks = 64;
constexpr std::size_t kPrefix = 5;  // of a message: whether it is compressed, and its length

// As grpc-go takes what is no answer of gRPC.
std::uint32_t code_of_http(int status) {
  switch (status) {
    case 400:
      return kInternal;
    case 401:
      return 16;
    case 403:
      return 7;
    case 404:
      return 12;
    case 429:
    case 502:
    case 503:
    case 504:
      return kUnavailable;
    default:
      return kUnknown;
  }
}

std::uint32_t code_of_reset(std::uint32_t error) {
  switch (error) {
    case NGHTTP2_REFUSED_STREAM:
      return kUnavailable;
    case NGHTTP2_CANCEL:
      return 1;
    case NGHTTP2_FLOW_CONTROL_ERROR:
    case NGHTTP2_ENHANCE_YOUR_CALM:
      return 8;
    case NGHTTP2_INADEQUATE_SECURITY:
      return 7;
    default:
      return kInternal;
  }
}

// HealthCheckRequest, framed: field 1 is the service.
std::string framed_request(const std::string& service) {
  std::string message;
  if (!service.empty()) {
    message += '\x0a';
    for (std::size_t length = service.size(); true; length >>= 7) {
      message += static_cast<char>((length & 0x7f) | (length > 0x7f ? 0x80 : 0));
      if (length <= 0x7f) {
        break;
      }
    }
    message += service;
  }
  std::string framed(kPrefix, '\0');
  for (std::size_t i = 0; i < 4; ++i) {
    framed[4 - i] = static_cast<char>(message.size() >> (8 * i));
  }
  return framed + message;
}

std::optional<std::uint64_t> take_varint(std::string_view& bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes.size() && i < 10; ++i) {
    value |= static_cast<std::uint64_t>(bytes[i] & 0x7f) << (7 * i);
    if ((bytes[i] & 0x80) == 0) {
      bytes.remove_prefix(i + 1);
      return value;
    }
  }
  return std::nullopt;
}

// HealthCheckResponse.status out of one framed message; nothing if it is none. Unknown fields are left out.
std::optional<std::uint64_t> state_in(std::string_view body) {
  if (body.size() < kPrefix || body[0] != 0) {
    return std::nullopt;
  }
  std::size_t length = 0;
  for (std::size_t i = 1; i < kPrefix; ++i) {
    length = length << 8 | static_cast<unsigned char>(body[i]);
  }
  body.remove_prefix(kPrefix);
  if (length != body.size()) {
    return std::nullopt;
  }
  std::uint64_t state = 0;
  while (!body.empty()) {
    const auto key = take_varint(body);
    const auto value = key ? take_varint(body) : std::nullopt;
    if (!value) {
      return std::nullopt;
    }
    switch (*key & 7) {
      case 0:
        state = *key >> 3 == 1 ? *value : state;
        break;
      case 2:
        if (*value > body.size()) {
          return std::nullopt;
        }
        body.remove_prefix(*value);
        break;
      default:
        return std::nullopt;
    }
  }
  return state;
}

std::string percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned char byte = 0;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(text.data() + i + 1, text.data() + i + 3, byte, 16).ptr == text.data() + i + 3) {
      out += static_cast<char>(byte);
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

nghttp2_nv header_line(std::string_view name, std::string_view value) {
  // nghttp2 copies both, and takes neither for its own.
  return {reinterpret_cast<std::uint8_t*>(const_cast<char*>(name.data())),
          reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data())), name.size(), value.size(),
          NGHTTP2_NV_FLAG_NONE};
}

std::string_view view_of(const std::uint8_t* bytes, std::size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

}  // namespace

std::string grpc_code_name(std::uint32_t code) {
  static constexpr std::array<const char*, 17> kNames{
      "OK",       "Canceled",       "Unknown",          "InvalidArgument",   "DeadlineExceeded",
      "NotFound", "AlreadyExists",  "PermissionDenied", "ResourceExhausted", "FailedPrecondition",
      "Aborted",  "OutOfRange",     "Unimplemented",    "Internal",          "Unavailable",
      "DataLoss", "Unauthenticated"};
  return code < kNames.size() ? kNames[code] : "Code(" + std::to_string(code) + ")";
}

std::string health_state_name(std::uint64_t state) {
  static constexpr std::array<const char*, 4> kNames{"UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"};
  return state < kNames.size() ? kNames[state] : std::to_string(state);
}

struct GrpcHealthCallbacks {
  static GrpcHealthCheck& check(void* user) { return *static_cast<GrpcHealthCheck*>(user); }

  static int on_header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                       std::size_t name_size, const std::uint8_t* value, std::size_t value_size, std::uint8_t,
                       void* user) {
    GrpcHealthCheck& its = check(user);
    its.header_bytes_ += name_size + value_size;
    if (its.header_bytes_ > GrpcHealthCheck::kHeadersMax) {
      return NGHTTP2_ERR_CALLBACK_FAILURE;
    }
    if (frame->hd.stream_id == its.stream_) {
      its.on_header(view_of(name, name_size), view_of(value, value_size));
    }
    return 0;
  }
  static int on_data(nghttp2_session*, std::uint8_t, std::int32_t, const std::uint8_t* bytes,
                     std::size_t size, void* user) {
    std::string& body = check(user).body_;
    if (body.size() + size > GrpcHealthCheck::kMessageMax) {
      return NGHTTP2_ERR_CALLBACK_FAILURE;
    }
    body.append(view_of(bytes, size));
    return 0;
  }
  static int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    GrpcHealthCheck& its = check(user);
    if (frame->hd.type == NGHTTP2_SETTINGS && its.state_ == GrpcHealthCheck::State::Connecting) {
      its.state_ = GrpcHealthCheck::State::Asking;
    }
    return 0;
  }
  static int on_stream_close(nghttp2_session*, std::int32_t stream, std::uint32_t error, void* user) {
    if (stream == check(user).stream_) {
      check(user).on_end(error);
    }
    return 0;
  }
  static ssize_t read_request(nghttp2_session*, std::int32_t, std::uint8_t* buffer, std::size_t size,
                              std::uint32_t* flags, nghttp2_data_source* source, void*) {
    auto& its = *static_cast<GrpcHealthCheck*>(source->ptr);
    const std::size_t count = std::min(size, its.request_.size() - its.sent_);
    std::memcpy(buffer, its.request_.data() + its.sent_, count);
    its.sent_ += count;
    if (its.sent_ == its.request_.size()) {
      *flags |= NGHTTP2_DATA_FLAG_EOF;
    }
    return static_cast<ssize_t>(count);
  }
};

void GrpcHealthCheck::Free::operator()(nghttp2_session* session) const { ::nghttp2_session_del(session); }

GrpcHealthCheck::GrpcHealthCheck(const std::string& service, const std::string& authority,
                                 const std::string& user_agent)
    : request_(framed_request(service)) {
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_option* option = nullptr;
  nghttp2_session* session = nullptr;
  if (::nghttp2_session_callbacks_new(&callbacks) == 0 && ::nghttp2_option_new(&option) == 0) {
    ::nghttp2_session_callbacks_set_on_header_callback(callbacks, GrpcHealthCallbacks::on_header);
    ::nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, GrpcHealthCallbacks::on_data);
    ::nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, GrpcHealthCallbacks::on_frame);
    ::nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, GrpcHealthCallbacks::on_stream_close);
    ::nghttp2_option_set_max_outbound_ack(option, kOwedAcks);
    ::nghttp2_session_client_new2(&session, callbacks, this, option);
  }
  ::nghttp2_option_del(option);
  ::nghttp2_session_callbacks_del(callbacks);
  session_.reset(session);
  if (!session_) {
    throw Error(ErrorKind::Kernel, "begin HTTP/2: no memory");
  }
  ask(authority, user_agent);
}

GrpcHealthCheck::~GrpcHealthCheck() = default;

void GrpcHealthCheck::ask(const std::string& authority, const std::string& user_agent) {
  const nghttp2_settings_entry no_push{NGHTTP2_SETTINGS_ENABLE_PUSH, 0};
  ::nghttp2_submit_settings(session_.get(), NGHTTP2_FLAG_NONE, &no_push, 1);
  const std::vector<nghttp2_nv> headers{header_line(":method", "POST"),
                                        header_line(":scheme", "http"),
                                        header_line(":path", "/grpc.health.v1.Health/Check"),
                                        header_line(":authority", authority),
                                        header_line("content-type", "application/grpc"),
                                        header_line("user-agent", user_agent),
                                        header_line("te", "trailers")};
  nghttp2_data_provider provider{};
  provider.source.ptr = this;
  provider.read_callback = GrpcHealthCallbacks::read_request;
  stream_ =
      ::nghttp2_submit_request(session_.get(), nullptr, headers.data(), headers.size(), &provider, this);
  if (stream_ < 0) {
    throw Error(ErrorKind::Kernel, std::string("begin HTTP/2: ") + ::nghttp2_strerror(stream_));
  }
}

std::string GrpcHealthCheck::take_output() {
  collect_output();
  return std::exchange(output_, {});
}

void GrpcHealthCheck::collect_output() {
  const std::uint8_t* bytes = nullptr;
  for (ssize_t count = 0; (count = ::nghttp2_session_mem_send(session_.get(), &bytes)) > 0;) {
    output_.append(view_of(bytes, static_cast<std::size_t>(count)));
  }
}

GrpcHealthCheck::State GrpcHealthCheck::feed(std::string_view bytes) {
  if (state_ == State::Done || state_ == State::Failed) {
    return state_;
  }
  const ssize_t taken = ::nghttp2_session_mem_recv(
      session_.get(), reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  collect_output();  // an answer to what is no HTTP/2 is the last that we say
  if (state_ != State::Done && taken < 0) {
    fail(::nghttp2_strerror(static_cast<int>(taken)));
  } else if (state_ != State::Done && ::nghttp2_session_want_read(session_.get()) == 0) {
    fail("the server ended the connection");
  }
  return state_;
}

GrpcHealthCheck::State GrpcHealthCheck::finish() {
  if (state_ == State::Connecting) {
    fail("error reading server preface: EOF");
  } else if (state_ == State::Asking) {
    end(kUnavailable, "error reading from server: EOF");
  }
  return state_;
}

void GrpcHealthCheck::fail(std::string why) {
  state_ = State::Failed;
  error_ = std::move(why);
}

void GrpcHealthCheck::end(std::uint32_t code, std::string message) {
  state_ = State::Done;
  status_.code = code;
  status_.message = std::move(message);
}

void GrpcHealthCheck::on_header(std::string_view name, std::string_view value) {
  value = value.substr(0, kMessageMax);
  if (name == ":status") {
    std::from_chars(value.data(), value.data() + value.size(), http_status_);
  } else if (name == "content-type") {
    content_type_ = value;
    is_grpc_ = value.starts_with("application/grpc");
  } else if (name == "grpc-status") {
    has_status_ = true;
    status_.code = kUnknown;
    std::from_chars(value.data(), value.data() + value.size(), status_.code);
  } else if (name == "grpc-message") {
    status_.message = percent_decoded(value);
  }
}

void GrpcHealthCheck::on_end(std::uint32_t reset) {
  if (has_status_) {
    state_ = State::Done;
  } else if (http_status_ != 0 && http_status_ != 200) {
    return end(code_of_http(http_status_),
               "unexpected HTTP status code received from server: " + std::to_string(http_status_));
  } else if (http_status_ == 200 && !is_grpc_) {
    return end(kUnknown, "received unexpected content-type \"" + content_type_ + "\"");
  } else if (reset != NGHTTP2_NO_ERROR) {
    return end(code_of_reset(reset), std::string("stream terminated by RST_STREAM with error code: ") +
                                         ::nghttp2_http2_strerror(reset));
  } else {
    return end(kInternal, "server closed the stream without sending trailers");
  }
  if (status_.code == 0) {
    const auto state = state_in(body_);
    if (!state) {
      return end(kInternal, "failed to unmarshal the received message");
    }
    status_.state = *state;
  }
}

}  // namespace labctl::protocol
