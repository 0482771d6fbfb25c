#include "labctl/scenario/variables.hpp"

#include "topology/base/error.hpp"

#include <algorithm>
#include <array>
#include <string_view>

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

// The fields of steps that hold a number; every other text stays one, also "8080".
bool is_number_field(std::string_view name) {
  constexpr std::array<std::string_view, 15> kNumbers{
      "answerCount", "backendCount", "code",          "count",   "failed",   "healthCheckNodePort",
      "mended",      "nodePort",     "port",          "queries", "replicas", "sent",
      "sourcePort",  "status",       "timeoutSeconds"};
  return std::find(kNumbers.begin(), kNumbers.end(), name) != kNumbers.end();
}

std::string expand_text(const std::string& text, const Variables& variables) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const size_t begin = text.find("${", at);
    const size_t end = begin == std::string::npos ? begin : text.find('}', begin);
    if (begin != std::string::npos && begin > at && text[begin - 1] == '$') {
      out += text.substr(at, begin - 1 - at) + "${";  // $${ is a ${ that stands for itself
      at = begin + 2;
      continue;
    }
    if (end == std::string::npos) {
      return out + text.substr(at);
    }
    out += text.substr(at, begin - at) + value_of(text.substr(begin + 2, end - begin - 2), variables);
    at = end + 1;
  }
  return out;
}

// Maps whose keys the user chooses: a label may be called "port".
bool is_map_of_texts(std::string_view name) {
  return name == "labels" || name == "annotations" || name == "selector" || name == "env" ||
         name == "headers";
}

json expand_field(std::string_view name, const json& value, const Variables& variables) {
  json out = value;
  if (value.is_object() && is_map_of_texts(name)) {
    for (json& part : out) {
      part = expand(part, variables);
    }
    return out;
  }
  out = expand(value, variables);
  if (!is_number_field(name) || out == value || !out.is_string()) {
    return out;
  }
  const json number = json::parse(out.get_ref<const std::string&>(), nullptr, false);
  if (!number.is_number_integer()) {
    throw Error(ErrorKind::InvalidInput,
                std::string(name) + ": must be a whole number, got \"" + out.get<std::string>() + "\"");
  }
  return number;
}

}  // namespace

json expand(const json& value, const Variables& variables) {
  if (value.is_string()) {
    return expand_text(value.get_ref<const std::string&>(), variables);
  }
  json out = value;
  if (out.is_object()) {
    for (auto& [name, part] : out.items()) {
      part = expand_field(name, part, variables);
    }
  } else if (out.is_array()) {
    for (json& part : out) {
      part = expand(part, variables);
    }
  }
  return out;
}

std::string text_of(const json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); }

}  // namespace labctl::scenario
