#include "labctl/report/objects/fields.hpp"

#include <algorithm>
#include <vector>

namespace labctl::report {
namespace {

std::string scalar_text(const nlohmann::json& value) {
  if (value.is_string()) {
    return value.get<std::string>();
  }
  return value.is_number() || value.is_boolean() ? value.dump() : std::string{};
}

std::string join(const std::vector<std::string>& parts, std::string_view separator) {
  std::string out;
  for (const std::string& part : parts) {
    out += (out.empty() ? "" : std::string(separator)) + part;
  }
  return out;
}

}  // namespace

const nlohmann::json& at(const nlohmann::json& object, const std::string& pointer) {
  static const nlohmann::json kNull;
  const nlohmann::json* value = &object;
  for (size_t start = 1; start <= pointer.size();) {
    const size_t end = std::min(pointer.find('/', start), pointer.size());
    std::string key = pointer.substr(start, end - start);
    for (size_t slash = key.find("~1"); slash != std::string::npos; slash = key.find("~1")) {
      key.replace(slash, 2, "/");
    }
    start = end + 1;
    if (value->is_object() && value->contains(key)) {
      value = &(*value)[key];
    } else if (value->is_array() && !key.empty() &&
               key.find_first_not_of("0123456789") == std::string::npos && key.size() < 9 &&
               std::stoul(key) < value->size()) {
      value = &(*value)[std::stoul(key)];
    } else {
      return kNull;
    }
  }
  return *value;
}

const nlohmann::json& list(const nlohmann::json& object, const std::string& pointer) {
  static const nlohmann::json kEmpty = nlohmann::json::array();
  const nlohmann::json& value = at(object, pointer);
  return value.is_array() ? value : kEmpty;
}

std::string text(const nlohmann::json& object, const std::string& pointer) {
  return scalar_text(at(object, pointer));
}

std::string text_or(const nlohmann::json& object, const std::string& pointer, std::string_view otherwise) {
  std::string found = text(object, pointer);
  return found.empty() ? std::string(otherwise) : found;
}

long long number(const nlohmann::json& object, const std::string& pointer) {
  const nlohmann::json& value = at(object, pointer);
  return value.is_number() ? value.get<long long>() : 0;
}

bool flag(const nlohmann::json& object, const std::string& pointer) {
  const nlohmann::json& value = at(object, pointer);
  return value.is_boolean() && value.get<bool>();
}

std::string join_labels(const nlohmann::json& labels) {
  std::vector<std::string> parts;
  if (labels.is_object()) {
    for (const auto& [key, value] : labels.items()) {
      parts.push_back(key + "=" + scalar_text(value));
    }
  }
  return parts.empty() ? "<none>" : join(parts, ",");
}

std::string join_selector(const nlohmann::json& selector) {
  std::vector<std::string> parts;
  if (const auto& labels = at(selector, "/matchLabels"); labels.is_object() && !labels.empty()) {
    parts.push_back(join_labels(labels));
  }
  for (const auto& requirement : at(selector, "/matchExpressions")) {
    const std::string key = text(requirement, "/key");
    const std::string op = text(requirement, "/operator");
    const std::string values = " (" + join_texts(at(requirement, "/values"), "") + ")";
    if (op == "In") {
      parts.push_back(key + " in" + values);
    } else if (op == "NotIn") {
      parts.push_back(key + " notin" + values);
    } else {
      parts.push_back((op == "DoesNotExist" ? "!" : "") + key);
    }
  }
  return parts.empty() ? "<none>" : join(parts, ",");
}

std::string join_texts(const nlohmann::json& list, std::string_view otherwise) {
  std::vector<std::string> parts;
  if (list.is_array()) {
    for (const auto& item : list) {
      parts.push_back(scalar_text(item));
    }
  }
  return parts.empty() ? std::string(otherwise) : join(parts, ",");
}

}  // namespace labctl::report
