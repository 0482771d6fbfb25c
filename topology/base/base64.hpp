#pragma once

// Base64 (RFC 4648 §4), as Kubernetes writes bytes into JSON and etcd's gateway writes keys and values.

#include <optional>
#include <string>
#include <string_view>

namespace labctl {

std::string to_base64(std::string_view bytes);
// Nothing for what is none: another alphabet, no padding. Line breaks are skipped,
// as Go's decoder skips them.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace labctl
