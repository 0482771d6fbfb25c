#include "labctl/api/request_reader.hpp"

#include "labctl/api/json_line.hpp"
#include "topology/base/error.hpp"
#include "topology/base/nearest.hpp"

#include <algorithm>

namespace labctl::api {
namespace {

using nlohmann::json;

constexpr int kDepthMax = 64;
// More mistakes than this are of one kind.
constexpr std::size_t kSaidMax = 8;
constexpr std::size_t kValueMax = 60;

std::string shown(const json& value) {
  std::string text = json_line(value);
  if (text.size() > kValueMax) {
    std::size_t end = kValueMax;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) {
      --end;  // not in the middle of a character
    }
    text.resize(end);
    text += "...";
  }
  return text;
}

}  // namespace

json parse_json(std::string_view text, const std::string& what) {
  const auto refuse_depth = [&](int depth, json::parse_event_t, json&) {
    if (depth > kDepthMax) {
      throw Error(ErrorKind::InvalidInput,
                  what + ": nested more than " + std::to_string(kDepthMax) + " deep");
    }
    return true;
  };
  try {
    return json::parse(text, refuse_depth);
  } catch (const json::parse_error& error) {
    throw Error(ErrorKind::InvalidInput, what + ": no JSON: wrong at byte " + std::to_string(error.byte));
  } catch (const json::exception& error) {
    throw Error(ErrorKind::InvalidInput, what + ": " + error.what());  // a number beyond a double
  }
}

void Mistakes::add(const std::string& path, const std::string& rule) {
  std::string said = (path.empty() ? "" : path + ": ") + rule;
  if (std::find(said_.begin(), said_.end(), said) == said_.end()) {
    said_.push_back(std::move(said));
  }
}

void Mistakes::add(const std::string& path, const json& value, const std::string& rule) {
  add(path, shown(value) + ": " + rule);
}

void Mistakes::throw_if_any() const {
  if (said_.empty()) {
    return;
  }
  std::string all;
  for (std::size_t i = 0; i < std::min(said_.size(), kSaidMax); ++i) {
    all += (i == 0 ? "" : "; ") + said_[i];
  }
  if (said_.size() > kSaidMax) {
    all += "; and " + std::to_string(said_.size() - kSaidMax) + " more";
  }
  throw Error(ErrorKind::InvalidInput, all);
}

Fields::Fields(const json& object, std::string path, Mistakes& mistakes)
    : path_(std::move(path)), mistakes_(&mistakes) {
  if (object.is_object()) {
    object_ = &object;
  } else {
    mistakes.add(path_, object, "must be an object");
  }
}

std::string Fields::path_of(std::string_view name) const {
  return path_.empty() ? std::string(name) : path_ + "." + std::string(name);
}

void Fields::mistake(const char* name, const std::string& rule) {
  const auto value = object_ != nullptr ? object_->find(name) : json::const_iterator();
  if (object_ != nullptr && value != object_->end()) {
    mistakes_->add(path_of(name), *value, rule);
  } else {
    mistakes_->add(path_of(name), rule);
  }
}

const json* Fields::find(const char* name) {
  known_.emplace_back(name);
  if (object_ == nullptr) {
    return nullptr;
  }
  const auto found = object_->find(name);
  return found != object_->end() && !found->is_null() ? &*found : nullptr;
}

std::string Fields::text(const char* name, std::string otherwise) {
  const json* value = find(name);
  if (value == nullptr) {
    return otherwise;
  }
  if (!value->is_string()) {
    mistake(name, "must be a string");
    return otherwise;
  }
  return value->get<std::string>();
}

std::string Fields::required_text(const char* name) {
  const json* value = find(name);
  if (value == nullptr || (value->is_string() && value->get_ref<const std::string&>().empty())) {
    if (object_ != nullptr) {
      mistakes_->add(path_of(name), "is required");
    }
    return {};
  }
  return text(name);
}

std::int64_t Fields::number(const char* name, const Range& range, std::int64_t otherwise) {
  const json* value = find(name);
  if (value == nullptr) {
    return otherwise;
  }
  const bool is_in_range = value->is_number_integer() &&
                           (!value->is_number_unsigned() ||
                            value->get<std::uint64_t>() <= static_cast<std::uint64_t>(INT64_MAX)) &&
                           value->get<std::int64_t>() >= range.min && value->get<std::int64_t>() <= range.max;
  if (!is_in_range) {
    const std::string bounds = std::to_string(range.min) + " to " + std::to_string(range.max);
    mistake(name, value->is_number() ? std::string(range.noun) + " is " + bounds
                                     : "must be a whole number, " + bounds);
    return otherwise;
  }
  return value->get<std::int64_t>();
}

bool Fields::flag(const char* name, bool otherwise) {
  const json* value = find(name);
  if (value == nullptr) {
    return otherwise;
  }
  if (!value->is_boolean()) {
    mistake(name, "must be true or false");
    return otherwise;
  }
  return value->get<bool>();
}

std::vector<std::string> Fields::texts(const char* name) {
  std::vector<std::string> all;
  const json* value = find(name);
  if (value != nullptr && !value->is_array()) {
    mistake(name, "must be a list of strings");
    return all;
  }
  for (std::size_t i = 0; value != nullptr && i < value->size(); ++i) {
    const json& item = (*value)[i];
    if (item.is_string()) {
      all.push_back(item.get<std::string>());
    } else {
      mistakes_->add(path_of(name) + "[" + std::to_string(i) + "]", item, "must be a string");
    }
  }
  return all;
}

std::vector<std::pair<std::string, std::string>> Fields::text_map(const char* name) {
  std::vector<std::pair<std::string, std::string>> all;
  const json* value = find(name);
  if (value == nullptr) {
    return all;
  }
  if (!value->is_object()) {
    mistake(name, "must be an object of strings");
    return all;
  }
  for (const auto& [key, item] : value->items()) {
    if (item.is_string()) {
      all.emplace_back(key, item.get<std::string>());
    } else {
      mistakes_->add(path_of(name) + "." + key, item, "must be a string");
    }
  }
  return all;
}

std::optional<Fields> Fields::object(const char* name) {
  const json* value = find(name);
  return value != nullptr ? std::optional<Fields>(Fields(*value, path_of(name), *mistakes_)) : std::nullopt;
}

std::vector<Fields> Fields::objects(const char* name) {
  std::vector<Fields> all;
  const json* value = find(name);
  if (value != nullptr && !value->is_array()) {
    mistake(name, "must be a list of objects");
    return all;
  }
  for (std::size_t i = 0; value != nullptr && i < value->size(); ++i) {
    all.emplace_back((*value)[i], path_of(name) + "[" + std::to_string(i) + "]", *mistakes_);
  }
  return all;
}

void Fields::close() {
  if (object_ == nullptr) {
    return;
  }
  for (const auto& [field, value] : object_->items()) {
    if (std::find(known_.begin(), known_.end(), field) == known_.end()) {
      const std::string near = nearest(field, known_);
      mistakes_->add(path_of(field), value, "no such field" + (near.empty() ? "" : ", but " + near));
    }
  }
}

}  // namespace labctl::api
