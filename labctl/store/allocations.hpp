#pragma once

// Who holds which value of which pool: pod addresses, later ClusterIPs and NodePorts. A table
// alloc(pool, value, owner) in SQLite (:memory:), where uniqueness is the database's own
// promise: a claim is an INSERT that may conflict.
//
// Pools may be shared with other labs (share()): the table here stays what this lab goes by, and every claim
// in it is also made in the shared one, before the transaction it is in ends.
//
// Threads: one. Throws Error Internal when SQLite itself fails.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace labctl::store {

class SharedTable;
class Sharing;

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
    // Makes the claims in the shared table: after it, commit() does not fail for what other labs do. False
    // when one of them has a value meanwhile; then nothing is claimed there, and this transaction must not be
    // committed. Throws Error when the shared table cannot be reached.
    bool prepare();
    // Throws Error besides: Busy where prepare() is false.
    void commit();

   private:
    Allocations& allocations_;
    std::size_t log_size_;
    struct Shared;
    std::unique_ptr<Shared> shared_;  // null when nothing is
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

  // From now on, claims in the pools that `covers` names are made in `table` too. Before the first of them.
  void share(std::shared_ptr<SharedTable> table, std::function<bool(std::string_view pool)> covers);
  // Values of a shared pool that other labs hold; none of any other pool. Throws Error as claim().
  std::set<std::string> held_elsewhere(std::string_view pool) const;
  // Tells the shared table what was given back while a Mark lived, or could not be told.
  void send_releases();
  // Brings a shared pool in line with the table here.
  void reconcile_shared(const std::string& pool);

  // False when the value is held, whoever holds it. Throws Error when the pool is shared
  // and the shared table cannot be reached.
  bool claim(std::string_view pool, std::string_view value, std::string_view owner);
  // False when `owner` does not hold it.
  bool release(std::string_view pool, std::string_view value, std::string_view owner);

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

  void note_claim(std::string_view pool, std::string_view value, std::string_view owner);
  void note_release(std::string_view pool, std::string_view value, std::string_view owner);
  bool has_marks() const { return alive_.use_count() > 1; }

  std::unique_ptr<Database> database_;
  std::unique_ptr<Sharing> sharing_;  // null when nothing is shared
  bool is_in_transaction_ = false;
  std::vector<Logged> log_;
  std::uint64_t log_start_ = 0;               // position of log_[0]
  mutable std::shared_ptr<const int> alive_;  // its use count is the number of marks, plus one
};

}  // namespace labctl::store
