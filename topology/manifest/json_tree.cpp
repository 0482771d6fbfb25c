#include "topology/manifest/json_tree.hpp"

#include <nlohmann/json.hpp>

#include <limits>

namespace labctl::manifest {
namespace {

using nlohmann::json;

void take_number(const json& value, YamlNode& node) {
  const bool fits = value.is_number_integer() &&
                    (!value.is_number_unsigned() ||
                     value.get<std::uint64_t>() <= std::uint64_t(std::numeric_limits<std::int64_t>::max()));
  node.kind = fits ? YamlNode::Kind::Integer : YamlNode::Kind::Float;
  node.integer = fits ? value.get<std::int64_t>() : 0;
  node.number = value.get<double>();
  node.text = value.dump();
}

}  // namespace

YamlNode& to_tree(const json& value, YamlArena& arena) {
  YamlNode& node = arena.make(YamlNode::Kind::Null, {});
  switch (value.type()) {
    case json::value_t::string:
      node.kind = YamlNode::Kind::String;
      node.text = value.get_ref<const std::string&>();
      break;
    case json::value_t::boolean:
      node.kind = YamlNode::Kind::Boolean;
      node.truth = value.get<bool>();
      node.text = node.truth ? "true" : "false";
      break;
    case json::value_t::number_integer:
    case json::value_t::number_unsigned:
    case json::value_t::number_float:
      take_number(value, node);
      break;
    case json::value_t::array:
      node.kind = YamlNode::Kind::Sequence;
      node.items.reserve(value.size());
      for (const json& item : value) {
        node.items.push_back(&to_tree(item, arena));
      }
      break;
    case json::value_t::object:
      node.kind = YamlNode::Kind::Mapping;
      node.entries.reserve(value.size());
      for (const auto& [key, member] : value.items()) {
        node.entries.push_back({key, {}, &to_tree(member, arena)});
      }
      node.index_entries();
      break;
    case json::value_t::null:
    case json::value_t::binary:
    case json::value_t::discarded:
      break;
  }
  return node;
}

void drop_nulls(json& value) {
  if (value.is_object()) {
    for (auto member = value.begin(); member != value.end();) {
      if (member->is_null()) {
        member = value.erase(member);
      } else {
        drop_nulls(*member);
        ++member;
      }
    }
  } else if (value.is_array()) {
    for (json& item : value) {
      drop_nulls(item);
    }
  }
}

}  // namespace labctl::manifest
