// Where a probe goes, as users write it: what is taken means the same when it is written out and read again,
// and what is refused is refused with a reason.

#include "probes/protocol/target.hpp"
#include "tests/fuzz/require.hpp"
#include "topology/base/error.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

using labctl::fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  try {
    const auto target = labctl::protocol::parse_target(text);
    require(labctl::protocol::parse_target(to_string(target)) == target, "a target survives being written");
  } catch (const labctl::Error& error) {
    require(error.kind() == labctl::ErrorKind::InvalidInput && !error.message().empty(),
            "a refusal says why");
  }
  try {
    const auto url = labctl::protocol::parse_url(text);
    require(labctl::protocol::parse_url(to_string(url)) == url, "a URL survives being written");
    require(host_header(url).find_first_of("\r\n") == std::string::npos, "no header within the Host");
    require(url.path.find_first_of("\r\n ") == std::string::npos, "no request within the path");
  } catch (const labctl::Error& error) {
    require(error.kind() == labctl::ErrorKind::InvalidInput && !error.message().empty(),
            "a refusal says why");
  }
  return 0;
}
