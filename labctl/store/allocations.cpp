#include "labctl/store/allocations.hpp"

#include "labctl/store/sharing.hpp"
#include "labctl/store/sqlite.hpp"
#include "topology/base/error.hpp"

#include <utility>

namespace labctl::store {

// Statements are prepared once: claims come by the thousand.
struct Allocations::Database {
  SqliteConnection connection = SqliteConnection::open_in_memory();
  // One row a value; WITHOUT ROWID because the key is the row.
  bool schema = connection.execute(
      "CREATE TABLE alloc (pool TEXT NOT NULL, value TEXT NOT NULL, owner TEXT NOT NULL, "
      "PRIMARY KEY (pool, value)) WITHOUT ROWID;"
      "CREATE INDEX alloc_owner ON alloc (owner);");
  SqliteStatement begin{connection, "BEGIN"};
  SqliteStatement commit{connection, "COMMIT"};
  SqliteStatement rollback{connection, "ROLLBACK"};
  SqliteStatement insert{connection,
                         "INSERT INTO alloc (pool, value, owner) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"};
  SqliteStatement remove{connection, "DELETE FROM alloc WHERE pool = ? AND value = ? AND owner = ?"};
  SqliteStatement select_owner{connection, "SELECT owner FROM alloc WHERE pool = ? AND value = ?"};
  SqliteStatement select_owned{connection,
                               "SELECT pool, value, owner FROM alloc WHERE owner = ? ORDER BY pool, value"};
  SqliteStatement select_pool{connection,
                              "SELECT pool, value, owner FROM alloc WHERE pool = ? ORDER BY value"};
  SqliteStatement select_values{connection, "SELECT value FROM alloc WHERE pool = ? ORDER BY value"};
  SqliteStatement select_count{connection, "SELECT count(*) FROM alloc WHERE pool = ?"};
};

Allocations::Allocations()
    : database_(std::make_unique<Database>()), alive_(std::make_shared<const int>(0)) {}
Allocations::~Allocations() = default;

struct Allocations::Transaction::Shared {
  Sharing::Pending before;
  std::vector<Allocation> sent;
};

Allocations::Transaction::Transaction(Allocations& allocations)
    : allocations_(allocations), log_size_(allocations.log_.size()) {
  allocations_.database_->begin.run({});
  allocations_.is_in_transaction_ = true;
  if (allocations_.sharing_ != nullptr) {
    shared_ = std::make_unique<Shared>(Shared{allocations_.sharing_->pending(), {}});
  }
}

Allocations::Transaction::~Transaction() {
  if (!is_open_) {
    return;
  }
  allocations_.is_in_transaction_ = false;
  try {
    allocations_.database_->rollback.run({});
  } catch (...) {
    // SQLite has rolled back by itself after the error that brought us here.
  }
  if (allocations_.log_.size() > log_size_) {
    allocations_.log_.resize(log_size_);
  }
  if (shared_ != nullptr) {
    allocations_.sharing_->restore(std::move(shared_->before));
    allocations_.sharing_->release_later(shared_->sent);
    allocations_.send_releases();
  }
}

bool Allocations::Transaction::prepare() {
  return shared_ == nullptr || allocations_.sharing_->send_claims(shared_->sent);
}

void Allocations::Transaction::commit() {
  if (!prepare()) {
    throw Error(ErrorKind::Busy, "another lab has claimed the same value of a shared range", "try again");
  }
  allocations_.database_->commit.run({});
  is_open_ = false;
  allocations_.is_in_transaction_ = false;
  allocations_.send_releases();
}

void Allocations::share(std::shared_ptr<SharedTable> table, std::function<bool(std::string_view)> covers) {
  sharing_ = std::make_unique<Sharing>(std::move(table), std::move(covers));
}

std::set<std::string> Allocations::held_elsewhere(std::string_view pool) const {
  return sharing_ != nullptr && sharing_->covers(pool) ? sharing_->look_elsewhere(pool)
                                                       : std::set<std::string>{};
}

void Allocations::send_releases() {
  // While a mark lives, what was given back may be wanted again.
  if (sharing_ != nullptr && !has_marks() && !is_in_transaction_) {
    sharing_->send_releases();
  }
}

void Allocations::reconcile_shared(const std::string& pool) {
  if (sharing_ != nullptr && sharing_->covers(pool)) {
    send_releases();
    sharing_->reconcile(pool, list(pool));
  }
}

void Allocations::note_claim(std::string_view pool, std::string_view value, std::string_view owner) {
  log(true, pool, value, owner);
  if (sharing_ != nullptr && sharing_->covers(pool)) {
    sharing_->add_claim(pool, value, owner);
  }
}

void Allocations::note_release(std::string_view pool, std::string_view value, std::string_view owner) {
  log(false, pool, value, owner);
  if (sharing_ != nullptr && sharing_->covers(pool)) {
    sharing_->add_release(pool, value, owner);
    send_releases();
  }
}

bool Allocations::claim(std::string_view pool, std::string_view value, std::string_view owner) {
  const bool is_shared = sharing_ != nullptr && sharing_->covers(pool);
  if (is_shared && sharing_->is_held_elsewhere(pool, value)) {
    return false;
  }
  if (is_shared && !is_in_transaction_) {
    Transaction transaction(*this);
    const bool is_made = claim(pool, value, owner) && transaction.prepare();
    if (is_made) {
      transaction.commit();
    }
    return is_made;
  }
  if (database_->insert.run({pool, value, owner}) == 0) {
    return false;
  }
  note_claim(pool, value, owner);
  return true;
}

bool Allocations::release(std::string_view pool, std::string_view value, std::string_view owner) {
  if (database_->remove.run({pool, value, owner}) == 0) {
    return false;
  }
  note_release(pool, value, owner);
  return true;
}

std::optional<std::string> Allocations::owner_of(std::string_view pool, std::string_view value) const {
  std::optional<std::string> owner;
  database_->select_owner.query({pool, value}, [&](const SqliteRow& row) { owner = row.text(0); });
  return owner;
}

std::vector<Allocation> Allocations::owned_by(std::string_view owner) const {
  std::vector<Allocation> rows;
  database_->select_owned.query({owner}, [&](const SqliteRow& row) {
    rows.push_back({row.text(0), row.text(1), row.text(2)});
  });
  return rows;
}

std::vector<Allocation> Allocations::list(std::string_view pool) const {
  std::vector<Allocation> rows;
  database_->select_pool.query({pool}, [&](const SqliteRow& row) {
    rows.push_back({row.text(0), row.text(1), row.text(2)});
  });
  return rows;
}

std::vector<std::string> Allocations::values(std::string_view pool) const {
  std::vector<std::string> found;
  database_->select_values.query({pool}, [&](const SqliteRow& row) { found.push_back(row.text(0)); });
  return found;
}

std::size_t Allocations::count(std::string_view pool) const {
  std::int64_t rows = 0;
  database_->select_count.query({pool}, [&](const SqliteRow& row) { rows = row.integer(0); });
  return static_cast<std::size_t>(rows);
}

Allocations::Mark Allocations::mark() const {
  Mark mark;
  mark.alive_ = alive_;
  mark.position_ = log_start_ + log_.size();
  return mark;
}

void Allocations::roll_back(const Mark& mark) {
  Transaction transaction(*this);
  while (!log_.empty() && log_start_ + log_.size() > mark.position_) {
    const Logged& last = log_.back();
    const Allocation& row = last.row;
    const bool is_shared = sharing_ != nullptr && sharing_->covers(row.pool);
    if (last.was_claim) {
      database_->remove.run({row.pool, row.value, row.owner});
      if (is_shared) {
        sharing_->add_release(row.pool, row.value, row.owner);
      }
    } else {
      database_->insert.run({row.pool, row.value, row.owner});
      if (is_shared) {
        sharing_->add_claim(row.pool, row.value, row.owner);
      }
    }
    log_.pop_back();
  }
  transaction.commit();
}

void Allocations::log(bool was_claim, std::string_view pool, std::string_view value, std::string_view owner) {
  if (alive_.use_count() <= 1) {
    log_start_ += log_.size() + 1;  // positions go on, so that a mark means one moment only
    log_.clear();
    return;
  }
  log_.push_back({was_claim, {std::string(pool), std::string(value), std::string(owner)}});
}

}  // namespace labctl::store
