#pragma once

// Who holds which value of which pool: pod addresses, later ClusterIPs and NodePorts. A table alloc(pool,
// value, owner) in SQLite (:memory:), where uniqueness is the database's own promise: a claim is an INSERT
// that may conflict.
//
// Threads: one. Throws Error Internal when SQLite itself fails.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace labctl::store {

struct Allocation {
  std::string pool;
  std::string value;
  std::string owner;
  auto operator<=>(const Allocation&) const = default;
};

class Allocations {
 public:
  // Many claims at once, all or none. Ends in a rollback unless committed. They do not nest.
  class Transaction {
   public:
    explicit Transaction(Allocations& allocations);
    Transaction(const Transaction&) = delete;
    Transaction& operator=(const Transaction&) = delete;
    ~Transaction();
    void commit();

   private:
    Allocations& allocations_;
    std::size_t log_size_;
    bool is_open_ = true;
  };

  // A moment to come back to; costs nothing until then. While one lives, changes are logged.
  class Mark {
   private:
    friend class Allocations;
    std::shared_ptr<const int> alive_;
    std::uint64_t position_ = 0;
  };

  Allocations();
  ~Allocations();
  Allocations(const Allocations&) = delete;
  Allocations& operator=(const Allocations&) = delete;

  // False when the value is held, whoever holds it.
  bool claim(std::string_view pool, std::string_view value, std::string_view owner);
  // False when `owner` does not hold it.
  bool release(std::string_view pool, std::string_view value, std::string_view owner);
  // Gives back all that `owner` holds; how many that was.
  std::size_t release_all(std::string_view owner);

  std::optional<std::string> owner_of(std::string_view pool, std::string_view value) const;
  // By pool, then value.
  std::vector<Allocation> owned_by(std::string_view owner) const;
  // By value.
  std::vector<Allocation> list(std::string_view pool) const;
  std::vector<std::string> values(std::string_view pool) const;
  std::size_t count(std::string_view pool) const;

  Mark mark() const;
  // Undoes every change since `mark`. Not inside a Transaction.
  void roll_back(const Mark& mark);

 private:
  struct Database;
  struct Logged {
    bool was_claim = false;
    Allocation row;
  };
  void log(bool was_claim, std::string_view pool, std::string_view value, std::string_view owner);

  std::unique_ptr<Database> database_;
  std::vector<Logged> log_;
  std::uint64_t log_start_ = 0;               // position of log_[0]
  mutable std::shared_ptr<const int> alive_;  // its use count is the number of marks, plus one
};

}  // namespace labctl::store
