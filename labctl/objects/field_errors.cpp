#include "labctl/objects/field_errors.hpp"

#include "labctl/api/json_line.hpp"
#include "topology/base/error.hpp"

#include <nlohmann/json.hpp>

namespace labctl::objects {
namespace {

using nlohmann::json;

std::string shown(const json& value) {
  if (!value.is_array()) {
    return api::json_line(value);
  }
  std::string text = "[]string{";
  for (const json& element : value) {
    text += (text.back() == '{' ? "" : ", ") + shown(element);
  }
  return text + "}";
}

}  // namespace

std::string invalid_value(std::string_view path, const json& value, std::string_view why) {
  return std::string(path) + ": Invalid value: " + shown(value) + ": " + std::string(why);
}

void FieldErrors::invalid(std::string_view path, const json& value, std::string_view why) {
  errors_.push_back(invalid_value(path, value, why));
}

void FieldErrors::internal(std::string_view path, std::string_view why) {
  errors_.push_back(std::string(path) + ": Internal error: " + std::string(why));
}

void FieldErrors::throw_if_any(std::string_view kind, std::string_view name) const {
  if (errors_.empty()) {
    return;
  }
  std::string message = std::string(kind) + " \"" + std::string(name) + "\" is invalid: ";
  const char* separator = "";
  for (const std::string& error : errors_) {
    message += separator + error;
    separator = "; ";
  }
  throw Error(ErrorKind::InvalidInput, message);
}

}  // namespace labctl::objects
