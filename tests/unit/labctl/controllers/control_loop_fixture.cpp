#include "control_loop_fixture.hpp"

#include "labctl/kubelet/pod_status.hpp"
#include "labctl/objects/deletion.hpp"
#include "labctl/objects/fields.hpp"
#include "labctl/objects/pod_course.hpp"

namespace labctl::controllers {

using nlohmann::json;
using objects::is_ready;
using objects::name_of;
using objects::namespace_of;
using objects::text_at;

model::Cluster cluster_of(int nodes, int prefix_length) {
  model::Cluster cluster;
  cluster.name = "test";
  cluster.network.pod_cidrs = {*Prefix::parse("10.244.0.0/16")};
  for (int i = 1; i <= nodes; ++i) {
    model::Node node;
    node.name = "node-" + std::to_string(i);
    node.pod_cidrs = {*cluster.network.pod_cidrs[0].subnet(prefix_length, static_cast<std::uint64_t>(i))};
    node.addresses = {IpAddress::parse("192.168.50.10")->plus(static_cast<std::uint64_t>(i))};
    cluster.nodes.push_back(std::move(node));
  }
  return cluster;
}

json pod_template(const std::string& app, const std::string& image) {
  return {{"metadata", {{"labels", {{"app", app}}}}},
          {"spec", {{"restartPolicy", "Always"}, {"containers", {{{"name", "c"}, {"image", image}}}}}}};
}

json workload(const std::string& kind, const std::string& name, int replicas) {
  json object{{"apiVersion", "apps/v1"},
              {"kind", kind},
              {"metadata", {{"name", name}, {"namespace", "default"}}},
              {"spec", {{"selector", {{"matchLabels", {{"app", name}}}}}, {"template", pod_template(name)}}}};
  if (kind != "DaemonSet") {
    object["spec"]["replicas"] = replicas;
  }
  return object;
}

json bare_pod(const std::string& app) {
  json pod = pod_template(app);
  pod["apiVersion"] = "v1";
  pod["kind"] = "Pod";
  return pod;
}

ControlLoops::ControlLoops(model::Cluster cluster_given) : cluster(std::move(cluster_given)) {
  sync_nodes(store, cluster);
}

store::ObjectPtr ControlLoops::create(const std::string& resource, const std::string& name, json object) {
  return store.create({resource, "default", name}, std::move(object));
}

void ControlLoops::edit(const std::string& resource, const std::string& name,
                        const std::function<void(json&)>& change) {
  store.modify({resource, "default", name}, change);
}

void ControlLoops::scale(const std::string& resource, const std::string& name, int replicas) {
  edit(resource, name, [&](json& object) { object["spec"]["replicas"] = replicas; });
}

void ControlLoops::set_image(const std::string& resource, const std::string& name, const std::string& image) {
  edit(resource, name,
       [&](json& object) { object["spec"]["template"]["spec"]["containers"][0]["image"] = image; });
}

json ControlLoops::get(const std::string& resource, const std::string& name) const {
  return *store.get({resource, "default", name});
}

std::vector<std::string> ControlLoops::pod_names() const {
  std::vector<std::string> names;
  for (const store::ObjectPtr& pod : pods()) {
    names.push_back(name_of(*pod));
  }
  return names;
}

std::size_t ControlLoops::active() const {
  std::size_t count = 0;
  for (const store::ObjectPtr& pod : pods()) {
    count += objects::is_active(*pod) ? 1 : 0;
  }
  return count;
}

std::vector<std::string> ControlLoops::events(const std::string& reason) const {
  std::vector<std::string> messages;
  for (const store::ObjectPtr& event : store.list("events")) {
    if (text_at(*event, "reason") == reason) {
      messages.push_back(text_at(*event, "message"));
    }
  }
  return messages;
}

void ControlLoops::make_ready(const std::string& pod, bool is_ready) {
  edit("pods", pod, [&](json& object) {
    kubelet::ContainerStatus container;
    container.name = "c";
    container.state.kind = kubelet::ContainerState::Kind::Running;
    container.state.started_at = clock.wall();
    container.is_started = true;
    container.is_ready = is_ready;
    object["status"] = kubelet::pod_status(object, {{}, {container}}, clock.wall());
  });
}

void ControlLoops::finish(const std::string& pod, const std::string& phase) {
  edit("pods", pod, [&](json& object) { object["status"]["phase"] = phase; });
}

void ControlLoops::remove_deleted() {
  for (const store::ObjectPtr& pod : pods()) {
    if (objects::is_being_deleted(*pod) && !objects::has_finalizers(*pod)) {
      store.remove({"pods", namespace_of(*pod), name_of(*pod)});
    }
  }
}

bool ControlLoops::live() {
  const std::uint64_t before = store.version();
  remove_deleted();
  for (const store::ObjectPtr& pod : pods()) {
    if (namespace_of(*pod) == "default" && objects::lives_on_node(*pod) && !is_ready(*pod)) {
      make_ready(name_of(*pod));
    }
  }
  return store.version() != before;
}

void ControlLoops::settle(const std::function<void()>& after_each) {
  constexpr int kRounds = 1000;
  for (int round = 0; round < kRounds; ++round) {
    run();
    if (after_each) {
      after_each();
    }
    if (!live()) {
      return;
    }
  }
  FAIL() << "did not settle";
}

}  // namespace labctl::controllers
