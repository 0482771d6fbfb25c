// How a lab comes up. The network is almost all of the time, and the kernel makes it one step after another:
// it has a thread of its own, and everything else is done beside it.

#include "labctl/apiserver/kubernetes_service.hpp"
#include "labctl/controllers/pods/nodes.hpp"
#include "labctl/lab/boot_objects.hpp"
#include "labctl/lab/lab.hpp"
#include "labctl/objects/contain.hpp"
#include "topology/base/scope_exit.hpp"
#include "topology/model/well_known.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <condition_variable>
#include <future>
#include <mutex>
#include <unordered_map>

namespace labctl::lab {
namespace {

// Waking the main loop for each would slow the other thread down.
constexpr size_t kTogether = 32;

// Namespaces on their way from the thread that makes them to the main loop.
class MadeNamespaces {
 public:
  struct Made {
    plan::NamespaceId id;
    int fd = -1;
  };

  void add(const plan::NamespaceId& id, int fd) {
    const std::lock_guard lock(mutex_);
    made_.push_back({id, fd});
    if (made_.size() >= kTogether) {
      more_.notify_one();
    }
  }
  // No more will come.
  void end() {
    const std::lock_guard lock(mutex_);
    has_ended_ = true;
    more_.notify_one();
  }
  // Waits for many, or the rest; none is the end.
  std::vector<Made> take() {
    std::unique_lock lock(mutex_);
    more_.wait(lock, [this] { return has_ended_ || made_.size() >= kTogether; });
    return std::exchange(made_, {});
  }

 private:
  std::mutex mutex_;
  std::condition_variable more_;
  std::vector<Made> made_;
  bool has_ended_ = false;
};

double in_milliseconds(std::chrono::steady_clock::duration time) {
  return std::chrono::duration<double, std::milli>(time).count();
}

// Whether the files say something of default/kubernetes themselves.
bool bring_api_service(const std::vector<manifest::Object>& objects) {
  return std::any_of(objects.begin(), objects.end(), [](const manifest::Object& object) {
    return object.ns == model::kDefaultNamespace && object.name == model::kKubernetesService &&
           (object.kind == "Service" || object.kind == "Endpoints" || object.kind == "EndpointSlice");
  });
}

}  // namespace

void Lab::boot(const std::vector<manifest::Object>& objects) {
  const auto begin = clock_.now();
  created_at_ = clock_.wall();
  const std::vector<plan::Step> base = plan::plan_fabric(cluster_);
  std::future<void> connected = std::async(std::launch::async, [&] { fabric_.apply(base); });
  controllers::sync_nodes(store_, cluster_);
  // Its address is the first of the range: nobody else may be given that before.
  const bool brings_own = bring_api_service(objects);
  if (!brings_own) {
    create_api_service();
  }
  dns_.create_service(allocation_, objects);
  create_objects(store_, allocation_, objects);
  if (brings_own) {
    create_api_service();
  }
  std::vector<model::Pod> pods = reconcile({});
  dns_.create_servers();
  const std::vector<model::Pod> dns_pods = reconcile({});
  // They come first: they need the most time to start.
  pods.insert(pods.begin(), dns_pods.begin(), dns_pods.end());
  connected.get();
  dns_.start_outside(fabric_.namespace_fd(plan::kRouter));
  service_proxy_.open();
  runtime_.server().start(service_proxy_.node_servers().of(0), apiserver::api_stand_in());
  service_proxy_.sync();  // what there is by now is in the first zone files
  for (const model::Node& node : cluster_.nodes) {
    node_netns_fds_.push_back(fabric_.namespace_fd(plan::node_id(node.name)));
  }
  start_outside_hosts();
  place_at_boot(pods);
  sync();
  is_booted_ = true;
  dns_.wait_until_ready();
  start_waiting_containers();
  repair_later();
  boot_time_ = std::chrono::duration_cast<std::chrono::milliseconds>(clock_.now() - begin);
}

// default/kubernetes, unless the files bring their own.
void Lab::create_api_service() {
  for (nlohmann::json& object : apiserver::ensure_kubernetes_service(store_, cluster_)) {
    const std::string kind = object.at("kind");
    const store::Key key = store::key_of(kind == "Service"     ? "services"
                                         : kind == "Endpoints" ? "endpoints"
                                                               : "endpointslices",
                                         object);
    if (kind == "Service") {
      allocation_.create(key, std::move(object));
    } else {
      store_.create(key, std::move(object));
    }
  }
}

void Lab::start_outside_hosts() {
  for (const model::OutsideHost& host : cluster_.outside.hosts) {
    server::Identity identity;
    identity.id = plan::outside_id(host.name);
    identity.hostname = host.name;
    identity.name = host.name;
    identity.addresses = host.addresses;
    identity.netns_fd = fabric_.namespace_fd(identity.id);
    const server::PodId id = runtime_.server().add_pod(identity);
    outside_servers_.push_back(id);
    server::RoleRequest request;
    request.image = "outside";
    for (const model::OutsidePort& port : host.ports) {
      request.ports.push_back({"", port.port, 0, port.protocol});
    }
    if (!request.ports.empty()) {
      runtime_.server().start(id, server::role_of(request));
    }
  }
}

// Starts each pod's containers as soon as its namespace is there.
void Lab::place_at_boot(const std::vector<model::Pod>& pods) {
  const auto begin = clock_.now();
  std::vector<plan::PodSlot> slots;
  std::vector<const model::Pod*> with_place;
  for (const model::Pod& pod : pods) {
    const bool has_place = objects::contain(store_, {"pods", pod.key.ns, pod.key.name},
                                            "FailedCreatePodSandBox", "kubelet", [&] {
                                              if (const auto slot = make_slot(pod)) {
                                                slots.push_back(*slot);
                                              }
                                            });
    if (has_place) {
      with_place.push_back(&pod);
    } else {
      try_again_later(pod.key, pod.uid);
    }
  }
  const std::vector<plan::Step> steps = plan::plan_pods(cluster_, slots);
  std::unordered_map<plan::NamespaceId, const model::Pod*> waiting;
  MadeNamespaces made;
  std::future<void> connected = std::async(std::launch::async, [&] {
    const ScopeExit end([&] { made.end(); });
    fabric_.apply(steps, [&](const plan::NamespaceId& id, int fd) { made.add(id, fd); });
  });
  for (const model::Pod* pod : with_place) {
    if (!pod->host_network) {
      waiting.emplace(namespace_of(*pod), pod);
    }
  }
  std::vector<model::PodKey> failed;
  const auto start = [&](const model::Pod& pod, int netns_fd) {
    if (!try_start(pod, netns_fd)) {
      failed.push_back(pod.key);
    }
  };
  for (auto some = made.take(); !some.empty(); some = made.take()) {
    for (const auto& [id, fd] : some) {
      start(*waiting.at(id), fd);
    }
  }
  connected.get();
  for (const model::Pod* pod : with_place) {
    if (pod->host_network) {
      start(*pod, fabric_.namespace_fd(namespace_of(*pod)));
    }
  }
  take_down(failed);
  spdlog::info("{} pods: {:.1f} ms", pods.size(), in_milliseconds(clock_.now() - begin));
}

}  // namespace labctl::lab
