#pragma once

// The parts that all messages to the kernel's netfilter have: header, attributes, the
// socket and its answers; see netlink(7) and linux/netfilter/nfnetlink.h. Attributes are
// 4-byte aligned, numbers in network byte order.

#include "topology/base/unique_fd.hpp"

#include <linux/netlink.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace labctl::kernel {
namespace netfilter {

// Messages are built by appending to plain bytes. Both functions return the offset at which they wrote.
std::size_t start_message(std::vector<std::byte>& bytes, int type, int flags, int family,
                          std::uint16_t resource = 0);
// Of `payload`, which may be empty: a nest that end_attribute() closes.
std::size_t put_attribute(std::vector<std::byte>& bytes, int type, std::span<const std::byte> payload);
std::size_t put_text(std::vector<std::byte>& bytes, int type, std::string_view text);
std::size_t put_number(std::vector<std::byte>& bytes, int type, std::uint32_t value);
std::size_t start_nest(std::vector<std::byte>& bytes, int type);
// Writes the length of what began at `offset`, which reaches to the end of `bytes`.
void end_nest(std::vector<std::byte>& bytes, std::size_t offset);
void end_message(std::vector<std::byte>& bytes, std::size_t offset);
nlmsghdr& header_at(std::vector<std::byte>& bytes, std::size_t offset);

// Calls `take` with type and payload of every attribute in `bytes`; ends early when it returns false.
void for_each_attribute(std::span<const std::byte> bytes,
                        const std::function<bool(int type, std::span<const std::byte> payload)>& take);
// The payload of the first attribute of `type`; empty if there is none.
std::span<const std::byte> attribute(std::span<const std::byte> bytes, int type);
std::uint32_t number(std::span<const std::byte> payload);  // 0 unless of 4 bytes

// A NETLINK_NETFILTER socket in the calling thread's namespace that explains errors. Throws Error.
UniqueFd open_socket();

// Throws Error.
void send_bytes(int fd, std::span<const std::byte> bytes, const std::string& act);

// One message of an answer.
struct Reply {
  int type = 0;
  std::uint32_t sequence = 0;
  bool is_interrupted = false;            // the table changed during a dump: it must be read again
  std::span<const std::byte> attributes;  // after the netfilter header
  // Of NLMSG_ERROR and NLMSG_DONE:
  int error = 0;                 // positive errno; 0: acknowledged
  std::string explanation;       // the kernel's own words; mostly empty
  std::uint32_t bad_offset = 0;  // of the attribute at fault in the message sent; 0: unknown
};

// Reads what is queued, until nothing is or `take` returns false. The kernel answers inside
// sendmsg(2) and goes on with a dump inside recvmsg(2), so this never waits. True if
// answers were lost for want of memory (ENOBUFS).
bool read_replies(int fd, const std::function<bool(const Reply&)>& take);

}  // namespace netfilter
}  // namespace labctl::kernel
