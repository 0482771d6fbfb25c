#pragma once

// A table as the kernel would keep it, for changes of the layout `maps`: it refuses what the kernel refuses.

#include "topology/ruleset/services/service_layout.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace labctl::ruleset {

class KernelTable {
 public:
  using Bytes = std::vector<std::byte>;
  struct Element {
    Bytes key_end;
    Bytes data;
    bool operator==(const Element&) const = default;
  };

  // Throws std::runtime_error as the kernel would refuse: an element that is there with other data, or is not
  // there and to go; a chain that is not there, or is led to; ranges that overlap.
  void apply(const TableChanges& changes);

  const std::map<std::string, std::map<Bytes, Element>>& sets() const { return sets_; }
  // The chain that a mark leads to; empty: none.
  std::string chain_of(const std::string& map, std::uint32_t mark) const;
  const Chain& chain(const std::string& name) const { return chains_.at(name); }
  std::size_t chains() const { return chains_.size(); }
  std::size_t client_maps() const { return client_maps_.size(); }

 private:
  void add(const Structure& structure);
  void remove(const Structure& structure);
  void change(const ElementChange& change);

  std::map<std::string, std::map<Bytes, Element>> sets_;
  std::map<std::string, Chain> chains_;
  std::map<std::string, ClientMap> client_maps_;
  std::map<std::pair<std::string, std::uint32_t>, std::string> ways_;
};

KernelTable::Bytes bytes_of(const ElementBytes& bytes);

}  // namespace labctl::ruleset
