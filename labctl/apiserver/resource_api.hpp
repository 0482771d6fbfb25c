#pragma once

// The Kubernetes-shaped side of a lab's API: objects over HTTP, as
// https://kubernetes.io/docs/reference/using-api/api-concepts/ describes it.
//
//   GET, POST, DELETE         /api/v1/namespaces/NS/pods   list (?labelSelector= ?fieldSelector= ?watch=1),
//                                                          create, delete all that match
//   GET, PUT, PATCH, DELETE   .../NAME
//   GET, PUT, PATCH           .../NAME/scale               of Deployments, ReplicaSets, StatefulSets
//   GET, PUT, PATCH           .../NAME/status              only status is taken
//
// PATCH takes JSON merge patches (RFC 7396), JSON patches (RFC 6902), and strategic merge patches without
// lists, where the two merges are the same, but for status.conditions, which merge by type. What a client
// writes to status by other paths is ignored.
//
// Threads: answer() on any thread, many at a time; the store is touched only through run_on_owner.
// Reading a body, patching, checking and writing objects as text is done on the calling thread:
// objects never change. Whoever changed the object meanwhile makes that be done once more. Outlive
// the api::Server that calls it, not the store.

#include "labctl/api/http.hpp"
#include "labctl/apiserver/object_check.hpp"
#include "labctl/store/store.hpp"

#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string_view>

namespace labctl::allocation {
class ServiceAllocation;
}

namespace labctl::apiserver {

struct ResourceApiOptions {
  // Runs the work on the store's thread and returns when it is done. The work does not throw.
  std::function<void(std::function<void()>)> run_on_owner;
  // Gives a check of objects that are to be written, by what the lab is at that moment. On the store's
  // thread; the check itself on any.
  std::function<ObjectCheck()> check_now;
  // Services are written through it. Borrowed; without one they are objects like others.
  allocation::ServiceAllocation* services = nullptr;
  // Throws Error when the lab has no room for a new object of that key. On the store's thread.
  std::function<void(const store::Key&)> check_room = {};
};

class ResourceApi {
 public:
  // On the store's thread, as is the destruction.
  ResourceApi(store::Store& store, ResourceApiOptions options);
  ~ResourceApi();
  ResourceApi(const ResourceApi&) = delete;
  ResourceApi& operator=(const ResourceApi&) = delete;

  // Of a path below /api/ or /apis/. Errors are replies, as Status objects; nothing is thrown.
  api::Response answer(const api::Request& request);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace labctl::apiserver
