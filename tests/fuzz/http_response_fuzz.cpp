// HTTP replies off the wire: no bytes may break the parser, what it keeps is bounded, and it must not matter
// in which pieces a reply arrives.

#include "probes/protocol/http.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace {

using labctl::protocol::HttpResponseParser;

HttpResponseParser parse(std::string_view bytes, std::size_t piece, bool head_request) {
  HttpResponseParser parser(head_request);
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    parser.feed(bytes.substr(at, piece));
  }
  parser.finish();
  if (parser.response().body.size() > labctl::protocol::kHttpBodyKept) {
    std::abort();
  }
  return parser;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const bool head_request = (data[0] & 1) != 0;
  const std::size_t piece = std::max<std::size_t>(1, data[0] >> 1);
  const HttpResponseParser whole = parse(bytes, std::max<std::size_t>(1, bytes.size()), head_request);
  const HttpResponseParser pieces = parse(bytes, piece, head_request);
  if (whole.state() != pieces.state()) {
    std::abort();
  }
  if (whole.state() == HttpResponseParser::State::Done && !(whole.response() == pieces.response())) {
    std::abort();
  }
  return 0;
}
