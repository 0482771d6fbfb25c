#include "labctl/store/change.hpp"

#include <nlohmann/json.hpp>

namespace labctl::store {

std::string to_string(const Key& key) {
  std::string text = key.resource + "/";
  if (!key.ns.empty()) {
    text += key.ns + "/";
  }
  return text + key.name;
}

Key key_of(std::string resource, const nlohmann::json& object) {
  const nlohmann::json& metadata = object.at("metadata");
  return {std::move(resource), metadata.value("namespace", ""), metadata.value("name", "")};
}

const char* to_string(ChangeType type) {
  switch (type) {
    case ChangeType::Added:
      return "ADDED";
    case ChangeType::Modified:
      return "MODIFIED";
    case ChangeType::Deleted:
      return "DELETED";
  }
  return "";
}

}  // namespace labctl::store
