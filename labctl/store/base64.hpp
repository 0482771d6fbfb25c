#pragma once

// Base64 (RFC 4648 §4), as etcd's JSON gateway writes keys and values.

#include <string>
#include <string_view>

namespace labctl::store {

std::string to_base64(std::string_view bytes);
// Empty for what is none.
std::string from_base64(std::string_view text);

}  // namespace labctl::store
