#pragma once

// A place of a lab: a network namespace in which programs run, and where probes begin and end. Its text names
// it everywhere: in manifests, on the command line, in requests and replies, as the id of its namespace in a
// plan (plan::NamespaceId), as the owner of its addresses.
//
//   pod/NAMESPACE/NAME      node/NAME      outside/NAME
//
// A name is taken as it is written: whether it may be one, and whether there is
// such a place, is the caller's question.

#include "topology/model/pod.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace labctl::model {

enum class PlaceKind { Pod, Node, Outside };

// "pod", "node", "outside".
std::string_view to_string(PlaceKind kind);

struct Place {
  PlaceKind kind = PlaceKind::Pod;
  std::string ns;  // of a pod; the others have none
  std::string name;
  auto operator<=>(const Place&) const = default;

  static Place pod(std::string ns, std::string name) {
    return {PlaceKind::Pod, std::move(ns), std::move(name)};
  }
  static Place pod(const PodKey& key) { return pod(key.ns, key.name); }
  static Place node(std::string name) { return {PlaceKind::Node, {}, std::move(name)}; }
  static Place outside(std::string name) { return {PlaceKind::Outside, {}, std::move(name)}; }
};

std::string to_string(const Place& place);

// Nothing for a text of another shape: another kind, too few or too many parts, an empty part.
std::optional<Place> parse_place(std::string_view text);

// As users shorten it: also a bare pod name, "pod/NAME" (both in `default_namespace`), kubectl's order
// "NAMESPACE/pod/NAME", and its other words for the kinds, "po", "pods", "no" and "nodes".
std::optional<Place> parse_short_place(std::string_view text, std::string_view default_namespace);

// A text that begins as a place does, cut into its parts, whatever these are: for whoever tells what is wrong
// with it, or takes something behind it. Nothing unless it begins with a kind and a slash.
struct PlaceParts {
  PlaceKind kind = PlaceKind::Pod;
  std::optional<std::string_view> ns;  // of a pod; nothing if there is no slash behind it
  std::string_view name;               // the rest
};
std::optional<PlaceParts> split_place(std::string_view text);

// "Did you mean": which of `known` someone meant who wrote `text`. Places and other objects are named alike:
// kind, namespace if the kind has one, name. It is of the same kind and has the nearest name in the same
// namespace, else the same name in another one. Empty when none is near.
std::string nearest_place(std::string_view text, std::span<const std::string_view> known);

}  // namespace labctl::model
