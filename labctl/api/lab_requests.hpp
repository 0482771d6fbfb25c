#pragma once

// What the requests of /lab/v1 say, as values: read once, at the door, with every field of the right type and
// within its bounds. What a body has wrong is told with the path of the field, all of it together. Those for
// probes are in probe_message.hpp and matrix_message.hpp.
//
// Pure. All of these throw Error InvalidInput.

#include "labctl/api/http.hpp"
#include "labctl/api/resource_kinds.hpp"
#include "topology/manifest/yaml/source.hpp"
#include "topology/model/pod.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace labctl::api {

// {"resource","namespace","name","timeout_ms"} with "condition", or "pointer" and "equals".
struct WaitRequest {
  api::ResourceRef object;
  std::string condition;  // empty: pointer and equals
  nlohmann::json::json_pointer pointer;
  nlohmann::json equals;
  std::chrono::milliseconds timeout{30'000};
};
WaitRequest parse_wait(const nlohmann::json& body);

// {"from","container","command":[],"env":{},"tty","rows","cols"}
struct ExecStart {
  std::string from;
  std::string container;  // empty: the first
  std::vector<std::string> command;
  std::vector<std::pair<std::string, std::string>> env;
  bool tty = false;
  std::uint16_t rows = 24;
  std::uint16_t columns = 80;
};
ExecStart parse_exec(const nlohmann::json& body);
// The signal that a line of an exec's client names; nothing when it names none.
std::optional<int> parse_exec_signal(std::string_view line);

// Which objects that were applied once, and that the files no longer have, go: {"all","allowlist":[]}, as
// kubectl's --prune, --all and --prune-allowlist say it.
struct PruneRequest {
  bool is_all = false;
  std::vector<std::string> allowlist;  // "apps/v1/Deployment", "core/v1/Pod"; empty: kubectl's own list
};
// {"sources":[{"name","text","skipped"}],"strict","dryRun","namespace","selector","prune"}
struct ApplyRequest {
  std::vector<manifest::Source> sources;
  bool is_strict = false;
  bool is_dry_run = false;
  std::string ns;        // asked for; empty: none was
  std::string selector;  // only the objects with these labels
  std::optional<PruneRequest> prune;
};
ApplyRequest parse_apply(const nlohmann::json& body);

// [{"name","text"}] (and "skipped"): the "sources" of such requests.
nlohmann::json to_json(const std::vector<manifest::Source>& sources);

// {"refs":[{"resource","namespace","name"}],"sources":[{"name","text"}],"namespace","gracePeriodSeconds"}
struct DeleteRequest {
  std::vector<api::ResourceRef> refs;
  std::vector<manifest::Source> sources;
  std::string ns;  // of objects in the sources, asked for; empty: none was
  std::optional<std::chrono::seconds> grace;
};
DeleteRequest parse_delete(const nlohmann::json& body);

// ?namespace= &pod= &container= &tail= &previous= &follow= &timestamps=
struct LogRequest {
  model::PodKey pod;
  std::string container;
  std::optional<std::size_t> tail;
  bool previous = false;
  bool follow = false;
  bool timestamps = false;
};
LogRequest parse_log_query(const api::Request& request);

// "NAMESPACE/NAME", the rest of a path; `what` begins the message.
struct NamespacedName {
  std::string ns;
  std::string name;
};
NamespacedName parse_namespaced_name(std::string_view path, const std::string& what);

}  // namespace labctl::api
