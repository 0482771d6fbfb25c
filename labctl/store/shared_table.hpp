#pragma once

// Allocations that several labs share, so that no two of them hold one value of one pool: what Allocations
// asks of a store outside the lab. Threads: one at a time.

#include <string>
#include <vector>

namespace labctl::store {

struct Allocation;

class SharedTable {
 public:
  struct Claim {
    std::string pool;
    std::string value;
    std::string owner;
    std::string held_as;  // we hold it already, as this owner's; "" when it must be free
  };

  virtual ~SharedTable() = default;
  // All or none. Returns what others hold, and nothing when all are ours now. All three throw Error when the
  // store cannot be reached; whether a claim was made is then unknown, and releasing it is safe.
  virtual std::vector<Allocation> claim(const std::vector<Claim>& claims) = 0;
  // What is ours as it says; anything else is left alone.
  virtual void release(const std::vector<Allocation>& rows) = 0;
  struct Rows {
    std::vector<Allocation> ours;
    std::vector<Allocation> others;  // the owner says which lab's
  };
  virtual Rows list(const std::string& pool) = 0;
};

}  // namespace labctl::store
