#pragma once

// The Services of one node as changes of its nftables table, which node_ruleset.hpp makes. Pure: it keeps
// what the table holds by now, and says how to get from there to what is wanted. Two layouts do this,
// service_maps.hpp and kube_proxy.hpp.

#include "topology/ruleset/rule.hpp"
#include "topology/service/node_program.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace labctl::ruleset {

// The bytes of a key or a value as the kernel has them: the fields of a
// concatenation each padded to four bytes.
class ElementBytes {
 public:
  void add(const void* bytes, std::size_t size);
  // Network byte order.
  void add_address(const IpAddress& address) { add(address.bytes().data(), address.size()); }
  void add_protocol(model::Protocol protocol);
  void add_port(std::uint16_t port);
  // Marks and what numgen makes: host byte order.
  void add_number(std::uint32_t number) { add(&number, sizeof(number)); }

  std::span<const std::byte> span() const { return {bytes_.data(), size_}; }
  bool empty() const { return size_ == 0; }
  bool operator==(const ElementBytes&) const = default;

 private:
  std::array<std::byte, 40> bytes_{};  // the longest key: an IPv6 address, protocol, port, and an IPv6 source
  std::uint8_t size_ = 0;
};

// One element of a set or map to add or to remove.
struct ElementChange {
  const char* set = nullptr;  // static text
  bool is_removal = false;
  ElementBytes key;
  ElementBytes key_end;  // of interval sets
  ElementBytes data;     // of maps
  std::string comment;
};

// Clients that a service port remembers and may no longer send to where they went.
struct AffinityChange {
  std::string map;
  std::vector<service::Backend> allowed;
};

// Chains and all else that elements refer to.
struct Structure {
  std::vector<ClientMap> maps;
  std::vector<Chain> chains;
  std::vector<Way> ways;
  bool empty() const { return maps.empty() && chains.empty() && ways.empty(); }
};

// In this order: `text` by itself, then all the others as one transaction.
struct TableChanges {
  std::string text;  // nft commands
  Structure added;
  std::vector<ElementChange> elements;
  Structure removed;                     // nothing refers to it any more
  std::vector<AffinityChange> affinity;  // after which the other elements of these maps are to go
  bool empty() const {
    return text.empty() && added.empty() && elements.empty() && removed.empty() && affinity.empty();
  }
};

// Keys that sets and maps hold, by their names.
using PresentKeys = std::map<std::string, std::set<std::vector<std::byte>>>;

class ServiceLayout {
 public:
  virtual ~ServiceLayout() = default;
  // Puts `wanted` in the place of what `owner` had ("svc default/web"), and appends how to `changes`. An
  // empty program takes it away. What two owners claim is the first one's; hostPorts go before all others.
  virtual void set(const std::string& owner, const service::NodeProgram& wanted, TableChanges& changes) = 0;
  // The elements that sets and maps hold now, by their names, for a comparison with the kernel's.
  virtual std::map<std::string, std::vector<ElementChange>> expected() const = 0;

  // And all that elements refer to; without what renewal() makes.
  virtual Structure structure() const { return {}; }

  // Whether elements lead to chains that only nft's text can write; they are then mended by renewal().
  virtual bool is_text() const { return false; }
  // nft commands, to be run in this order in one or several transactions, that make the table what it should
  // be, whatever chains and rules it has, if its sets and maps hold `present`, of which all is expected.
  virtual std::vector<std::string> renewal(const PresentKeys& /*present*/) const { return {}; }
};

// Without those that lie within another: an interval set takes no overlaps.
std::vector<Prefix> without_overlaps(std::vector<Prefix> ranges);

// Text for a comment in nft's language: printable, without quotes and backslashes, at most 120 characters.
std::string nft_comment(std::string_view text);

}  // namespace labctl::ruleset
