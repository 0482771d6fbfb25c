#include "labctl/controllers/names.hpp"

#include "topology/base/fnv.hpp"

#include <nlohmann/json.hpp>

namespace labctl::controllers {
namespace {

constexpr std::string_view kAlphabet = "bcdfghjklmnpqrstvwxz2456789";
constexpr std::size_t kNameLength = 63;
constexpr int kSuffixLength = 5;
constexpr int kTemplateHashLength = 10;

}  // namespace

std::string safe_hash(std::string_view text, int length) {
  std::uint64_t hash = fnv1a(text);
  // The last bytes of a text hardly reach the high bits of FNV; fold them over each other.
  hash ^= hash >> 32U;
  hash *= 0x9E3779B97F4A7C15U;
  hash ^= hash >> 29U;
  std::string name;
  for (int i = 0; i < length; ++i) {
    name += kAlphabet[hash % kAlphabet.size()];
    hash /= kAlphabet.size();
  }
  return name;
}

std::string generated_name(std::string_view base, std::uint64_t ordinal) {
  const std::string_view kept = base.substr(0, kNameLength - 1 - kSuffixLength);
  std::string salted(base);
  salted += '#';
  salted += std::to_string(ordinal);
  std::string name(kept);
  name += '-';
  name += safe_hash(salted, kSuffixLength);
  return name;
}

std::string template_hash(const nlohmann::json& pod_template, std::int64_t collisions) {
  std::string text = pod_template.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  if (collisions > 0) {
    text += '#';
    text += std::to_string(collisions);
  }
  return safe_hash(text, kTemplateHashLength);
}

}  // namespace labctl::controllers
