#include "labctl/store/etcd_table.hpp"

#include "labctl/api/json_line.hpp"
#include "topology/base/base64.hpp"
#include "topology/base/error.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

namespace labctl::store {
namespace {

using nlohmann::json;

const std::string kRoot = "/labctl/labs/alloc/";
constexpr std::string_view kNodePorts = "nodeports/";
// etcd takes 128 operations a transaction unless told otherwise (--max-txn-ops).
constexpr std::ptrdiff_t kTogether = 100;
// A row has less than 1 kB in base64, and a reply a bound (api::kReplyBytesMax).
constexpr std::size_t kRowsTogether = 2000;
constexpr std::size_t kPagesMost = 1000;

// The first key after all that begin with `prefix`.
std::string end_of(std::string prefix) {
  ++prefix.back();
  return prefix;
}

// A field of an answer, which may come from anybody who listens there. What is left out is empty, as proto3's
// JSON has it; nothing when it is of another type than `otherwise`.
std::optional<json> field(const json& object, const char* name, const json& otherwise) {
  if (!object.is_object()) {
    return std::nullopt;
  }
  const auto found = object.find(name);
  if (found == object.end() || found->is_null()) {
    return otherwise;
  }
  return found->type() == otherwise.type() ? std::optional<json>(*found) : std::nullopt;
}

struct Held {
  std::string lab;
  std::string owner;
};

// What is under a key, and may have been put there by anybody.
Held parse_held(const std::string& text) {
  const json value = json::parse(text, nullptr, false);
  const auto lab = field(value, "lab", ""), owner = field(value, "owner", "");
  if (!lab || !owner) {
    return {"", text};
  }
  return {lab->get<std::string>(), owner->get<std::string>()};
}

}  // namespace

std::string etcd_server(const std::string& store) {
  constexpr std::string_view kScheme = "etcd://";
  return store.starts_with(kScheme) ? store.substr(kScheme.size()) : "";
}

EtcdTable::EtcdTable(std::string server, std::function<UniqueFd()> dial, std::string lab)
    : server_(std::move(server)), lab_(std::move(lab)), connection_(server_, std::move(dial), kTimeout) {}

std::string EtcdTable::key_of(const std::string& pool, const std::string& value) const {
  return kRoot + pool + "/" + (pool.starts_with(kNodePorts) ? lab_ + "/" : "") + value;
}

std::string EtcdTable::value_of(const std::string& owner) const {
  return api::json_line(json{{"lab", lab_}, {"owner", owner}});
}

json EtcdTable::call(const char* path, const json& request) {
  try {
    const api::Reply reply = connection_.post(path, request.dump());
    json answer = json::parse(reply.body, nullptr, false);
    if (reply.is_error() || !answer.is_object()) {
      const auto error = field(answer, "error", "");
      const std::string cause = error ? error->get<std::string>() : reply.body.substr(0, 200);
      throw Error(ErrorKind::Kernel,
                  server_ + ": POST " + path + ": " + std::to_string(reply.status) + " " + cause);
    }
    return answer;
  } catch (const Error& error) {
    throw unavailable(error.kind(), error.message());
  }
}

Error EtcdTable::unavailable(ErrorKind kind, const std::string& why) const {
  return Error(kind, "the allocation store is unavailable: etcd://" + why,
               "the lab's Cluster has store: etcd://" + server_ + "; nothing was given out");
}

json EtcdTable::typed(const json& object, const char* name, const json& otherwise) const {
  if (auto found = field(object, name, otherwise)) {
    return *std::move(found);
  }
  throw unavailable(ErrorKind::Kernel, server_ + ": \"" + name + "\" of an answer is not as etcd has it");
}

bool EtcdTable::flag_in(const json& answer, const char* name) const {
  return typed(answer, name, false).get<bool>();
}
json EtcdTable::list_in(const json& object, const char* name) const {
  return typed(object, name, json::array());
}
std::string EtcdTable::text_in(const json& object, const char* name) const {
  return typed(object, name, "").get<std::string>();
}

std::vector<Allocation> EtcdTable::claim(const std::vector<Claim>& claims) {
  for (auto first = claims.begin(); first != claims.end();) {
    const auto last = first + std::min(kTogether, claims.end() - first);
    std::vector<Allocation> conflicts;
    std::vector<Allocation> made;
    for (auto one = claims.begin(); one != first; ++one) {
      made.push_back({one->pool, one->value, one->owner});
    }
    try {
      conflicts = claim_some(first, last);
    } catch (...) {
      release(made);  // if that fails as well, the caller's release is the next to try
      throw;
    }
    if (!conflicts.empty()) {
      release(made);
      return conflicts;
    }
    first = last;
  }
  return {};
}

std::vector<Allocation> EtcdTable::claim_some(Span first, Span last) {
  json compare = json::array(), success = json::array(), failure = json::array();
  for (auto one = first; one != last; ++one) {
    const std::string key = to_base64(key_of(one->pool, one->value));
    if (one->held_as.empty()) {
      compare.push_back({{"key", key}, {"target", "CREATE"}, {"result", "EQUAL"}, {"create_revision", "0"}});
    } else {
      compare.push_back({{"key", key},
                         {"target", "VALUE"},
                         {"result", "EQUAL"},
                         {"value", to_base64(value_of(one->held_as))}});
    }
    success.push_back({{"request_put", {{"key", key}, {"value", to_base64(value_of(one->owner))}}}});
    failure.push_back({{"request_range", {{"key", key}}}});
  }
  const json answer = call("/v3/kv/txn", {{"compare", compare}, {"success", success}, {"failure", failure}});
  if (flag_in(answer, "succeeded")) {
    return {};
  }
  std::vector<Allocation> conflicts;
  const json responses = list_in(answer, "responses");
  // One for each operation, and no more are looked at.
  const auto count = std::min(responses.size(), static_cast<std::size_t>(last - first));
  for (std::size_t i = 0; i < count; ++i) {
    const auto range = field(responses[i], "response_range", json::object());
    const json kvs = range ? list_in(*range, "kvs") : json::array();
    if (!kvs.empty()) {
      const Held held = parse_held(from_base64(text_in(kvs[0], "value")).value_or(""));
      const Claim& wanted = *(first + static_cast<std::ptrdiff_t>(i));
      conflicts.push_back({wanted.pool, wanted.value, held.owner + " of " + held.lab});
    }
  }
  if (conflicts.empty()) {
    throw Error(ErrorKind::Busy, "etcd://" + server_ + ": the claimed values changed hands meanwhile");
  }
  return conflicts;
}

void EtcdTable::release(const std::vector<Allocation>& rows) {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const Allocation& row : rows) {
    pairs.emplace_back(to_base64(key_of(row.pool, row.value)), to_base64(value_of(row.owner)));
  }
  remove(pairs);
}

void EtcdTable::remove(const std::vector<std::pair<std::string, std::string>>& keys_and_values) {
  const auto remove_some = [&](auto first, auto last) {
    json compare = json::array(), success = json::array();
    for (auto one = first; one != last; ++one) {
      compare.push_back(
          {{"key", one->first}, {"target", "VALUE"}, {"result", "EQUAL"}, {"value", one->second}});
      success.push_back({{"request_delete_range", {{"key", one->first}}}});
    }
    return flag_in(call("/v3/kv/txn", {{"compare", compare}, {"success", success}}), "succeeded");
  };
  for (auto first = keys_and_values.begin(); first != keys_and_values.end();) {
    const auto last = first + std::min(kTogether, keys_and_values.end() - first);
    if (!remove_some(first, last) && last - first > 1) {
      for (auto one = first; one != last; ++one) {  // one of them is not ours: each by itself
        remove_some(one, one + 1);
      }
    }
    first = last;
  }
}

// All pages as they were when the first was read.
json EtcdTable::range(const std::string& prefix) {
  json request{{"key", to_base64(prefix)},
               {"range_end", to_base64(end_of(prefix))},
               {"limit", std::to_string(kRowsTogether)}};
  json rows = json::array();
  std::string last;
  for (std::size_t pages = 0; pages < kPagesMost; ++pages) {
    const json answer = call("/v3/kv/range", request);
    const json kvs = list_in(answer, "kvs");
    rows.insert(rows.end(), kvs.begin(), kvs.end());
    if (!flag_in(answer, "more")) {
      return rows;
    }
    const std::string reached = kvs.empty() ? last : from_base64(text_in(kvs.back(), "key")).value_or("");
    if (reached <= last) {
      throw unavailable(ErrorKind::Kernel, server_ + ": a list that goes on has no more keys");
    }
    last = reached;
    request["key"] = to_base64(last + '\0');
    request["revision"] = text_in(typed(answer, "header", json::object()), "revision");
  }
  throw unavailable(ErrorKind::Kernel,
                    server_ + ": more than " + std::to_string(kPagesMost * kRowsTogether) + " keys");
}

SharedTable::Rows EtcdTable::list(const std::string& pool) {
  const std::string prefix = key_of(pool, "");
  Rows rows;
  const json kvs = range(prefix);
  for (const json& kv : kvs) {
    const std::string key = from_base64(text_in(kv, "key")).value_or("");
    const Held held = parse_held(from_base64(text_in(kv, "value")).value_or(""));
    const bool is_ours = held.lab == lab_;
    (is_ours ? rows.ours : rows.others)
        .push_back({pool, key.substr(std::min(prefix.size(), key.size())),
                    is_ours ? held.owner : held.owner + " of " + held.lab});
  }
  return rows;
}

std::size_t EtcdTable::release_everything() {
  std::vector<std::pair<std::string, std::string>> ours;
  const json kvs = range(kRoot);
  for (const json& kv : kvs) {
    if (parse_held(from_base64(text_in(kv, "value")).value_or("")).lab == lab_) {
      ours.emplace_back(text_in(kv, "key"), text_in(kv, "value"));
    }
  }
  remove(ours);
  return ours.size();
}

}  // namespace labctl::store
