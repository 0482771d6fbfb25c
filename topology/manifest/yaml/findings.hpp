#pragma once

// The diagnostics of one load, and the places in documents they are about.

#include "topology/base/diagnostic.hpp"
#include "topology/manifest/yaml/yaml_tree.hpp"

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace labctl::manifest {

// A value inside a document and the way to it from the root. Places are links of a chain on the stack: a
// parent must outlive its children. Nothing is allocated until a path is asked for.
struct Place {
  const YamlNode* node = nullptr;  // nullptr: absent (or null)
  Mark mark;                       // where to point: the value, or what should hold it
  Mark key_mark;                   // the key, for complaints about the field itself
  int source = 0;                  // index of the source
  const Place* parent = nullptr;
  std::string_view key;  // a field of the parent; borrowed
  int index = -1;        // or an item of it

  explicit operator bool() const { return node != nullptr; }
  // The field `name` (must outlive the result); absent if it is not there or null.
  Place field(std::string_view name) const&;
  // The same for an entry of this mapping's node, without looking for it.
  Place member(const YamlEntry& entry) const&;
  Place item(size_t i) const&;
  // A chain of calls would leave the result with a parent that is gone.
  Place field(std::string_view name) && = delete;
  Place member(const YamlEntry& entry) && = delete;
  Place item(size_t i) && = delete;
  size_t size() const { return node == nullptr ? 0 : node->items.size(); }
  // The text of a string value, else "".
  std::string_view text() const;
  // "spec.containers[0].name"; keys that are no plain words are quoted in brackets.
  std::string path() const;
};

// Collects diagnostics. Bounded: behind kFindingsMax only the count goes on.
class Findings {
 public:
  Findings(std::vector<std::string> source_names, bool strict)
      : names_(std::move(source_names)), strict_(strict) {}

  void error(const Place& place, std::string message, std::string hint = {});
  void warning(const Place& place, std::string message, std::string hint = {});
  // About text that is no document yet.
  void error_at(int source, Mark mark, std::string message, std::string hint = {});

  // A warning listed once for all places with the same `kind` of finding; later ones are only counted.
  // `at_key` points at the field's name instead of its value; `strict_error` makes it an error when strict.
  struct Repeated {
    std::string kind;
    std::string message;
    std::string hint;
    bool at_key = true;
    bool strict_error = false;
    Topic topic = Topic::None;
    std::string subject{};
  };
  void repeated(const Place& place, Repeated finding);

  // Errors that make a value unfit; those that are errors only because of `strict` are not among them, so
  // that a strict load finds as much as another.
  size_t errors() const { return errors_; }
  // False once findings are only counted: a hint that costs something need not be thought of any more.
  bool has_room() const;
  SourcePosition position(const Place& place) const;
  SourcePosition position(int source, Mark mark) const;
  // All of them, by source, line and column.
  std::vector<Diagnostic> take();

 private:
  struct Entry {
    int source;
    Mark mark;
    Diagnostic diagnostic;
  };
  void add(Severity severity, int source, Mark mark, std::string path, std::string message, std::string hint);

  std::vector<std::string> names_;
  bool strict_;
  size_t errors_ = 0;
  bool has_kept_error_ = false;
  size_t dropped_ = 0;
  size_t more_places_ = 0;  // of repeated findings, that are listed
  std::vector<Entry> entries_;
  std::map<std::string, size_t, std::less<>> repeated_;
};

// `text` in double quotes, cut to a readable length, line breaks escaped.
std::string in_quotes(std::string_view text);

// "a, b or c".
std::string either(const std::vector<std::string>& words);

// The first few of them: "node-1, node-2 and 8 more".
std::string some_of(const std::vector<std::string_view>& names);

// The candidate that `word` most likely was meant to be, by edit distance and case; "" if none is near.
std::string nearest(std::string_view word, const std::vector<std::string_view>& candidates);

}  // namespace labctl::manifest
