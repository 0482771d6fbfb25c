#include "topology/dns/record.hpp"

namespace labctl::dns {

std::string_view to_string(RecordType type) {
  switch (type) {
    case RecordType::A:
      return "A";
    case RecordType::Aaaa:
      return "AAAA";
    case RecordType::Cname:
      return "CNAME";
    case RecordType::Ptr:
      return "PTR";
    case RecordType::Srv:
      return "SRV";
    case RecordType::Txt:
      return "TXT";
  }
  return "";
}

}  // namespace labctl::dns
