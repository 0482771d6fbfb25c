#include "labctl/apiserver/resource_api.hpp"

#include "labctl/allocation/service_allocation.hpp"
#include "labctl/allocation/service_update.hpp"
#include "labctl/api/json_line.hpp"
#include "labctl/api/resource_kinds.hpp"
#include "labctl/api/status_error.hpp"
#include "labctl/apiserver/object_check.hpp"
#include "labctl/apiserver/resource_request.hpp"
#include "labctl/apiserver/resource_rules.hpp"
#include "labctl/apiserver/watch.hpp"
#include "labctl/objects/deletion.hpp"
#include "labctl/objects/fields.hpp"
#include "labctl/objects/names.hpp"
#include "labctl/objects/pod_admission.hpp"
#include "topology/base/error.hpp"
#include "topology/manifest/json_tree.hpp"
#include "topology/manifest/loader.hpp"

#include <algorithm>
#include <exception>
#include <nlohmann/json.hpp>
#include <utility>

namespace labctl::apiserver {
namespace {

using nlohmann::json;
using objects::name_of;
using objects::text_at;
using store::Key;
using store::ObjectPtr;

constexpr int kNameTries = 100;
// How often a change is worked out beside the store's thread before that has to wait for it.
constexpr int kTriesBeside = 8;

std::string line_of(const json& value) { return api::json_line(value) + "\n"; }

api::Response resource_reply(const json& body, int status = 200) {
  api::Response response;
  response.status = status;
  response.body = line_of(body);
  return response;
}

api::Response to_response(const Refusal& refusal) {
  json status{{"kind", "Status"},      {"apiVersion", "v1"},         {"metadata", json::object()},
              {"status", "Failure"},   {"message", refusal.message}, {"reason", refusal.reason},
              {"code", refusal.status}};
  if (!refusal.hint.empty()) {
    status["details"]["hint"] = refusal.hint;
  }
  return resource_reply(status, refusal.status);
}

// Before anything is read of what a client sent: every known field has its type.
void check_decodes(const json& object) { refuse_errors(object, manifest::check_types(object)); }

}  // namespace

// What answer() does, on the store's thread where it touches the store.
struct ResourceApi::State {
  State(store::Store& s, ResourceApiOptions o) : store(s), options(std::move(o)), hub(s) {}

  store::Store& store;
  ResourceApiOptions options;
  WatchHub hub;

  // Runs `work` on the store's thread; what it throws is thrown here.
  template <typename Work>
  auto on_owner(const Work& work) {
    decltype(work()) result{};
    std::exception_ptr failure;
    options.run_on_owner([&] {
      try {
        result = work();
      } catch (...) {
        failure = std::current_exception();
      }
    });
    if (failure) {
      std::rethrow_exception(failure);
    }
    return result;
  }

  api::Response dispatch(const ResourceCall& call);
  api::Response list(const ResourceCall& call);
  api::Response watch(const ResourceCall& call);
  api::Response create(const ResourceCall& call);
  api::Response write(const ResourceCall& call);
  api::Response scale(const ResourceCall& call);
  api::Response remove(const ResourceCall& call);
  api::Response remove_all(const ResourceCall& call);

  // What writing an object takes, as it is at one moment.
  struct Ground {
    ObjectPtr before;
    ObjectCheck check;
  };
  Ground ground_of(const Key& key) const;
  void check_namespace(const Key& key) const;
  std::string free_name(const Key& key, const std::string& base);
  bool is_allocated(const Key& key) const {
    return options.services != nullptr && key.resource == allocation::kServices;
  }
  ObjectPtr add(const Key& key, json object, bool is_dry_run);
  ObjectPtr replace(const Key& key, json object, bool is_dry_run);
  Key begin_create(const ResourceCall& call, json& object, ObjectCheck& check);
  json updated(const ResourceCall& call, const json& body, const Ground& ground) const;
  json updated_status(const ResourceCall& call, const json& before, json wanted) const;
  ObjectPtr put(const ResourceCall& call, json object);
  ObjectPtr change(const ResourceCall& call, const std::function<json(const Ground&)>& make);
};

ResourceApi::ResourceApi(store::Store& store, ResourceApiOptions options)
    : state_(std::make_unique<State>(store, std::move(options))) {}
ResourceApi::~ResourceApi() = default;

api::Response ResourceApi::answer(const api::Request& request) {
  try {
    const auto path = api::parse_resource_path(request.path);
    if (!path) {
      throw Refusal{404, "NotFound", "the server could not find the requested resource: " + request.path, {}};
    }
    return state_->dispatch({request, *path});
  } catch (const Refusal& refusal) {
    return to_response(refusal);
  } catch (const Error& error) {
    return api::to_response(error);
  } catch (const std::exception& e) {
    return api::to_response(
        Error(ErrorKind::Internal, request.method + " " + request.path + ": " + e.what()));
  }
}

api::Response ResourceApi::State::dispatch(const ResourceCall& call) {
  const std::string& method = call.request.method;
  const bool is_write = method == "PUT" || method == "PATCH";
  if (!call.path.subresource.empty()) {
    if (call.path.subresource == "scale" && has_scale(call.path.kind->plural) &&
        (method == "GET" || is_write)) {
      return scale(call);
    }
    if (call.path.subresource != "status") {
      throw Refusal{
          404, "NotFound", "the server could not find the requested resource: " + call.request.path, {}};
    }
    if (method != "GET" && !is_write) {
      throw method_not_allowed(call);
    }
  }
  if (method == "GET" && call.is_watch()) {
    return watch(call);
  }
  if (call.path.name.empty()) {
    return method == "GET"      ? list(call)
           : method == "POST"   ? create(call)
           : method == "DELETE" ? remove_all(call)
                                : throw method_not_allowed(call);
  }
  if (method == "GET") {
    return resource_reply(*on_owner([&] { return store.get(call.key()); }));
  }
  return is_write ? write(call) : method == "DELETE" ? remove(call) : throw method_not_allowed(call);
}

api::Response ResourceApi::State::list(const ResourceCall& call) {
  const WatchFilter filter = filter_of(call);
  auto [items, version] = on_owner(
      [&] { return std::pair(store.list(filter.resource, filter.ns, filter.labels), store.version()); });
  std::erase_if(items, [&](const ObjectPtr& item) { return !store::matches(filter.fields, *item); });
  api::Response response;
  response.body = list_text(*call.path.kind, items, version);
  return response;
}

api::Response ResourceApi::State::watch(const ResourceCall& call) {
  const auto version = query_number(call, "resourceVersion");
  const auto timeout = query_number(call, "timeoutSeconds");
  std::shared_ptr<Watch> watch =
      on_owner([&, filter = filter_of(call)] { return hub.open(filter, version); });
  if (watch == nullptr) {
    throw Refusal{410, "Expired", "too old resource version: " + call.query("resourceVersion"),
                  "list again, and watch from the version of that list"};
  }
  std::optional<std::chrono::seconds> limit;
  if (timeout && *timeout > 0) {
    limit = std::chrono::seconds(std::min<std::uint64_t>(*timeout, INT32_MAX));
  }
  api::Response response;
  response.stream = [watch = std::move(watch), limit](api::ChunkWriter& out) { watch->stream(out, limit); };
  return response;
}

ResourceApi::State::Ground ResourceApi::State::ground_of(const Key& key) const {
  return {store.get(key), options.check_now ? options.check_now() : ObjectCheck()};
}

void ResourceApi::State::check_namespace(const Key& key) const {
  if (key.ns.empty()) {
    return;
  }
  const ObjectPtr ns = store.get({"namespaces", "", key.ns});
  if (objects::is_being_deleted(*ns)) {
    throw Error(ErrorKind::Permission, key.resource + " \"" + key.name +
                                           "\" is forbidden: unable to create new content "
                                           "in namespace " +
                                           key.ns + " because it is being terminated");
  }
}

std::string ResourceApi::State::free_name(const Key& key, const std::string& base) {
  for (int i = 0; i < kNameTries; ++i) {
    const std::string name =
        objects::generated_name(base, store.next_in_sequence("generateName/" + key.resource + "/" + key.ns));
    if (store.find({key.resource, key.ns, name}) == nullptr) {
      return name;
    }
  }
  throw Error(ErrorKind::AlreadyExists, key.resource + ": no free name for generateName \"" + base + "\"");
}

ObjectPtr ResourceApi::State::add(const Key& key, json object, bool is_dry_run) {
  if (is_allocated(key)) {
    return is_dry_run ? options.services->try_create(key, std::move(object))
                      : options.services->create(key, std::move(object));
  }
  if (is_dry_run && store.find(key) != nullptr) {
    throw Error(ErrorKind::AlreadyExists, key.resource + " \"" + key.name + "\" already exists");
  }
  return is_dry_run ? std::make_shared<const json>(std::move(object)) : store.create(key, std::move(object));
}

ObjectPtr ResourceApi::State::replace(const Key& key, json object, bool is_dry_run) {
  if (is_allocated(key)) {
    return is_dry_run ? options.services->try_update(key, std::move(object))
                      : options.services->update(key, std::move(object));
  }
  return is_dry_run ? std::make_shared<const json>(std::move(object)) : store.update(key, std::move(object));
}

// The part of a creation that comes before its checks: the object's name, in a namespace that takes it.
Key ResourceApi::State::begin_create(const ResourceCall& call, json& object, ObjectCheck& check) {
  Key key = call.key();
  json& metadata = object["metadata"];
  key.ns = text_at(metadata, "namespace");
  if (key.resource == "nodes") {
    throw Error(ErrorKind::Permission, "nodes is forbidden: the nodes of a lab are its Cluster's",
                "set spec.nodes of the Cluster and bring the lab up again");
  }
  key.name = text_at(metadata, "name");
  check_namespace(key);
  if (key.name.empty() && !text_at(metadata, "generateName").empty()) {
    key.name = free_name(key, text_at(metadata, "generateName"));
    metadata["name"] = key.name;
  }
  if (key.name.empty()) {
    throw Error(ErrorKind::InvalidInput, "metadata.name: Required value: name or generateName is required");
  }
  if (options.check_room) {
    options.check_room(key);
  }
  check = options.check_now ? options.check_now() : ObjectCheck();
  return key;
}

api::Response ResourceApi::State::create(const ResourceCall& call) {
  json object = parse_body(call);
  match_to_path(call, object);
  check_decodes(object);
  ObjectCheck check;
  const Key key = on_owner([&] { return begin_create(call, object, check); });
  check_whole(check, object);
  prepare_new(key.resource, object);
  return resource_reply(*on_owner([&] {
    check_namespace(key);
    if (key.resource == "pods") {
      objects::admit_new_pod(store, object);
    }
    return add(key, std::move(object), call.is_dry_run());
  }),
                        201);
}

// What PUT or PATCH makes of the object, or of its status alone.
json ResourceApi::State::updated(const ResourceCall& call, const json& body, const Ground& ground) const {
  const Key key = call.key();
  const json& before = *ground.before;
  json wanted = call.request.method == "PUT" ? body : patched(call, body, before);
  match_to_path(call, wanted);
  const std::string given = name_of(wanted);
  if (!given.empty() && given != key.name) {
    throw bad_request("the name of the object (" + given + ") does not match the name on the URL (" +
                      key.name + ")");
  }
  wanted["metadata"]["name"] = key.name;
  check_decodes(wanted);
  const std::string& uid = objects::uid_of(wanted);
  if (!uid.empty() && uid != objects::uid_of(before)) {
    throw Error(ErrorKind::Busy, "Operation cannot be fulfilled on " + key.resource + " \"" + key.name +
                                     "\": Precondition failed: UID in the request: " + uid +
                                     ", UID in object meta: " + objects::uid_of(before));
  }
  if (call.path.subresource == "status") {
    return updated_status(call, before, std::move(wanted));
  }
  keep_what_is_ours(before, wanted);
  if (key.resource == "pods") {
    objects::add_default_tolerations(wanted);
  }
  if (is_allocated(key)) {
    allocation::carry_over(before, wanted);
  }
  check_whole(ground.check, wanted);
  check_unchanged(key.resource, before, wanted);
  return wanted;
}

json ResourceApi::State::updated_status(const ResourceCall& call, const json& before, json wanted) const {
  if (!manifest::has_status(before)) {
    throw Refusal{404, "NotFound", "the server could not find the requested resource: " + call.request.path,
                  "this kind has no status"};
  }
  json after = before;
  json& status = after["status"] = std::move(wanted["status"]);
  if (status.is_null()) {
    status = json::object();
  }
  manifest::drop_nulls(status);
  if (const std::string& version = text_at(wanted, "metadata.resourceVersion"); !version.empty()) {
    after["metadata"]["resourceVersion"] = version;
  }
  refuse_errors(after, manifest::check_status(after));
  return after;
}

ObjectPtr ResourceApi::State::put(const ResourceCall& call, json object) {
  if (call.path.subresource.empty()) {
    return replace(call.key(), std::move(object), call.is_dry_run());
  }
  return call.is_dry_run()
             ? std::make_shared<const json>(std::move(object))
             : store.update(call.key(), std::move(object));  // nothing that is given out changes
}

// Makes a new object of the one that is there and puts it in its place, unless that
// has changed meanwhile: then once more.
ObjectPtr ResourceApi::State::change(const ResourceCall& call,
                                     const std::function<json(const Ground&)>& make) {
  const Key key = call.key();
  for (int i = 0; i < kTriesBeside; ++i) {
    const Ground ground = on_owner([&] { return ground_of(key); });
    json wanted = make(ground);
    const ObjectPtr written =
        on_owner([&] { return store.find(key) == ground.before ? put(call, std::move(wanted)) : nullptr; });
    if (written != nullptr) {
      return written;
    }
  }
  // It is written all the time: with nobody in between, then.
  return on_owner([&] { return put(call, make(ground_of(key))); });
}

api::Response ResourceApi::State::write(const ResourceCall& call) {
  const json body = parse_body(call);
  return resource_reply(*change(call, [&](const Ground& ground) { return updated(call, body, ground); }));
}

api::Response ResourceApi::State::scale(const ResourceCall& call) {
  if (call.request.method == "GET") {
    return resource_reply(scale_of(*on_owner([&] { return store.get(call.key()); })));
  }
  const json body = parse_body(call);
  return resource_reply(scale_of(*change(call, [&](const Ground& ground) {
    const json wanted = call.request.method == "PUT" ? body : patched(call, body, scale_of(*ground.before));
    json after = *ground.before;
    after["spec"]["replicas"] = replicas_in(wanted);
    json checked =
        after;  // by the same rules as any other way of saying so; they fill in what is not asked here
    check_whole(ground.check, checked);
    if (const std::string& version = text_at(wanted, "metadata.resourceVersion"); !version.empty()) {
      after["metadata"]["resourceVersion"] = version;
    }
    return after;
  })));
}

api::Response ResourceApi::State::remove(const ResourceCall& call) {
  const json body = parse_delete_options(call);
  const Key key = call.key();
  const auto [object, is_left] = on_owner([&] {
    const ObjectPtr present = store.get(key);
    check_deletable(key);
    check_preconditions(key, *present, body);
    if (call.is_dry_run()) {
      return std::pair(present, true);
    }
    const ObjectPtr last = objects::delete_object(store, key, delete_options(call, body));
    return std::pair(last, store.find(key) != nullptr);
  });
  if (is_left) {
    return resource_reply(*object);
  }
  return resource_reply(
      {{"kind", "Status"},
       {"apiVersion", "v1"},
       {"metadata", json::object()},
       {"status", "Success"},
       {"details", {{"name", key.name}, {"kind", key.resource}, {"uid", objects::uid_of(*object)}}}});
}

api::Response ResourceApi::State::remove_all(const ResourceCall& call) {
  if (call.path.kind->namespaced ? call.path.ns.empty() : call.path.kind->plural != "events") {
    throw method_not_allowed(call);
  }
  const json body = parse_delete_options(call);
  const WatchFilter filter = filter_of(call);
  auto [items, version] = on_owner([&] {
    std::vector<ObjectPtr> matching = store.list(filter.resource, filter.ns, filter.labels);
    std::erase_if(matching, [&](const ObjectPtr& item) { return !store::matches(filter.fields, *item); });
    for (const ObjectPtr& item : matching) {
      const Key key{filter.resource, objects::namespace_of(*item), name_of(*item)};
      if (!call.is_dry_run()) {
        objects::delete_object(store, key, delete_options(call, body));
      }
    }
    return std::pair(std::move(matching), store.version());
  });
  api::Response response;
  response.body = list_text(*call.path.kind, items, version);
  return response;
}

}  // namespace labctl::apiserver
