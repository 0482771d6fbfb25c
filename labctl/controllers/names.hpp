#pragma once

// Names given out instead of random ones: the same files give the same names. The alphabet is the one
// Kubernetes uses, without vowels and look-alikes, so that no words appear.

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace labctl::controllers {

// `length` characters of [bcdfghjklmnpqrstvwxz2456789] from the hash of `text`; at most 13.
std::string safe_hash(std::string_view text, int length);

// "<base>-<5 characters>", as generateName does; `base` is cut so that the whole has at most 63. `ordinal`
// makes it unique.
std::string generated_name(std::string_view base, std::uint64_t ordinal);

// The pod-template-hash of a pod template, 10 characters. `collisions` is status.collisionCount.
std::string template_hash(const nlohmann::json& pod_template, std::int64_t collisions);

}  // namespace labctl::controllers
