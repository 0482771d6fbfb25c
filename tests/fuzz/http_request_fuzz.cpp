// HTTP requests of clients, and responses of whoever a pod dials: no input may break the parser, and it must
// not matter in which pieces one arrives.

#include "probes/server/http_parser.hpp"
#include "probes/server/http_text.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

using labctl::server::HttpParser;

constexpr std::size_t kMaxBody = 4096;

// All messages in `bytes`, fed in pieces of `piece` bytes, as one text; ends with how parsing ended.
std::string parse(HttpParser::Kind kind, std::string_view bytes, std::size_t piece) {
  HttpParser parser(kind, kMaxBody);
  std::string seen;
  while (!bytes.empty()) {
    std::string_view part = bytes.substr(0, piece);
    const std::size_t taken = parser.feed(part);
    if (taken > part.size()) {
      std::abort();
    }
    bytes.remove_prefix(taken);
    parser.take_expect_continue();
    if (parser.state() == HttpParser::State::Refused) {
      return seen + "refused " + std::to_string(parser.refusal().status);
    }
    if (parser.state() == HttpParser::State::Complete) {
      const auto message = parser.take();
      seen += message.method + " " + message.target + " " + std::to_string(message.status) + " " +
              message.body + "\n";
      if (message.body.size() > kMaxBody) {
        std::abort();
      }
      auto target = labctl::server::parse_target(message.target);
      labctl::server::add_parameters(message.body, target);
      labctl::server::multipart_field(message.header("Content-Type").value_or(""), message.body, "file");
      for (const auto& [key, value] : target.query) {
        labctl::server::json_string(key);
        labctl::server::go_quoted(value);
      }
    }
  }
  parser.finish();
  return seen + std::to_string(static_cast<int>(parser.state()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  for (const auto kind : {HttpParser::Kind::Request, HttpParser::Kind::Response}) {
    if (parse(kind, bytes, 1) != parse(kind, bytes, bytes.size() + 1)) {
      std::abort();
    }
  }
  return 0;
}
