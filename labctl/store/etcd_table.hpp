#pragma once

// A SharedTable in etcd 3.4 and newer, through its JSON gateway
// (https://etcd.io/docs/v3.4/dev-guide/api_grpc_gateway/).
//
//   /labctl/labs/alloc/services/10.96.0.0/16/10.96.1.7   {"lab":"demo@host/1000","owner":"svc/default/web"}
//   /labctl/labs/alloc/nodeports/30000-32767/demo@host/1000/30080
//
// A range of addresses is one table for all labs. Node ports are ports of a lab's own nodes: each lab has a
// table of its own.

#include "labctl/api/http_connection.hpp"
#include "labctl/store/allocations.hpp"
#include "labctl/store/shared_table.hpp"
#include "topology/base/error.hpp"

#include <chrono>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace labctl::store {

class EtcdTable final : public SharedTable {
 public:
  static constexpr std::chrono::milliseconds kTimeout{2'000};

  // `server` is HOST:PORT; `dial` connects to it; `lab` tells this lab from all others that use the server.
  EtcdTable(std::string server, std::function<UniqueFd()> dial, std::string lab);

  std::vector<Allocation> claim(const std::vector<Claim>& claims) override;
  void release(const std::vector<Allocation>& rows) override;
  Rows list(const std::string& pool) override;
  // Everything of this lab: at its end, and before its start what a killed namesake left. Returns how much.
  std::size_t release_everything();

 private:
  using Span = std::vector<Claim>::const_iterator;
  std::vector<Allocation> claim_some(Span first, Span last);
  nlohmann::json call(const char* path, const nlohmann::json& request);
  Error unavailable(ErrorKind kind, const std::string& why) const;
  // A field of an answer, empty when it is left out. Throw Error Kernel for one of another type.
  nlohmann::json typed(const nlohmann::json& object, const char* name, const nlohmann::json& otherwise) const;
  bool flag_in(const nlohmann::json& answer, const char* name) const;
  nlohmann::json list_in(const nlohmann::json& object, const char* name) const;
  std::string text_in(const nlohmann::json& object, const char* name) const;
  nlohmann::json range(const std::string& prefix);
  std::string key_of(const std::string& pool, const std::string& value) const;
  std::string value_of(const std::string& owner) const;
  // Deletes what still has that value; both in etcd's own terms.
  void remove(const std::vector<std::pair<std::string, std::string>>& keys_and_values);

  std::string server_;
  std::string lab_;
  api::HttpConnection connection_;
};

// "HOST:PORT" of "etcd://HOST:PORT"; "" of anything else.
std::string etcd_server(const std::string& store);

}  // namespace labctl::store
