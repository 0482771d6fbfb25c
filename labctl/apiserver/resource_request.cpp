#include "labctl/apiserver/resource_request.hpp"

#include "labctl/api/json_line.hpp"
#include "labctl/api/request_reader.hpp"
#include "labctl/apiserver/resource_rules.hpp"
#include "labctl/objects/fields.hpp"
#include "topology/base/error.hpp"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <utility>

namespace labctl::apiserver {

using nlohmann::json;
using objects::field;
using objects::text_at;
using store::Key;
using store::ObjectPtr;

Refusal bad_request(std::string message) { return {400, "BadRequest", std::move(message), {}}; }

std::string ResourceCall::query(const std::string& name) const {
  const auto found = request.query.find(name);
  return found == request.query.end() ? std::string() : found->second;
}

Refusal method_not_allowed(const ResourceCall& call) {
  return {405,
          "MethodNotAllowed",
          call.request.method + " " + call.request.path + ": the server does not allow this",
          {}};
}

json parse_body(const ResourceCall& call) {
  if (call.request.body.size() > kBodyMax) {
    throw Refusal{
        413, "RequestEntityTooLarge", "Request entity too large: limit is " + std::to_string(kBodyMax), {}};
  }
  try {
    return api::parse_json(call.request.body, "the request's body");
  } catch (const Error& error) {
    throw bad_request(error.message());
  }
}

std::optional<std::uint64_t> query_number(const ResourceCall& call, const std::string& name) {
  const std::string text = call.query(name);
  if (text.empty()) {
    return std::nullopt;
  }
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) {
    throw bad_request(name + ": invalid value \"" + text + "\": must be a number");
  }
  return number;
}

WatchFilter filter_of(const ResourceCall& call) {
  WatchFilter filter;
  filter.resource = call.resource();
  if (!call.path.ns.empty()) {
    filter.ns = call.path.ns;
  }
  filter.name = call.path.name;
  try {
    filter.labels = store::parse_label_selector(call.query("labelSelector"));
    filter.fields = store::parse_field_selector(filter.resource, call.query("fieldSelector"));
  } catch (const Error& error) {
    throw Refusal{400, "BadRequest", error.message(), error.hint()};
  }
  return filter;
}

std::string list_text(const api::ResourceKind& kind, const std::vector<ObjectPtr>& items,
                      std::uint64_t version) {
  std::string text = R"({"kind":")" + std::string(kind.kind) + R"(List","apiVersion":")" +
                     std::string(kind.api_version) + R"(","metadata":{"resourceVersion":")" +
                     std::to_string(version) + R"("},"items":[)";
  const char* separator = "";
  for (const ObjectPtr& item : items) {
    text += separator + api::json_line(*item);
    separator = ",";
  }
  return text + "]}\n";
}

void match_to_path(const ResourceCall& call, json& object) {
  if (!object.is_object()) {
    throw bad_request("the request's body is no object");
  }
  const std::string kind(call.path.kind->kind), version(call.path.kind->api_version);
  if (object.value("kind", json(kind)) != kind || object.value("apiVersion", json(version)) != version) {
    throw bad_request("the body's kind and apiVersion do not match " + version + " " + kind + " of the path");
  }
  object["kind"] = kind;
  object["apiVersion"] = version;
  json& metadata = object["metadata"];
  if (metadata.is_null()) {
    metadata = json::object();
  }
  if (!metadata.is_object()) {
    throw bad_request("metadata: must be an object");
  }
  for (const char* text : {"name", "namespace", "generateName", "resourceVersion", "uid"}) {
    if (const json* value = field(metadata, text); value != nullptr && !value->is_string()) {
      throw bad_request(std::string("metadata.") + text + ": must be a string");
    }
  }
  if (!call.path.kind->namespaced) {
    metadata.erase("namespace");
    return;
  }
  const std::string ns = text_at(metadata, "namespace");
  if (!ns.empty() && !call.path.ns.empty() && ns != call.path.ns) {
    throw bad_request(
        "the namespace of the provided object does not match the namespace sent on the request");
  }
  metadata["namespace"] = !call.path.ns.empty() ? call.path.ns : ns.empty() ? "default" : ns;
}

namespace {

// Of a DeleteOptions (meta/v1).
void check_delete_types(const json& body) {
  const auto refuse = [](const char* path, const char* type) {
    return bad_request(std::string("DeleteOptions: ") + path + ": must be " + type);
  };
  if (!body.is_object()) {
    throw refuse("the body", "an object");
  }
  for (const char* text : {"propagationPolicy", "preconditions.uid", "preconditions.resourceVersion"}) {
    if (const json* value = field(body, text); value != nullptr && !value->is_string() && !value->is_null()) {
      throw refuse(text, "a string");
    }
  }
  if (const json* value = field(body, "preconditions");
      value != nullptr && !value->is_object() && !value->is_null()) {
    throw refuse("preconditions", "an object");
  }
  if (const json* value = field(body, "gracePeriodSeconds");
      value != nullptr && !value->is_number_integer() && !value->is_null()) {
    throw refuse("gracePeriodSeconds", "a whole number");
  }
}

}  // namespace

json parse_delete_options(const ResourceCall& call) {
  json body = call.request.body.empty() ? json::object() : parse_body(call);
  check_delete_types(body);
  return body;
}

objects::DeleteOptions delete_options(const ResourceCall& call, const json& body) {
  objects::DeleteOptions options;
  if (const auto grace = query_number(call, "gracePeriodSeconds")) {
    options.grace = std::chrono::seconds(std::min<std::uint64_t>(*grace, INT32_MAX));
  } else if (const json* value = field(body, "gracePeriodSeconds");
             value != nullptr && value->is_number_integer()) {
    options.grace = std::chrono::seconds(std::clamp<std::int64_t>(value->get<std::int64_t>(), 0, INT32_MAX));
  }
  const std::string& policy = text_at(body, "propagationPolicy");
  const std::string wanted = policy.empty() ? call.query("propagationPolicy") : policy;
  options.orphans_dependents = wanted == "Orphan";
  options.waits_for_dependents = wanted == "Foreground";
  return options;
}

void check_preconditions(const Key& key, const json& object, const json& body) {
  const std::string& uid = text_at(body, "preconditions.uid");
  const std::string& version = text_at(body, "preconditions.resourceVersion");
  if ((!uid.empty() && uid != objects::uid_of(object)) ||
      (!version.empty() && version != text_at(object, "metadata.resourceVersion"))) {
    throw Error(ErrorKind::Busy, "Operation cannot be fulfilled on " + key.resource + " \"" + key.name +
                                     "\": Precondition failed: the object is not the one meant");
  }
}

namespace {

// Takes status.conditions out of a strategic merge patch: the one list that is merged here, by type.
json take_conditions(json& patch) {
  const auto status = patch.is_object() ? patch.find("status") : patch.end();
  if (status == patch.end() || !status->is_object()) {
    return json::array();
  }
  status->erase("$setElementOrder/conditions");
  const auto list = status->find("conditions");
  const bool is_known = list != status->end() && list->is_array() &&
                        std::all_of(list->begin(), list->end(), [](const json& condition) {
                          return !text_at(condition, "type").empty();
                        });
  if (!is_known) {
    return json::array();
  }
  json conditions = std::move(*list);
  status->erase(list);
  return conditions;
}

void merge_conditions(json& status, const json& changes) {
  json& conditions = status["conditions"];
  if (!conditions.is_array()) {
    conditions = json::array();
  }
  for (const json& change : changes) {
    const auto found = std::find_if(conditions.begin(), conditions.end(), [&](const json& condition) {
      return text_at(condition, "type") == text_at(change, "type");
    });
    if (text_at(change, "$patch") == "delete") {
      if (found != conditions.end()) {
        conditions.erase(found);
      }
    } else if (found == conditions.end()) {
      conditions.push_back(change);
    } else {
      found->merge_patch(change);
    }
  }
}

}  // namespace

namespace {

Refusal invalid_patch(const std::string& why) {
  return {422, "Invalid", "the patch cannot be applied: " + why, {}};
}

// As deep as a body may nest: an object is copied and written by functions that call themselves.
constexpr int kLevelsMax = 64;

// How many levels of arrays and objects a value is; those beyond `limit` count as one.
int levels_of(const json& value, int limit = kLevelsMax) {
  int below = 0;
  if (!value.is_structured()) {
    return 0;
  }
  for (auto member = value.begin(); member != value.end() && below < limit; ++member) {
    below = std::max(below, levels_of(*member, limit - 1));
  }
  return below + 1;
}

// What a JSON patch may copy altogether, and how many operations it may have (apiserver,
// jsonPatchMaxCopyBytes, maxJSONPatchOperations): a few copies of copies would else fill the memory.
class PatchBudget {
 public:
  explicit PatchBudget(const json& patch) {
    if (!patch.is_array()) {
      throw bad_request("a JSON patch is a list of operations");
    }
    if (patch.size() > kOperationsMax) {
      throw Refusal{413,
                    "RequestEntityTooLarge",
                    "The allowed maximum operations in a JSON patch is " + std::to_string(kOperationsMax) +
                        ", got " + std::to_string(patch.size()),
                    {}};
    }
  }

  // Before `operation` is done to `object`.
  void spend(const json& operation, const json& object) {
    const std::string& path = text_at(operation, "path");
    const json* value = field(operation, "value");
    const std::string& op = text_at(operation, "op");
    if (op == "copy" || op == "move") {
      const json::json_pointer from(text_at(operation, "from"));
      value = object.contains(from) ? &object[from] : nullptr;
    }
    if (value == nullptr) {
      return;
    }
    const auto levels = static_cast<int>(std::count(path.begin(), path.end(), '/'));
    if (levels + levels_of(*value) > kLevelsMax) {
      throw invalid_patch("the object would nest deeper than " + std::to_string(kLevelsMax) + " levels");
    }
    copied_ += op == "copy" ? api::json_line(*value).size() : 0;
    if (copied_ > kBodyMax) {
      throw Refusal{413,
                    "RequestEntityTooLarge",
                    "the operations of the patch copy more than " + std::to_string(kBodyMax) + " bytes",
                    {}};
    }
  }

 private:
  static constexpr std::size_t kOperationsMax = 10'000;
  std::size_t copied_ = 0;
};

json with_json_patch(const json& patch, json object) {
  PatchBudget budget(patch);
  try {
    for (const json& operation : patch) {
      budget.spend(operation, object);
      object.patch_inplace(json::array({operation}));
    }
  } catch (const json::exception& e) {
    throw invalid_patch(e.what());
  }
  return object;
}

}  // namespace

json patched(const ResourceCall& call, json patch, const json& before) {
  const std::string& type = call.request.content_type;
  if (type == "application/json-patch+json") {
    return with_json_patch(patch, before);
  }
  json after = before;
  const bool is_strategic = type == "application/strategic-merge-patch+json";
  const json conditions = is_strategic ? take_conditions(patch) : json::array();
  const bool is_merge = type.empty() || type == "application/merge-patch+json" || type == "application/json";
  if (!is_merge && !(is_strategic && is_plain_merge(patch))) {
    throw Refusal{415, "UnsupportedMediaType",
                  "PATCH " + call.request.path + ": " + type + ": not supported here",
                  "send application/merge-patch+json (kubectl patch --type=merge)"};
  }
  if (!patch.is_object()) {
    throw bad_request("a merge patch is a JSON object");
  }
  after.merge_patch(patch);
  if (!conditions.empty()) {
    merge_conditions(after["status"], conditions);
  }
  return after;
}

}  // namespace labctl::apiserver
