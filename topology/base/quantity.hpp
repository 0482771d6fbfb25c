#pragma once

// Amounts of a resource: "500m", "64Mi", "1.5", "2e3" (apimachinery, resource.Quantity).

#include <cstdint>
#include <optional>
#include <string_view>

namespace labctl {

// In thousandths, rounded up as Kubernetes rounds up what it cannot keep; what is larger than 2^63 - 1
// thousandths is that. Nothing for a text that is no quantity.
std::optional<std::int64_t> parse_milli_quantity(std::string_view text);

// In whole units, rounded up: bytes, files, cores; bounded in the same way.
std::optional<std::int64_t> parse_quantity(std::string_view text);

}  // namespace labctl
