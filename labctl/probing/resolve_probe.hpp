#pragma once

// A probe as a client asks for it, as the engine takes it: targets resolved to addresses, defaults filled in.

#include "labctl/api/probe_message.hpp"
#include "labctl/probing/vantage_table.hpp"
#include "probes/engine/probe.hpp"

#include <cstdint>
#include <optional>

namespace labctl::probing {

// Borrows from the table. Throws Error: InvalidInput (a bad target), NotFound (no such place), Unsupported.
engine::Probe resolve_probe(const api::ProbeRequest& request, const VantageTable& table);

// The first declared port of that protocol; nothing if there is none.
std::optional<std::uint16_t> declared_port(const Place& place, protocol::ProbeProtocol protocol);

}  // namespace labctl::probing
