#include "topology/model/place.hpp"

#include "topology/base/nearest.hpp"

#include <algorithm>
#include <vector>

namespace labctl::model {
namespace {

struct PlaceWord {
  std::string_view word;
  PlaceKind kind;
};

// In the order of PlaceKind.
constexpr PlaceWord kWords[] = {
    {"pod", PlaceKind::Pod}, {"node", PlaceKind::Node}, {"outside", PlaceKind::Outside}};
constexpr PlaceWord kShortWords[] = {
    {"po", PlaceKind::Pod}, {"pods", PlaceKind::Pod}, {"no", PlaceKind::Node}, {"nodes", PlaceKind::Node}};

std::optional<PlaceKind> kind_in(std::span<const PlaceWord> words, std::string_view word) {
  const auto found =
      std::find_if(words.begin(), words.end(), [&](const PlaceWord& one) { return one.word == word; });
  return found == words.end() ? std::nullopt : std::optional(found->kind);
}

std::optional<PlaceKind> kind_meant(std::string_view word) {
  const auto kind = kind_in(kWords, word);
  return kind ? kind : kind_in(kShortWords, word);
}

// "a/b/c" as "a" and "b/c"; nothing without a slash.
std::optional<std::pair<std::string_view, std::string_view>> cut(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) {
    return std::nullopt;
  }
  return std::pair{text.substr(0, slash), text.substr(slash + 1)};
}

bool is_one_part(std::string_view text) { return !text.empty() && text.find('/') == std::string_view::npos; }

// The parts of a pod may have come from anywhere.
std::optional<Place> complete(PlaceKind kind, std::string_view ns, std::string_view name) {
  if (!is_one_part(name) || (kind == PlaceKind::Pod && !is_one_part(ns))) {
    return std::nullopt;
  }
  return Place{kind, std::string(ns), std::string(name)};
}

}  // namespace

std::string_view to_string(PlaceKind kind) { return kWords[static_cast<std::size_t>(kind)].word; }

std::string to_string(const Place& place) {
  std::string text(to_string(place.kind));
  if (place.kind == PlaceKind::Pod) {
    text += '/' + place.ns;
  }
  return text += '/' + place.name;
}

std::optional<PlaceParts> split_place(std::string_view text) {
  const auto outer = cut(text);
  const auto kind = outer ? kind_in(kWords, outer->first) : std::nullopt;
  if (!kind) {
    return std::nullopt;
  }
  const auto inner = *kind == PlaceKind::Pod ? cut(outer->second) : std::nullopt;
  return inner ? PlaceParts{*kind, inner->first, inner->second}
               : PlaceParts{*kind, std::nullopt, outer->second};
}

std::optional<Place> parse_place(std::string_view text) {
  const auto parts = split_place(text);
  return parts ? complete(parts->kind, parts->ns.value_or(""), parts->name) : std::nullopt;
}

std::optional<Place> parse_short_place(std::string_view text, std::string_view default_namespace) {
  const auto outer = cut(text);
  if (!outer) {
    return complete(PlaceKind::Pod, default_namespace, text);
  }
  const auto kind = kind_meant(outer->first);
  const auto inner = cut(outer->second);
  if (!inner) {
    return kind ? complete(*kind, *kind == PlaceKind::Pod ? default_namespace : "", outer->second)
                : std::nullopt;
  }
  if (kind == PlaceKind::Pod) {
    return complete(PlaceKind::Pod, inner->first, inner->second);
  }
  return kind_meant(inner->first) == PlaceKind::Pod ? complete(PlaceKind::Pod, outer->first, inner->second)
                                                    : std::nullopt;
}

std::string nearest_place(std::string_view text, std::span<const std::string_view> known) {
  const std::size_t slash = text.rfind('/');
  const std::string_view around = text.substr(0, slash + 1);  // with the slash; empty if there is none
  const std::string_view name = text.substr(around.size());
  const std::string_view kind = text.substr(0, text.find('/') + 1);
  std::vector<std::string_view> names;
  std::string_view elsewhere;
  for (const std::string_view one : known) {
    if (one.starts_with(around)) {
      names.push_back(one.substr(around.size()));
    } else if (one.starts_with(kind) && one.substr(one.rfind('/') + 1) == name) {
      elsewhere = one;
    }
  }
  const std::string near = nearest(name, names);
  return near.empty() ? std::string(elsewhere) : std::string(around) + near;
}

}  // namespace labctl::model
