#include "labctl/lab/dry_run.hpp"

#include "labctl/controllers/pods/nodes.hpp"
#include "labctl/controllers/reconcile.hpp"
#include "labctl/lab/boot_objects.hpp"
#include "labctl/store/store.hpp"
#include "topology/plan/address_plan.hpp"
#include "topology/plan/fabric.hpp"

namespace labctl::lab {

std::string describe_plan(const model::Cluster& cluster, const std::vector<manifest::Object>& objects) {
  const SystemClock clock;
  const model::Cluster planned = plan::give_out_addresses(cluster);
  store::Store store(cluster.name, clock);
  controllers::sync_nodes(store, planned);
  allocation::ServiceAllocation services(store, planned);
  create_objects(store, services, objects);
  controllers::Reconciler(store, planned, clock).run();

  std::vector<plan::PodSlot> slots;
  for (const model::Pod& pod : placeable_pods(store)) {
    if (!pod.host_network) {
      slots.push_back(slot_of(planned, pod, static_cast<std::uint32_t>(slots.size() + 1)));
    }
  }
  std::string text;
  for (const std::vector<plan::Step>& steps : {plan::plan_fabric(planned), plan::plan_pods(planned, slots)}) {
    for (const plan::Step& step : steps) {
      text += plan::describe(step);
    }
  }
  return text;
}

}  // namespace labctl::lab
