#pragma once

// What a lab has still to tell the shared table: claims, sent together before a transaction of the
// allocations ends, and releases, sent after it. Internal to this room.

#include "labctl/store/allocations.hpp"
#include "labctl/store/shared_table.hpp"

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace labctl::store {

class Sharing {
 public:
  struct Pending {
    std::vector<SharedTable::Claim> claims;
    std::vector<Allocation> releases;
  };

  Sharing(std::shared_ptr<SharedTable> table, std::function<bool(std::string_view)> covers)
      : table_(std::move(table)), covers_(std::move(covers)) {}

  bool covers(std::string_view pool) const { return covers_(pool); }
  // Another lab has it, as the table says now.
  bool is_held_elsewhere(std::string_view pool, std::string_view value);
  // What other labs have of a pool, looked up now.
  const std::set<std::string>& look_elsewhere(std::string_view pool);

  void add_claim(std::string_view pool, std::string_view value, std::string_view owner);
  void add_release(std::string_view pool, std::string_view value, std::string_view owner);
  const Pending& pending() const { return pending_; }
  void restore(Pending pending) { pending_ = std::move(pending); }

  // False when others hold one of them: then none is made. `sent` gets what was. Throws Error.
  bool send_claims(std::vector<Allocation>& sent);
  // What cannot be told now is told the next time.
  void send_releases() noexcept;
  void release_later(const std::vector<Allocation>& rows);
  // The table has what `rows` of the pool say, and nothing else of ours. Throws Error.
  void reconcile(const std::string& pool, const std::vector<Allocation>& rows);

 private:
  void refresh(const std::string& pool);
  // As it was seen last.
  const std::set<std::string>& elsewhere(std::string_view pool);

  std::shared_ptr<SharedTable> table_;
  std::function<bool(std::string_view)> covers_;
  Pending pending_;
  std::map<std::string, std::set<std::string>, std::less<>> elsewhere_;
};

}  // namespace labctl::store
