#pragma once

// A parsed YAML document as a tree that knows where each value stands in the text. Scalars are typed already;
// anchors are expanded by sharing: an alias is the same node once more.

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace labctl::manifest {

// Lines and columns (bytes) count from 1.
struct Mark {
  int line = 1;
  int column = 1;
  auto operator<=>(const Mark&) const = default;
};

struct YamlEntry;

struct YamlNode {
  enum class Kind : std::uint8_t { Null, String, Boolean, Integer, Float, Sequence, Mapping };
  Kind kind = Kind::Null;
  bool truth = false;        // Boolean
  bool quoted = false;       // a scalar in quotes, a block scalar, or one tagged !!str
  std::int64_t integer = 0;  // Integer
  double number = 0;         // Integer and Float
  Mark mark;
  std::string text;  // a scalar as written, escapes resolved
  std::vector<const YamlNode*> items;
  std::vector<YamlEntry> entries;     // in file order, keys unique, merge keys (<<) resolved
  std::vector<std::uint32_t> by_key;  // of a large mapping: its entries in the order of their keys

  bool is_mapping() const { return kind == Kind::Mapping; }
  bool is_sequence() const { return kind == Kind::Sequence; }
  bool is_string() const { return kind == Kind::String; }
  bool is_null() const { return kind == Kind::Null; }
  // The entry of `key`, or nullptr: absent, or this is no mapping.
  const YamlEntry* entry(std::string_view key) const;
  // Its value; nullptr also for null, which Kubernetes takes as absent.
  const YamlNode* find(std::string_view key) const;
  // To be called when a mapping is complete: entries are then found without looking through all of them.
  void index_entries();
};

struct YamlEntry {
  std::string key;
  Mark mark;  // of the key
  const YamlNode* value = nullptr;
};

// Owns the nodes of any number of documents; nodes keep their addresses.
class YamlArena {
 public:
  YamlNode& make(YamlNode::Kind kind, Mark mark) {
    YamlNode& node = nodes_.emplace_back();
    node.kind = kind;
    node.mark = mark;
    return node;
  }

 private:
  std::deque<YamlNode> nodes_;
};

// Types a plain scalar as kubectl does and fills kind, truth, integer and number. `text` must be set.
void resolve_plain_scalar(YamlNode& node);

}  // namespace labctl::manifest
