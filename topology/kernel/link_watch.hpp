#pragma once

// Waiting for links to carry packets. A bridge port forwards, and a link's queue is active, only after the
// kernel's link watch has run, some time after the carrier came; what is sent before is dropped without a
// word, which looks like loss in a network just built. See Documentation/networking/operstates.rst.

#include <chrono>
#include <span>

namespace labctl::kernel {

// Waits until these links (ifindexes) of the calling thread's network namespace, and the bridges that they
// are ports of, are up (IF_OPER_UP); links that are gone, on no bridge, set down, or whose other end is down,
// are not waited for. Costs what the ports are many, not what the namespace has. Driven by RTNLGRP_LINK
// events. Throws Error: Timeout naming a link that is not up by then.
void wait_until_forwarding(std::span<const int> ports, std::chrono::milliseconds timeout);

}  // namespace labctl::kernel
