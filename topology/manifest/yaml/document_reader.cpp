#include "topology/manifest/yaml/document_reader.hpp"

#include "topology/manifest/yaml/json_text.hpp"
#include "topology/manifest/yaml/parser_words.hpp"
#include "topology/manifest/yaml/text_check.hpp"
#include "topology/manifest/yaml/text_encoding.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <array>
#include <istream>
#include <map>
#include <optional>
#include <streambuf>
#include <unordered_map>
#include <utility>

namespace labctl::manifest {
namespace {

// Of one source, with every alias counted as often as it is used: 10,000 objects have about 600,000.
constexpr size_t kValuesMax = 2'000'000;
constexpr std::string_view kYamlTag = "tag:yaml.org,2002:";
// From here on an index finds duplicate keys; below, comparing is cheaper.
constexpr size_t kFewKeys = 16;

// Lends text to an istream without copying it.
class TextBuffer : public std::streambuf {
 public:
  explicit TextBuffer(std::string_view text) {
    char* begin = const_cast<char*>(text.data());
    setg(begin, begin, begin + text.size());
  }
};

std::string shown_tag(const std::string& tag) {
  return in_quotes(std::string_view(tag).starts_with(kYamlTag) ? "!!" + tag.substr(kYamlTag.size()) : tag);
}

struct Anchor {
  std::string name;
  const YamlNode* node = nullptr;
  size_t weight = 1;
  int height = 0;
  bool is_open = true;
};

class TreeBuilder final : public YAML::EventHandler {
 public:
  // `pairs`: what was done to the text of the chunk, or nullptr.
  TreeBuilder(int source, const TextChunk& chunk, const PairedJson* pairs, YamlArena& arena,
              Findings& findings, size_t& values)
      : source_(source),
        first_line_(chunk.first_line),
        first_column_(chunk.first_column),
        text_(chunk.text),
        pairs_(pairs),
        arena_(arena),
        findings_(findings),
        values_(values) {}

  const YamlNode* root() const { return root_; }
  Mark convert(const YAML::Mark& mark) const {
    const int line = std::max(mark.line, 0);
    const int column = std::max(mark.column, 0);
    return {line + first_line_, column + (pairs_ != nullptr ? pairs_->shift_at(line, column) : 0) +
                                    (line == 0 ? first_column_ : 1)};
  }

  void OnDocumentStart(const YAML::Mark& mark) override {
    // At text it cannot make sense of, such as a lone ",", yaml-cpp would report empty documents for ever.
    if (std::exchange(document_start_, mark.pos) == mark.pos) {
      throw Refusal{convert(mark), "a character that cannot begin a value",
                    "remove it, or put the text in quotes"};
    }
    root_ = nullptr;
    anchors_.clear();
    stack_.clear();
  }
  void OnDocumentEnd() override {}
  void OnAnchor(const YAML::Mark&, const std::string& name) override { anchor_name_ = name; }

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    add_scalar(YamlNode::Kind::Null, convert(mark), anchor, {}, false);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    const Mark where = convert(mark);
    const bool plain = tag == "?";
    YamlNode& node = add_scalar(YamlNode::Kind::String, where, anchor, value, plain);
    if (plain) {
      return;
    }
    node.quoted = true;
    check_closed(mark, where);
    if (tag.empty() || tag == "!" || tag == std::string(kYamlTag) + "str") {
      return;
    }
    apply_tag(node, tag);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const Mark where = convert(mark);
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) {
      throw Refusal{where, "an alias (*name) without an anchor (&name) before it", "define the anchor first"};
    }
    const Anchor& target = found->second;
    if (target.is_open) {
      throw Refusal{where, "the alias *" + target.name + " stands inside its own anchor &" + target.name,
                    "a value cannot contain itself; write out what is meant"};
    }
    spend(target.weight, where);
    if (static_cast<int>(stack_.size()) + target.height > kDepthMax) {
      throw too_deep(where);
    }
    attach(target.node, where, target.weight, target.height, false);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    start(YamlNode::Kind::Sequence, convert(mark), tag, anchor);
  }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    start(YamlNode::Kind::Mapping, convert(mark), tag, anchor);
  }
  void OnSequenceEnd() override { finish(); }
  void OnMapEnd() override {
    resolve_merges(stack_.back());
    stack_.back().node->index_entries();
    finish();
  }

 private:
  struct Frame {
    YamlNode* node;
    YAML::anchor_t anchor;
    size_t weight = 1;
    int height = 1;
    bool has_key = false;
    bool key_is_merge = false;
    std::string key;
    Mark key_mark;
    std::vector<std::pair<Mark, const YamlNode*>> merges;
    std::unordered_map<std::string, size_t> keys;  // of its entries; only when there are many
  };

  static Refusal too_deep(Mark mark) {
    return {mark, "values nest deeper than " + std::to_string(kDepthMax) + " levels",
            "no object needs that; put text that holds brackets in quotes"};
  }

  // yaml-cpp takes the end of the document for a closing quote.
  void check_closed(const YAML::Mark& mark, Mark where) const {
    constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
    size_t at = static_cast<size_t>(std::max(mark.pos, 0)) + (text_.starts_with(kByteOrderMark) ? 3 : 0);
    while (at < text_.size() && (text_[at] == '&' || text_[at] == '!')) {
      at = text_.find_first_not_of(" \t\r\n", std::min(text_.find_first_of(" \t\r\n", at), text_.size()));
    }
    if (at < text_.size() && (text_[at] == '"' || text_[at] == '\'') &&
        end_of_quoted(text_, at) == std::string_view::npos) {
      throw Refusal{where, "a quoted text is not closed before the document ends",
                    "close it with the quote it began with"};
    }
  }

  void spend(size_t values, Mark mark) {
    values_ += values;
    if (values_ > kValuesMax) {
      throw Refusal{mark, "more than " + std::to_string(kValuesMax) + " values, aliases counted each time",
                    "split the text into several files, or use fewer aliases"};
    }
  }

  void register_anchor(YAML::anchor_t id, const YamlNode* node) {
    if (id != 0) {
      anchors_[id] = Anchor{std::exchange(anchor_name_, {}), node};
    }
  }

  YamlNode& add_scalar(YamlNode::Kind kind, Mark mark, YAML::anchor_t anchor, const std::string& value,
                       bool plain) {
    spend(1, mark);
    YamlNode& node = arena_.make(kind, mark);
    node.text = value;
    if (plain) {
      resolve_plain_scalar(node);
    }
    register_anchor(anchor, &node);
    if (anchor != 0) {
      anchors_[anchor].is_open = false;
    }
    attach(&node, mark, 1, 0, plain);
    return node;
  }

  void apply_tag(YamlNode& node, const std::string& tag) {
    YamlNode typed = node;
    resolve_plain_scalar(typed);
    const std::string_view name =
        std::string_view(tag).starts_with(kYamlTag) ? std::string_view(tag).substr(kYamlTag.size()) : "";
    const bool fits =
        (name == "int" && typed.kind == YamlNode::Kind::Integer) ||
        (name == "float" && (typed.kind == YamlNode::Kind::Float || typed.kind == YamlNode::Kind::Integer)) ||
        (name == "bool" && typed.kind == YamlNode::Kind::Boolean) ||
        (name == "null" && typed.kind == YamlNode::Kind::Null);
    if (!fits) {
      throw Refusal{node.mark, "the tag " + shown_tag(tag) + " does not fit this value, or is not known",
                    "remove the tag; the field decides the type"};
    }
    node = typed;
    node.quoted = false;
  }

  void start(YamlNode::Kind kind, Mark mark, const std::string& tag, YAML::anchor_t anchor) {
    spend(1, mark);
    if (stack_.size() >= static_cast<size_t>(kDepthMax)) {
      throw too_deep(mark);
    }
    const std::string_view wanted = kind == YamlNode::Kind::Mapping ? "map" : "seq";
    if (!tag.empty() && tag != "?" && tag != "!" && tag != std::string(kYamlTag) + std::string(wanted)) {
      throw Refusal{mark, "the tag " + shown_tag(tag) + " does not fit this value, or is not known",
                    "remove the tag; the field decides the type"};
    }
    if (!stack_.empty() && stack_.back().node->is_mapping() && !stack_.back().has_key) {
      throw Refusal{mark,
                    std::string("a key must be plain text, got a ") +
                        (kind == YamlNode::Kind::Mapping ? "mapping" : "list"),
                    "quote text that begins with { or [; a template ({{ ... }}) must be rendered first"};
    }
    YamlNode& node = arena_.make(kind, mark);
    register_anchor(anchor, &node);
    Frame frame{};
    frame.node = &node;
    frame.anchor = anchor;
    frame.weight = 1;
    frame.height = 1;
    stack_.push_back(std::move(frame));
  }

  void finish() {
    Frame frame = std::move(stack_.back());
    stack_.pop_back();
    if (frame.anchor != 0) {
      Anchor& anchor = anchors_[frame.anchor];
      anchor.weight = frame.weight;
      anchor.height = frame.height;
      anchor.is_open = false;
    }
    attach(frame.node, frame.node->mark, frame.weight, frame.height, false);
  }

  // Puts a finished value where the document has it: root, item, key or value.
  void attach(const YamlNode* node, Mark mark, size_t weight, int height, bool plain) {
    if (stack_.empty()) {
      root_ = node;
      return;
    }
    Frame& frame = stack_.back();
    frame.weight += weight;
    frame.height = std::max(frame.height, height + 1);
    if (frame.node->is_sequence()) {
      frame.node->items.push_back(node);
    } else if (!frame.has_key) {
      take_key(frame, *node, mark, plain);
    } else {
      frame.has_key = false;
      if (frame.key_is_merge) {
        frame.merges.emplace_back(mark, node);
      } else {
        add_entry(frame, node);
      }
    }
  }

  void take_key(Frame& frame, const YamlNode& node, Mark mark, bool plain) {
    switch (node.kind) {
      case YamlNode::Kind::Boolean:
        frame.key = node.truth ? "true" : "false";  // as kubectl has it
        break;
      case YamlNode::Kind::String:
      case YamlNode::Kind::Integer:
      case YamlNode::Kind::Float:
        frame.key = node.text;
        break;
      case YamlNode::Kind::Null:
        throw Refusal{mark, "a value without a key", "write key: value; quote a key that is the word null"};
      case YamlNode::Kind::Sequence:
      case YamlNode::Kind::Mapping:
        throw Refusal{mark, "a key must be plain text, got an alias of a list or mapping", {}};
    }
    frame.has_key = true;
    frame.key_is_merge = plain && node.text == "<<";
    frame.key_mark = mark;
  }

  void add_entry(Frame& frame, const YamlNode* value) {
    auto& entries = frame.node->entries;
    if (const YamlEntry* first = known_entry(frame, frame.key)) {
      findings_.error_at(source_, frame.key_mark, "the key " + in_quotes(frame.key) + " stands here twice",
                         "the first is on line " + std::to_string(first->mark.line) +
                             "; remove one of them, or merge their values");
      return;
    }
    // A value left out has the place of whatever follows it; its key says more.
    if (value->is_null() && value->mark.line != frame.key_mark.line) {
      value = &arena_.make(YamlNode::Kind::Null, frame.key_mark);
    }
    entries.push_back({std::move(frame.key), frame.key_mark, value});
    remember(frame);
  }

  static const YamlEntry* known_entry(const Frame& frame, const std::string& key) {
    if (frame.keys.empty()) {
      return frame.node->entry(key);
    }
    const auto known = frame.keys.find(key);
    return known == frame.keys.end() ? nullptr : &frame.node->entries[known->second];
  }

  static void remember(Frame& frame) {
    const auto& entries = frame.node->entries;
    if (!frame.keys.empty()) {
      frame.keys.emplace(entries.back().key, entries.size() - 1);
    } else if (entries.size() == kFewKeys) {
      for (size_t i = 0; i < entries.size(); ++i) {
        frame.keys.emplace(entries[i].key, i);
      }
    }
  }

  // "<<: *defaults" or "<<: [*a, *b]": keys of the mapping itself win, then those of the earlier.
  void resolve_merges(Frame& frame) {
    for (const auto& [mark, value] : frame.merges) {
      const std::vector<const YamlNode*> listed = value->is_sequence() ? value->items : std::vector{value};
      for (const YamlNode* mapping : listed) {
        if (!mapping->is_mapping()) {
          throw Refusal{mark, "<< takes a mapping or a list of mappings", "write <<: *name"};
        }
        spend(mapping->entries.size(), mark);
        for (const YamlEntry& entry : mapping->entries) {
          if (known_entry(frame, entry.key) == nullptr) {
            frame.node->entries.push_back(entry);
            remember(frame);
          }
        }
      }
    }
  }

  int source_;
  int first_line_;
  int first_column_;
  std::string_view text_;
  const PairedJson* pairs_;
  YamlArena& arena_;
  Findings& findings_;
  size_t& values_;
  const YamlNode* root_ = nullptr;
  int document_start_ = -1;
  std::vector<Frame> stack_;
  std::map<YAML::anchor_t, Anchor> anchors_;
  std::string anchor_name_;
};

void read_chunk(int source, const TextChunk& chunk, const PairedJson* pairs, YamlArena& arena,
                Findings& findings, size_t& values, std::vector<const YamlNode*>& roots) {
  TreeBuilder builder(source, chunk, pairs, arena, findings, values);
  try {
    TextBuffer buffer(chunk.text);
    std::istream stream(&buffer);
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
      if (builder.root() != nullptr && !builder.root()->is_null()) {
        roots.push_back(builder.root());
      }
    }
  } catch (const Refusal& refusal) {
    findings.error_at(source, refusal.mark, refusal.message, refusal.hint);
  } catch (const YAML::Exception& error) {
    const Mark mark = builder.convert(error.mark);
    const Refusal refusal = tab_in_indentation(chunk, mark).value_or(translated(error.msg, mark));
    findings.error_at(source, refusal.mark, refusal.message, refusal.hint);
  } catch (const std::exception& error) {
    findings.error_at(source, {chunk.first_line, 1}, std::string("this is no YAML: ") + error.what());
  }
}

// The values of a chunk of JSON, each with its place; nothing: it is none.
std::vector<TextChunk> json_chunks(const TextChunk& chunk) {
  const bool has_marker = chunk.text.starts_with("---");
  const size_t begin = has_marker ? std::min(chunk.text.find('\n'), chunk.text.size()) : 0;
  const bool is_bare = chunk.text.substr(0, begin).find_first_not_of("- \t\r") == std::string_view::npos;
  std::vector<TextChunk> values;
  if (!is_bare) {
    return values;
  }
  TextChunk place{chunk.text, chunk.first_line, 1};
  size_t at = 0;
  for (const std::string_view value : split_json_values(chunk.text.substr(begin))) {
    for (const auto start = static_cast<size_t>(value.data() - chunk.text.data()); at < start; ++at) {
      const bool is_end = chunk.text[at] == '\n';
      place.first_line += is_end ? 1 : 0;
      place.first_column = is_end ? 1 : place.first_column + 1;
    }
    values.push_back({value, place.first_line, place.first_column});
  }
  return values;
}

}  // namespace

std::vector<const YamlNode*> read_documents(int source, std::string_view text, YamlArena& arena,
                                            Findings& findings) {
  std::vector<const YamlNode*> roots;
  const std::optional<DecodedText> decoded = decode_marked_text(text);
  if (decoded && !decoded->why.empty()) {
    findings.error_at(source, {}, decoded->why, "save the file as UTF-8");
    return roots;
  }
  text = decoded ? decoded->text : text;
  if (!check_text(source, text, findings)) {
    return roots;
  }
  size_t values = 0;
  for (const TextChunk& chunk : split_documents(text)) {
    std::vector<TextChunk> parts = json_chunks(chunk);
    const bool is_json = !parts.empty();
    if (!is_json) {
      parts.push_back(chunk);
    }
    for (TextChunk& part : parts) {
      std::optional<PairedJson> pairs;
      if (is_json && (part.text.find("\\ud") != std::string_view::npos ||
                      part.text.find("\\uD") != std::string_view::npos)) {
        pairs = join_surrogates(part.text);
        part.text = pairs->text;
      }
      read_chunk(source, part, pairs ? &*pairs : nullptr, arena, findings, values, roots);
    }
  }
  return roots;
}

}  // namespace labctl::manifest
