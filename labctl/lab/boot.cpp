// How a lab comes up. The network is almost all of the time, and the kernel makes it one step after another:
// it has a thread of its own, and everything else is done beside it.

#include "labctl/apiserver/kubernetes_service.hpp"
#include "labctl/controllers/claim_binder.hpp"
#include "labctl/controllers/pods/nodes.hpp"
#include "labctl/lab/boot_objects.hpp"
#include "labctl/lab/lab.hpp"
#include "topology/model/well_known.hpp"

#include <algorithm>
#include <future>
#include <utility>

namespace labctl::lab {
namespace {

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
  dns_.create_service(allocation_);
  create_objects(store_, allocation_, objects);
  if (store_.count("storageclasses") == 0) {
    store_.create({"storageclasses", "", controllers::kLabStorageClass}, controllers::lab_storage_class());
  }
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
  sandboxes_.open();
  start_outside_hosts();
  sandboxes_.place_at_boot(pods);
  sync();
  is_booted_ = true;
  dns_.wait_until_ready();
  sandboxes_.start_waiting();  // programs look names up as soon as they run
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

// As in a cluster, where its controllers make again what somebody deletes of them: at once, before anybody
// else is given the addresses.
void Lab::restore_own_objects() {
  if (!is_booted_ || !std::exchange(is_own_object_gone_, false)) {
    return;
  }
  const bool is_well = loop_.carry_out([this] {
    controllers::sync_born_namespaces(store_);
    create_api_service();
    dns_.restore(allocation_);
  });
  is_own_object_gone_ = is_own_object_gone_ || !is_well;
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

}  // namespace labctl::lab
