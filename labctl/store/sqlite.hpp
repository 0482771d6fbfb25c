#pragma once

// SQLite as owned values: a connection and prepared statements; https://www.sqlite.org/c3ref/intro.html. Only
// for the sources of this room.
//
// Threads: one; a statement goes before its connection.

#include "topology/base/error.hpp"

#include <sqlite3.h>

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

namespace labctl::store {

class SqliteConnection {
 public:
  static SqliteConnection open_in_memory() {
    sqlite3* raw = nullptr;
    const int code = sqlite3_open_v2(
        ":memory:", &raw,
        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MEMORY | SQLITE_OPEN_NOMUTEX, nullptr);
    SqliteConnection connection(raw);
    connection.check(code, "open");
    return connection;
  }

  // Runs statements that give no rows. True, so that it may stand in a member initialiser.
  bool execute(const char* sql) {
    check(sqlite3_exec(raw_.get(), sql, nullptr, nullptr, nullptr), sql);
    return true;
  }

  void check(int code, const char* act) const {
    if (code != SQLITE_OK && code != SQLITE_DONE && code != SQLITE_ROW) {
      const char* cause = raw_ ? sqlite3_errmsg(raw_.get()) : sqlite3_errstr(code);
      throw Error(ErrorKind::Internal, std::string("sqlite: ") + act + ": " + cause);
    }
  }

  sqlite3* get() const { return raw_.get(); }

 private:
  struct Close {
    void operator()(sqlite3* raw) const { sqlite3_close_v2(raw); }
  };
  explicit SqliteConnection(sqlite3* raw) : raw_(raw) {}
  std::unique_ptr<sqlite3, Close> raw_;
};

// The row a query is at.
class SqliteRow {
 public:
  explicit SqliteRow(sqlite3_stmt* statement) : statement_(statement) {}
  std::string text(int column) const {
    const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
    return bytes == nullptr
               ? std::string()
               : std::string(bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column)));
  }
  std::int64_t integer(int column) const { return sqlite3_column_int64(statement_, column); }

 private:
  sqlite3_stmt* statement_;
};

class SqliteStatement {
 public:
  SqliteStatement(SqliteConnection& connection, const char* sql) : connection_(connection.get()), sql_(sql) {
    sqlite3_stmt* raw = nullptr;
    const int code = sqlite3_prepare_v3(connection_, sql, -1, SQLITE_PREPARE_PERSISTENT, &raw, nullptr);
    raw_.reset(raw);
    connection.check(code, sql);
  }

  // Binds the texts to ?, ?, ... and runs to the end; how many rows it changed.
  int run(std::initializer_list<std::string_view> texts) {
    query(texts, [](const SqliteRow&) {});
    return sqlite3_changes(connection_);
  }

  template <typename OnRow>
  void query(std::initializer_list<std::string_view> texts, const OnRow& on_row) {
    int index = 0;
    for (const std::string_view text : texts) {
      // Static: the texts outlive the call, and the bindings do not.
      check(
          sqlite3_bind_text(raw_.get(), ++index, text.data(), static_cast<int>(text.size()), SQLITE_STATIC));
    }
    int code = sqlite3_step(raw_.get());
    for (; code == SQLITE_ROW; code = sqlite3_step(raw_.get())) {
      on_row(SqliteRow(raw_.get()));
    }
    sqlite3_reset(raw_.get());
    sqlite3_clear_bindings(raw_.get());
    if (code != SQLITE_DONE) {
      check(code);
    }
  }

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* raw) const { sqlite3_finalize(raw); }
  };
  void check(int code) const {
    if (code != SQLITE_OK) {
      throw Error(ErrorKind::Internal, std::string("sqlite: ") + sql_ + ": " + sqlite3_errmsg(connection_));
    }
  }
  sqlite3* connection_;
  const char* sql_;
  std::unique_ptr<sqlite3_stmt, Finalize> raw_;
};

}  // namespace labctl::store
