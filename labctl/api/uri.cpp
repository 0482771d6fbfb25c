#include "labctl/api/uri.hpp"

namespace labctl::api {
namespace {

// As percent_decode(), and nothing for a NUL, encoded or bare.
std::optional<std::string> decode(std::string_view text, Plus plus = Plus::IsItself) {
  auto decoded = percent_decode(text, plus);
  return decoded && decoded->find('\0') == std::string::npos ? decoded : std::nullopt;
}

}  // namespace

std::optional<Target> parse_target(std::string_view target) {
  if (target.empty() || target.front() != '/') {
    return std::nullopt;
  }
  const size_t mark = target.find('?');
  Target out;
  const auto path = decode(target.substr(0, mark));
  if (!path) {
    return std::nullopt;
  }
  out.path = *path;
  std::string_view rest = mark == std::string_view::npos ? std::string_view{} : target.substr(mark + 1);
  while (!rest.empty()) {
    const size_t end = rest.find('&');
    const std::string_view pair = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
    const size_t equals = pair.find('=');
    const auto key = decode(pair.substr(0, equals), Plus::IsSpace);
    const auto value =
        equals == std::string_view::npos ? std::string{} : decode(pair.substr(equals + 1), Plus::IsSpace);
    if (!key || !value) {
      return std::nullopt;
    }
    if (!key->empty()) {
      out.query[*key] = *value;
    }
  }
  return out;
}

std::string query_string(const std::map<std::string, std::string>& query) {
  std::string out;
  for (const auto& [key, value] : query) {
    out += (out.empty() ? "?" : "&") + percent_encode(key) + "=" + percent_encode(value);
  }
  return out;
}

}  // namespace labctl::api
