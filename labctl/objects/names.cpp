#include "labctl/objects/names.hpp"

#include "labctl/api/json_line.hpp"
#include "labctl/objects/field_errors.hpp"
#include "topology/base/fnv.hpp"
#include "topology/model/well_known.hpp"

#include <nlohmann/json.hpp>

namespace labctl::objects {
namespace {

constexpr std::string_view kAlphabet = "bcdfghjklmnpqrstvwxz2456789";
constexpr int kSuffixLength = 5;
constexpr std::size_t kPrefixMax = 63 - kSuffixLength;

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

std::string generated_name(std::string_view prefix, std::uint64_t ordinal) {
  // Of the whole prefix, so that those which differ behind the cut do not meet.
  std::string salted(prefix.ends_with('-') ? prefix.substr(0, prefix.size() - 1) : prefix);
  salted += '#';
  salted += std::to_string(ordinal);
  std::string name(prefix.substr(0, kPrefixMax));
  name += safe_hash(salted, kSuffixLength);
  return name;
}

std::string too_long(std::string_view path, const std::string& text, std::size_t most) {
  return text.size() <= most
             ? std::string()
             : invalid_value(path, text, "must be no more than " + std::to_string(most) + " bytes");
}

std::string too_long_name(std::string_view resource, const std::string& name) {
  const std::string complaint = too_long("metadata.name", name, kNameMax);
  return complaint.empty() ? complaint : std::string(resource) + " \"" + name + "\" is invalid: " + complaint;
}

std::string template_hash(const nlohmann::json& pod_template, std::int64_t collisions) {
  std::string text = api::json_line(pod_template);
  if (collisions > 0) {
    text += '#';
    text += std::to_string(collisions);
  }
  return safe_hash(text, model::kTemplateHashLength);
}

}  // namespace labctl::objects
