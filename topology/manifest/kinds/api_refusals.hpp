#pragma once

// Refusals in the words of the API server, as kubectl shows them behind the field's path: "Invalid value: 80:
// why". For rules between fields; what a table says of one field is worded by check_schema().

#include "topology/base/ip_address.hpp"
#include "topology/manifest/yaml/findings.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace labctl::manifest {

void refuse_value(const Place& place, std::string_view why, Findings& findings, std::string hint = {});
void refuse_missing(const Place& place, std::string_view why, Findings& findings, std::string hint = {});
void refuse_field(const Place& place, std::string_view why, Findings& findings, std::string hint = {});
void refuse_second(const Place& place, Findings& findings, std::string hint = {});
// `shown` stands for the value: of a port its number and protocol.
void refuse_second(const Place& place, std::string_view shown, Findings& findings, std::string hint);

// The number of a whole number there; nothing for anything else.
std::optional<std::int64_t> integer_at(const Place& place);

// The address in the text there; a text that is none is refused, nothing is said of an absent one.
std::optional<IpAddress> read_address(const Place& place, Findings& findings);
// Refuses what can be no peer's address: unspecified, loopback, link-local, multicast.
void check_ordinary_address(const Place& place, const IpAddress& address, Findings& findings);

}  // namespace labctl::manifest
