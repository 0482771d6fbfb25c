// Records of the outside world's zone: whatever is taken is one line of a zone file, no directive, with an
// owner that depends on no origin, and means the same when it is read again.

#include "tests/fuzz/require.hpp"
#include "topology/manifest/kinds/dns_record.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

using labctl::fuzz::require;
using namespace labctl::manifest;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  if (const auto complaint = check_dns_record(text)) {
    require(!complaint->message.empty(), "a refusal says why");
    return 0;
  }
  const DnsRecord record = read_dns_record(text);
  require(record.owner.ends_with("."), "the owner is absolute");
  require(record.text.starts_with(record.owner) && record.text.find(record.type) != std::string::npos,
          "the record is of its owner and type");
  require(record.text.front() != '$', "no directive");
  bool is_quoted = false;
  for (std::size_t i = 0; i < record.text.size(); ++i) {
    require(record.text[i] >= ' ' && record.text[i] <= '~', "one line of printable characters");
    require(record.text[i] != ';' || is_quoted, "no comment");
    is_quoted = is_quoted != (record.text[i] == '"');
    i += record.text[i] == '\\' ? 1 : 0;
  }
  require(!is_quoted, "texts end");
  require(!check_dns_record(record.text), "what is written is taken again");
  require(read_dns_record(record.text).text == record.text, "and means the same");
  return 0;
}
