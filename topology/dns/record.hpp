#pragma once

// Resource records as zone files write them (RFC 1035 §5). Every name is absolute, in lower case, with its
// final dot. Only the functions of this room make records: what came from files, objects or packets goes
// through domain_name() first, so that no text can end a line or begin another field.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace labctl::dns {

// Of all records of a lab, in seconds; also the time that "no such name" is kept.
inline constexpr int kTtl = 5;

enum class RecordType : std::uint8_t { A, Aaaa, Cname, Ptr, Srv, Txt };
std::string_view to_string(RecordType type);

struct Record {
  std::string name;  // "web.shop.svc.cluster.local."
  RecordType type = RecordType::A;
  std::string data;  // "10.96.0.7", "0 100 80 web.shop.svc.cluster.local."
  auto operator<=>(const Record&) const = default;
};

// "web.shop.svc.cluster.local. 5 IN A 10.96.0.7", without a newline.
std::string to_text(const Record& record);

// The name in lower case, absolute; nothing if it is no name of letters, digits, '-' and '_' (labels of 1 to
// 63, 253 in all).
std::optional<std::string> domain_name(std::string_view text);

// The same, of a name that must be one: throws Error (InvalidInput) that says which is not.
std::string required_domain_name(std::string_view text);

// What changes in a zone, all at once: an RFC 2136 UPDATE message says it.
struct ZoneChange {
  std::string zone;  // "cluster.local."
  std::vector<Record> removed;
  std::vector<Record> added;
  bool operator==(const ZoneChange&) const = default;
};

}  // namespace labctl::dns
