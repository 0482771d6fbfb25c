// What clients say to a stand-in, and what a server of gRPC says to a probe: HTTP/2 and TLS in pieces of any size
// break nothing, and what is sent in return has a bound.

#include "probes/protocol/grpc_health.hpp"
#include "probes/server/http2_server.hpp"
#include "probes/server/tls_stream.hpp"
#include "tests/fuzz/require.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

using labctl::fuzz::require;
using namespace labctl::server;
using labctl::protocol::GrpcHealthCheck;

namespace {

template <typename Feed>
void in_pieces(std::string_view bytes, std::size_t piece, Feed feed) {
  while (!bytes.empty() && feed(bytes.substr(0, piece))) {
    bytes.remove_prefix(std::min(piece, bytes.size()));
  }
}

// Twice: with the preface before the input, so that mutations reach the frames.
void speak_http2(std::string_view bytes, std::size_t piece) {
  for (const std::string_view before : {std::string_view(), kHttp2Preface}) {
    std::size_t asked = 0;
    Http2Server server([&asked](std::string_view, std::string_view path, bool) {
      ++asked;
      return std::string(path);
    });
    std::size_t answered = 0;
    server.feed(before);
    in_pieces(bytes, piece, [&](std::string_view part) {
      const bool goes_on = server.feed(part);
      answered += server.take_output().size();
      return goes_on;
    });
    require(answered <= 64 * 1024 + bytes.size() * 1024, "an answer has a bound");
    require(asked <= bytes.size(), "an answer has a request");
  }
}

void speak_tls(std::string_view bytes, std::size_t piece) {
  static const TlsIdentity kIdentity;
  TlsStream stream(kIdentity);
  std::string plain;
  std::string reply;
  in_pieces(bytes, piece, [&](std::string_view part) {
    return stream.receive(part, plain, reply) != TlsStream::State::Over;
  });
  require(plain.empty(), "nobody without the keys says anything");
  require(reply.size() <= 64 * 1024, "an answer has a bound");
}

void answer_probe(std::string_view bytes, std::size_t piece) {
  GrpcHealthCheck check("shop", "192.0.2.1:80", "fuzz");
  check.take_output();
  in_pieces(bytes, piece, [&](std::string_view part) {
    const auto state = check.feed(part);
    require(check.take_output().size() <= 64 * 1024, "an answer has a bound");
    return state < GrpcHealthCheck::State::Done;
  });
  const auto state = check.finish();
  require(state == GrpcHealthCheck::State::Done || state == GrpcHealthCheck::State::Failed, "a probe ends");
  require(check.status().message.size() <= GrpcHealthCheck::kMessageMax, "a message has a bound");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, size + 1}) {
    speak_http2(bytes, piece);
    speak_tls(bytes, piece);
    answer_probe(bytes, piece);
  }
  return 0;
}
