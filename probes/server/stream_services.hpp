#pragma once

// Stream ports that do not speak HTTP: text to whoever connects, the text protocol over SCTP, tcp-reset.

#include "probes/server/core.hpp"

namespace labctl::server {

// Serves one accepted connection of such a port, at once or with a session of its own.
void serve_stream(Core& core, const ListenerTable::View& listener, Accepted connection);

}  // namespace labctl::server
