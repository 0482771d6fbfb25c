#pragma once

// Addresses and prefixes from literals, for tests.

#include "topology/base/ip_address.hpp"

namespace labctl {

inline IpAddress ip(const char* text) { return IpAddress::parse(text).value(); }
inline Prefix prefix(const char* text) { return Prefix::parse(text).value(); }

}  // namespace labctl
