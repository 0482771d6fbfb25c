#include "labctl/objects/json_values.hpp"

#include "topology/base/error.hpp"

#include <nlohmann/json.hpp>

namespace labctl::objects {

using nlohmann::json;

const json& member(const json& object, const char* name) {
  static const json null;
  if (!object.is_object()) {
    return null;
  }
  const auto found = object.find(name);
  return found == object.end() ? null : *found;
}

std::string member_text(const json& object, const char* name) {
  const json& value = member(object, name);
  return value.is_null() ? std::string() : value.get<std::string>();
}

std::vector<std::string> member_texts(const json& object, const char* name) {
  const json& value = member(object, name);
  return value.is_null() ? std::vector<std::string>() : value.get<std::vector<std::string>>();
}

IpAddress address_in(const std::string& text) {
  const auto address = IpAddress::parse(text);
  if (!address) {
    throw Error(ErrorKind::InvalidInput, "decode address: " + text + " is none");
  }
  return *address;
}

}  // namespace labctl::objects
