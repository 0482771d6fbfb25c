#include "labctl/scenario/variables.hpp"

#include "topology/base/error.hpp"

namespace labctl::scenario {
namespace {

using nlohmann::json;

const std::string& value_of(const std::string& name, const Variables& variables) {
  const auto found = variables.find(name);
  if (found == variables.end()) {
    throw Error(ErrorKind::InvalidInput, "${" + name + "}: no such variable",
                "set it under vars:, in cases:, or with --set " + name + "=VALUE");
  }
  return found->second;
}

json expand_text(const std::string& text, const Variables& variables) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const size_t begin = text.find("${", at);
    const size_t end = begin == std::string::npos ? begin : text.find('}', begin);
    if (end == std::string::npos) {
      return out + text.substr(at);
    }
    const std::string& value = value_of(text.substr(begin + 2, end - begin - 2), variables);
    if (begin == 0 && end + 1 == text.size()) {
      const json scalar = json::parse(value, nullptr, false);
      return scalar.is_number() || scalar.is_boolean() ? scalar : json(value);
    }
    out += text.substr(at, begin - at) + value;
    at = end + 1;
  }
  return out;
}

}  // namespace

json expand(const json& value, const Variables& variables) {
  if (value.is_string()) {
    return expand_text(value.get_ref<const std::string&>(), variables);
  }
  json out = value;
  if (out.is_object() || out.is_array()) {
    for (json& part : out) {
      part = expand(part, variables);
    }
  }
  return out;
}

std::string text_of(const json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); }

}  // namespace labctl::scenario
