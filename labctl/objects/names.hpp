#pragma once

// Names given out instead of random ones: the same files give the same names. The alphabet is the one
// Kubernetes uses, without vowels and look-alikes, so that no words appear.

#include <cstddef>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace labctl::objects {

// `length` characters of [bcdfghjklmnpqrstvwxz2456789] from the hash of `text`; at most 13.
std::string safe_hash(std::string_view text, int length);

// Of any object. Some kinds take less: 63 are a label's (RFC 1123).
inline constexpr std::size_t kNameMax = 253;
inline constexpr std::size_t kLabelMax = 63;

// What metadata.generateName becomes: "web-" and 5 characters. A prefix of more than 58 is cut there, dash or
// not, so that the whole has at most 63: it is then a valid name wherever the prefix is the beginning of one.
// `ordinal` makes it unique.
std::string generated_name(std::string_view prefix, std::uint64_t ordinal);

// What an API server says of a text in a field that takes at most `most` bytes; empty: it is not longer.
std::string too_long(std::string_view path, const std::string& text, std::size_t most);

// Why an API server would refuse to create an object that a controller has named; empty: it would not.
// `resource` as in "ReplicaSet.apps".
std::string too_long_name(std::string_view resource, const std::string& name);

// The pod-template-hash of a pod template, 10 characters. `collisions` is status.collisionCount.
std::string template_hash(const nlohmann::json& pod_template, std::int64_t collisions);

}  // namespace labctl::objects
