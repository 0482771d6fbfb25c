// What an etcd, or whoever listens in its place, answers to a lab that shares its allocations: a claim is met
// or refused, the table is read or is not, and the error says why. Half of the inputs are a reply's body, so
// that they come as far as its JSON; the others are the whole of what comes over the connection.

#include "labctl/store/etcd_table.hpp"
#include "tests/fuzz/require.hpp"
#include "topology/base/error.hpp"
#include "topology/base/unique_fd.hpp"

#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

using labctl::UniqueFd;
using labctl::fuzz::require;
using namespace labctl::store;

namespace {

// A connection on which `bytes` have come already, and nothing more will.
UniqueFd connection_with(const std::string& bytes) {
  int ends[2] = {-1, -1};
  require(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0, "a socket");
  // The far end stays: what is asked must be taken, too.
  const UniqueFd far(ends[1]);
  [[maybe_unused]] const ssize_t sent = ::send(far.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  ::shutdown(far.get(), SHUT_WR);
  static UniqueFd kept;
  kept = UniqueFd(::dup(far.get()));
  return UniqueFd(ends[0]);
}

void takes_or_refuses(const std::string& bytes, const std::function<void(EtcdTable&)>& act) {
  EtcdTable table(
      "192.0.2.1:2379", [&] { return connection_with(bytes); }, "demo");
  try {
    act(table);
  } catch (const labctl::Error& error) {
    require(error.kind() != labctl::ErrorKind::Internal, "what another says is no mistake of ours");
    require(!error.message().empty(), "a refusal says why");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  std::string bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  if ((data[0] & 1) != 0) {
    bytes = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " +
            std::to_string(bytes.size()) + "\r\n\r\n" + bytes;
  }
  takes_or_refuses(bytes, [](EtcdTable& table) { table.list("services/10.96.0.0/16"); });
  takes_or_refuses(bytes, [](EtcdTable& table) {
    table.claim({{"services/10.96.0.0/16", "10.96.1.7", "svc/default/web", ""}});
  });
  takes_or_refuses(bytes, [](EtcdTable& table) { table.release_everything(); });
  return 0;
}
