#pragma once

// A lab without a network to which manifests are applied.

#include "labctl/allocation/service_allocation.hpp"
#include "labctl/apiserver/apply.hpp"
#include "labctl/apiserver/delete_objects.hpp"
#include "labctl/controllers/pods/nodes.hpp"
#include "labctl/lab/boot_objects.hpp"
#include "labctl/objects/fields.hpp"
#include "topology/base/clock.hpp"
#include "topology/base/error.hpp"
#include "topology/manifest/loader.hpp"
#include "topology/model/well_known.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

namespace labctl::apiserver {

class ApplyLab : public ::testing::Test {
 protected:
  ApplyLab() {
    controllers::sync_nodes(store, cluster);
    for (const char* ns : {"default", "kube-system"}) {
      if (store.find({"namespaces", "", ns}) == nullptr) {
        store.create({"namespaces", "", ns},
                     {{"kind", "Namespace"}, {"apiVersion", "v1"}, {"metadata", {{"name", ns}}}});
      }
    }
  }

  static api::ApplyRequest request_of(const std::string& text) {
    api::ApplyRequest request;
    request.sources.push_back({"m.yaml", text});
    return request;
  }
  nlohmann::json apply(const api::ApplyRequest& request) { return last = apply_manifests(objects, request); }
  // What happened to the only object of the text.
  std::string apply(const std::string& text) {
    const nlohmann::json answer = apply(request_of(text));
    EXPECT_EQ(answer["results"].size(), 1u) << answer;
    return answer["results"].empty() ? answer.dump() : answer["results"][0]["action"].get<std::string>();
  }
  // As a lab comes up with these files.
  void boot(const std::string& text) {
    manifest::LoadOptions options;
    options.keeps_applied = true;
    lab::create_objects(store, services, manifest::load({{"m.yaml", text}}, options).objects);
  }

  const nlohmann::json& object(const std::string& resource, const std::string& name,
                               const std::string& ns = "default") const {
    static const nlohmann::json kNone;
    const store::ObjectPtr found = store.find({resource, ns, name});
    return found == nullptr ? kNone : *found;
  }
  void change(const std::string& resource, const std::string& name,
              const std::function<void(nlohmann::json&)>& edit) {
    store.modify({resource, "default", name}, edit);
  }
  std::string warnings() const {
    std::string out;
    for (const nlohmann::json& one : last["diagnostics"]) {
      out += one["severity"] == "warning" ? one["message"].get<std::string>() + "\n" : "";
    }
    return out;
  }

  SystemClock clock;
  model::Cluster cluster = model::default_cluster("lab");
  store::Store store{"lab", clock};
  allocation::ServiceAllocation services{store, cluster};
  LabObjects objects{store, services, cluster, [](const std::function<void()>& work) { work(); },
                     [](std::function<void()> work) { work(); }};
  nlohmann::json last;
};

}  // namespace labctl::apiserver
