#pragma once

// The API of a lab without a network, with its control loops, and what clients send to it.

#include "labctl/allocation/service_allocation.hpp"
#include "labctl/apiserver/resource_api.hpp"
#include "labctl/apiserver/resource_rules.hpp"
#include "labctl/controllers/pods/nodes.hpp"
#include "labctl/controllers/reconcile.hpp"
#include "labctl/objects/fields.hpp"
#include "topology/base/clock.hpp"
#include "topology/manifest/loader.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace labctl::apiserver::testing {

// Its parameter is a word for a kind: "pods".
class ResourceLab : public ::testing::TestWithParam<std::string_view> {
 protected:
  // `type`: of bodies for which send() is not told another.
  explicit ResourceLab(std::string type) : type_(std::move(type)) {
    controllers::sync_nodes(store, cluster);
    for (const char* ns : {"default", "kube-system"}) {
      if (store.find({"namespaces", "", ns}) == nullptr) {
        store.create({"namespaces", "", ns}, {{"kind", "Namespace"}, {"apiVersion", "v1"}});
      }
    }
  }

  // The status; the body is then in last_body.
  int send(const std::string& method, const std::string& path, const nlohmann::json& body) {
    return send(method, path, body, type_);
  }
  int send(const std::string& method, const std::string& path, const nlohmann::json& body,
           const std::string& type) {
    api::Request request;
    request.method = method;
    request.path = request.target = path;
    request.content_type = type;
    request.body = body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    const api::Response response = resources.answer(request);
    last_body = response.body;
    return response.status;
  }

  ObjectCheck check_now() const {
    manifest::LoadOptions options;
    options.allow_cluster = false;
    for (const store::ObjectPtr& ns : store.list("namespaces")) {
      options.known_namespaces.insert(objects::name_of(*ns));
    }
    for (const model::Node& node : cluster.nodes) {
      options.known_nodes.insert(node.name);
    }
    options.known_network = cluster.network;
    return check_as_manifest(options);
  }

  SystemClock clock;
  model::Cluster cluster = model::default_cluster("lab");
  store::Store store{"lab", clock};
  allocation::ServiceAllocation services{store, cluster};
  controllers::Reconciler loops{store, cluster, clock};
  ResourceApi resources{
      store, {[](const std::function<void()>& work) { work(); }, [this] { return check_now(); }, &services}};
  std::string last_body;

 private:
  std::string type_;
};

}  // namespace labctl::apiserver::testing
