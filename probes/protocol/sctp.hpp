#pragma once

// An SCTP probe: the four-way handshake of RFC 9260 on a one-to-one socket, sctp(7). Many kernels are built
// without it, which says nothing about the network.

#include "probes/outcome/outcome.hpp"

#include <string_view>

namespace labctl::protocol {

inline constexpr std::string_view kNoSctp = "the kernel has no SCTP";

// Whether socket(2) failed because there is no SCTP, and not for want of something else.
bool lacks_sctp(int errno_value) noexcept;

// As for TCP, but for an ABORT in answer to the first packet, which SCTP reports as ECONNREFUSED as well, and
// for ICMP protocol unreachable: the other side's kernel has no SCTP.
probes::Outcome classify_sctp_connect(int so_error) noexcept;

}  // namespace labctl::protocol
