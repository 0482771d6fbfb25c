#pragma once

// What the kernel holds about a failed socket: SO_ERROR, and with IP_RECVERR the queue of ICMP errors with
// the router that sent each; see ip(7). Without the queue a rejected SYN is not heard of for a second: the
// ICMP error arrives while connect(2) still owns the socket, and is then only remembered.

#include "probes/outcome/outcome.hpp"
#include "topology/base/ip_address.hpp"

#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace labctl::engine {

// Asks for the queue, before anything is sent. Errors are ignored: without it only detail is lost.
void want_error_queue(int fd, Family family) noexcept;

struct QueuedError {
  probes::Outcome outcome =
      probes::Outcome::Inconclusive;  // Inconclusive: about sizes, not about reachability
  int errno_value = 0;
  bool is_icmp = false;
  std::uint8_t type = 0;
  std::uint8_t code = 0;
  std::optional<IpAddress> offender;  // who sent the ICMP error
  sockaddr_storage destination{};     // where our packet was going
  std::array<char, 256> payload{};    // the beginning of our own datagram
  std::size_t payload_size = 0;
};

// Takes the oldest error from the queue; false if there is none.
bool take_error(int fd, QueuedError& out) noexcept;

// Takes SO_ERROR; 0 if there is none.
int take_so_error(int fd) noexcept;

// "connect: Connection refused (ECONNREFUSED)", into `out`, whose memory is used again.
void describe_errno(std::string_view act, int errno_value, std::string& out);
// "10.244.1.1 answers: communication prohibited (ICMP type 3 code 13)"; the words say the outcome.
void describe_icmp(probes::Outcome outcome, Family family, std::uint8_t type, std::uint8_t code,
                   const std::optional<IpAddress>& offender, std::string& out);
// Whichever of the two fits.
void describe(std::string_view act, const QueuedError& error, std::string& out);

}  // namespace labctl::engine
