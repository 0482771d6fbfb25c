#pragma once

// One probe request, from JSON to what the engine takes: targets resolved to addresses, defaults filled in.

#include "labctl/supervisor/vantage_table.hpp"
#include "probes/engine/probe.hpp"
#include "probes/protocol/target.hpp"

#include <nlohmann/json_fwd.hpp>

#include <optional>
#include <string>

namespace labctl::supervisor {

// Throws Error: InvalidInput (a field of another type, a bad target), NotFound (no such place), Unsupported.
engine::Probe probe_from_json(const nlohmann::json& request, const VantageTable& table);

// The first declared port of that protocol; nothing if there is none.
std::optional<std::uint16_t> declared_port(const Place& place, protocol::ProbeProtocol protocol);

}  // namespace labctl::supervisor
