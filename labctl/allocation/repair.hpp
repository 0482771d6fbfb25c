#pragma once

// Makes the allocations agree with the Services again, should they ever differ: the Services are the truth. A
// value that a Service has and the table has not is recorded; one that the table has and no Service is given
// back, though only once it was seen in three passes; nothing is renumbered. What cannot be mended is told by
// an event, with the reasons of the API server's own repair loops.
//
// Threads: the store's.

#include "labctl/allocation/service_values.hpp"
#include "labctl/store/store.hpp"
#include "topology/model/cluster.hpp"

#include <chrono>
#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace labctl::allocation {

inline constexpr std::chrono::minutes kRepairEvery{3};

class AllocationRepair {
 public:
  // What one pass found.
  struct Found {
    std::size_t recorded = 0;      // were missing in the table
    std::size_t leaked = 0;        // in the table without a Service; still there
    std::size_t released = 0;      // the same, seen often enough
    std::size_t duplicates = 0;    // Services that have a value of another
    std::size_t out_of_range = 0;  // values that are of no range
    bool operator==(const Found&) const = default;
  };

  // Both must outlive it.
  AllocationRepair(store::Store& store, const model::Cluster& cluster) : store_(store), ranges_(cluster) {}

  // Throws Error when a shared table cannot be reached; the next pass may do better.
  Found pass();

 private:
  struct Trouble {
    store::ObjectPtr service;
    ServiceValue value;
    enum Kind { Missing, Duplicate, OutOfRange } kind;
  };
  // The Services that say they have a value, the oldest first.
  using Holders = std::map<ServiceValue, std::vector<store::ObjectPtr>>;

  Holders find_holders() const;
  std::vector<Trouble> mend(const Holders& holders, const std::vector<store::Allocation>& rows);
  void compare(const ServiceValue& value, const std::vector<store::ObjectPtr>& services,
               const std::string& recorded_owner, std::vector<Trouble>& troubles);
  void release_leaks(const Holders& holders, const std::vector<store::Allocation>& rows, Found& found);
  void tell(const Trouble& trouble);

  store::Store& store_;
  ServiceRanges ranges_;
  std::map<store::Allocation, int> seen_missing_;  // rows without a Service, and in how many passes
};

}  // namespace labctl::allocation
