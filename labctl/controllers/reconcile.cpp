#include "labctl/controllers/reconcile.hpp"

#include "labctl/controllers/budgets.hpp"
#include "labctl/controllers/claim_binder.hpp"
#include "labctl/controllers/garbage.hpp"
#include "labctl/controllers/load_balancer.hpp"
#include "labctl/controllers/namespace_objects.hpp"
#include "labctl/controllers/news.hpp"
#include "labctl/controllers/pods/node_readiness.hpp"
#include "labctl/controllers/pods/placement_queue.hpp"
#include "labctl/controllers/pods/pod_addresses.hpp"
#include "labctl/controllers/pods/scheduler.hpp"
#include "labctl/controllers/retries.hpp"
#include "labctl/controllers/scheduling/taint_evictions.hpp"
#include "labctl/controllers/workload_loops.hpp"
#include "labctl/controllers/workloads/workload.hpp"
#include "labctl/endpoints/endpoint_slice_loop.hpp"
#include "labctl/objects/contain.hpp"
#include "labctl/objects/deletion.hpp"
#include "labctl/objects/fields.hpp"
#include "labctl/store/selectors.hpp"
#include "topology/base/error.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace labctl::controllers {
namespace {

using nlohmann::json;
using objects::contain;
using objects::controller_of;
using objects::field;
using objects::text_at;
using store::Change;
using store::ChangeType;
using store::Key;
using store::ObjectPtr;
using Time = std::chrono::system_clock::time_point;

constexpr std::string_view kFailedSync = "FailedSync";
// Addresses given back in a round: some hundred writes to the allocations.
constexpr std::size_t kReleasedPerRound = 500;

// A round does at least one useful thing: a pod made, placed or removed. More rounds than this for what there
// is means that two loops undo each other's work.
constexpr std::size_t kRoundsAtLeast = 1'000;
constexpr std::size_t kRoundsPerObject = 4;

}  // namespace

// What is to be looked at, as sets: a thousand changes of one workload's pods are one entry, and are worked
// off by one call of its loop. Nothing here says what is to be done: each loop reads the store as it is when
// its turn comes, so a change that was noted twice, or is out of date by then, costs a look and does no harm.
struct Reconciler::State {
  State(store::Store& s, const model::Cluster& c, const Clock& k)
      : store(s), cluster(c), clock(k), pods(s), endpoint_slices(s), balancers(s, c), placements(s) {}

  store::Store& store;
  const model::Cluster& cluster;
  const Clock& clock;
  PodIndex pods;
  endpoints::EndpointSliceLoop endpoint_slices;
  BalancerLoop balancers;
  PlacementQueue placements;
  TaintEvictions evictions;
  ClaimBinder claims{store};
  NamespaceObjectsLoop namespace_objects{store};
  BudgetLoop budgets{store};

  std::set<Key> workloads;           // to sync
  std::set<Key> addressed;           // pods whose allocations may be wrong
  std::set<std::string> nodes;       // whose pods may say otherwise than the node about being ready
  std::set<std::string> nodes_down;  // not Ready
  std::set<std::string> orphaners;   // uids of owners that went
  std::set<std::string> namespaces;  // to empty
  std::set<Key> leaving;             // being deleted, and perhaps held by nothing any more
  std::map<Key, Time> later;         // workloads to sync by themselves
  Retries retries;
  Turn turn;
  store::Store::Subscription subscription;

  bool has_work() const {
    return has_work_but_endpoints() || endpoint_slices.has_work() || budgets.has_work();
  }
  bool has_work_but_endpoints() const {
    return !workloads.empty() || placements.has_work() || !addressed.empty() || !nodes.empty() ||
           !orphaners.empty() || !namespaces.empty() || !leaving.empty() || balancers.has_work() ||
           claims.has_work() || namespace_objects.has_work() || evictions.has_work();
  }

  void look_at_everything();
  void note(const Change& change);
  void note_node(const Change& change);
  void note_pod(const Change& change);
  void note_owners(const Change& change);
  void note_takers(const Key& key);
  void note_orphan(const Change& change);
  void queue_due();
  void round(bool& changed);
  void sync_workloads();
  void sync_workload(const WorkloadLoop& controller, const Key& key);
  void collect_garbage(Work& work);
  void release(Work& work);
  void place(Work& work);
  void try_again(std::function<void()> put_back) {
    retries.put_back_later(clock.wall(), std::move(put_back));
  }
  template <typename Loop>
  void run_or_retry(Loop& loop) {
    if (!loop.run()) {
      try_again([&loop] { loop.retry(); });
    }
  }
  // What is not done: at once when only the turn was over, else after a while.
  template <typename What>
  void put_back(Progress progress, std::set<What>& due, const What& what) {
    if (progress == Progress::Unfinished) {
      due.insert(what);
    } else if (progress == Progress::Failed) {
      try_again([&due, what] { due.insert(what); });
    }
  }
  std::optional<Time> next_time() const;
};

void Reconciler::State::look_at_everything() {
  for (const WorkloadLoop& controller : workload_loops()) {
    for (const ObjectPtr& object : store.list(controller.resource)) {
      note({ChangeType::Added, key_in(controller.resource, *object), object, nullptr, 0});
    }
  }
  // Pods after Services and nodes.
  for (const char* resource : {"namespaces", "nodes", "services", "endpoints", "endpointslices", "pods"}) {
    for (const ObjectPtr& object : store.list(resource)) {
      note({ChangeType::Added, key_in(resource, *object), object, nullptr, 0});
    }
  }
}

void Reconciler::State::note(const Change& change) {
  // Called within each write, the loops' own too, so it may only note: a set that is being worked off has
  // been taken out before (std::exchange).
  endpoint_slices.note(change);
  placements.note(change);
  evictions.note(change);
  if (change.type == ChangeType::Deleted) {
    if (!store.owned_by(objects::uid_of(*change.object)).empty()) {
      orphaners.insert(objects::uid_of(*change.object));
    }
    later.erase(change.key);
    retries.forget(change.key);
  } else if (change.type == ChangeType::Added) {
    note_orphan(change);
  }
  if (change.key.resource == "pods") {
    note_pod(change);
  } else if (change.key.resource == "nodes") {
    note_node(change);
  } else if (change.key.resource == "namespaces") {
    if (objects::is_being_deleted(*change.object)) {
      namespaces.insert(change.key.name);
    }
  } else if (find_workload_loop(change.key.resource) != nullptr && is_news_to_itself(change)) {
    workloads.insert(change.key);
    if (is_another_wish(change)) {
      retries.forget(change.key);
    }
  }
  note_owners(change);
  leaving.merge(leaving_after(store, change));
  // Something came or went in a namespace that is to be empty.
  if (change.type != ChangeType::Modified && !change.key.ns.empty()) {
    // Whatever is made in it now is removed as well, and the last thing that goes lets the namespace go.
    const ObjectPtr ns = store.find({"namespaces", "", change.key.ns});
    if (ns != nullptr && objects::is_being_deleted(*ns)) {
      namespaces.insert(change.key.ns);
    }
  }
}

void Reconciler::State::note_node(const Change& change) {
  // Each wants a pod on every node that its pods may be on, which the node's labels and taints decide.
  for (const ObjectPtr& daemon_set : store.list("daemonsets")) {
    workloads.insert(key_in("daemonsets", *daemon_set));
  }
  const bool is_down = change.type != ChangeType::Deleted && !is_node_ready(*change.object);
  const bool was_down =
      is_down ? !nodes_down.insert(change.key.name).second : nodes_down.erase(change.key.name) > 0;
  if (is_down != was_down || (is_down && change.before == nullptr)) {
    nodes.insert(change.key.name);
  }
}

void Reconciler::State::note_pod(const Change& change) {
  const json& pod = *change.object;
  if (change.type == ChangeType::Deleted) {
    addressed.insert(change.key);
    // Whoever it belonged to: a StatefulSet may have waited for its name.
    const Key set{"statefulsets", change.key.ns, change.key.name.substr(0, change.key.name.rfind('-'))};
    if (store.find(set) != nullptr) {
      workloads.insert(set);
    }
    return;
  }
  if (objects::is_finished(pod)) {
    if (!text_at(pod, "status.podIP").empty()) {
      addressed.insert(change.key);
    }
    return;
  }
  const std::string& node = text_at(pod, "spec.nodeName");
  if (!nodes_down.empty() && nodes_down.contains(node) && objects::is_ready(pod)) {
    nodes.insert(node);
  }
  if (change.before == nullptr && !text_at(pod, "status.podIP").empty()) {
    addressed.insert(change.key);
  }
}

// Adds the workloads that a pod or ReplicaSet belongs, or belonged, to; of a
// pod without one those that may want it.
void Reconciler::State::note_owners(const Change& change) {
  const std::string& resource = change.key.resource;
  if (resource != "pods" && resource != "replicasets" && resource != "jobs") {
    return;
  }
  bool has_owner = false;
  for (const ObjectPtr& object : {change.object, change.before}) {
    const json* controller = object == nullptr ? nullptr : controller_of(*object);
    if (controller == nullptr) {
      continue;
    }
    has_owner = has_owner || object == change.object;
    const auto owner = store.key_of_uid(text_at(*controller, "uid"));
    if (!owner) {
      continue;
    }
    workloads.insert(*owner);
    if (change.type != ChangeType::Deleted || owner->resource != "replicasets") {
      continue;
    }
    // A Deployment of the strategy Recreate waits for this pod to go.
    const ObjectPtr set = store.find(*owner);
    const json* above = set == nullptr ? nullptr : controller_of(*set);
    const auto deployment = above == nullptr ? std::nullopt : store.key_of_uid(text_at(*above, "uid"));
    if (deployment) {
      workloads.insert(*deployment);
    }
  }
  if (!has_owner && change.type != ChangeType::Deleted && may_be_wanted_now(change)) {
    note_takers(change.key);
  }
}

// The workloads of its namespace that could take in a pod or ReplicaSet.
void Reconciler::State::note_takers(const Key& key) {
  for (const WorkloadLoop& candidate : workload_loops()) {
    if (candidate.takes != key.resource) {
      continue;
    }
    for (const ObjectPtr& workload : store.list(candidate.resource, key.ns)) {
      workloads.insert(key_in(candidate.resource, *workload));
    }
  }
}

// An object that comes when its owner has gone already.
void Reconciler::State::note_orphan(const Change& change) {
  const json* owners = field(*change.object, "metadata.ownerReferences");
  if (owners == nullptr || !owners->is_array()) {
    return;
  }
  for (const json& owner : *owners) {
    if (!store.key_of_uid(text_at(owner, "uid"))) {
      orphaners.insert(text_at(owner, "uid"));
    }
  }
}

void Reconciler::State::queue_due() {
  const Time now = clock.wall();
  for (auto at = later.begin(); at != later.end();) {
    if (at->second <= now) {
      workloads.insert(at->first);
      at = later.erase(at);
    } else {
      ++at;
    }
  }
  retries.call_due(now);
  evictions.queue_due(now);
}

void Reconciler::State::sync_workloads() {
  // Of what is due now only: what a loop writes brings others back in, which are the next round's.
  const std::set<Key> due = std::exchange(workloads, {});
  for (const WorkloadLoop& controller : workload_loops()) {
    for (auto key = due.lower_bound({std::string(controller.resource), "", ""});
         key != due.end() && key->resource == controller.resource; ++key) {
      if (turn.is_over()) {
        workloads.insert(*key);
      } else {
        sync_workload(controller, *key);
      }
    }
  }
}

void Reconciler::State::sync_workload(const WorkloadLoop& controller, const Key& key) {
  // It threw a moment ago. Its pods go on changing, and each change would have it throw again.
  if (const auto until = retries.held_until(key, clock.wall())) {
    later[key] = *until;
    return;
  }
  Work work{store, cluster, pods, clock.wall(), std::nullopt, turn};
  if (contain(store, key, kFailedSync, controller.component, [&] { controller.sync(work, key); })) {
    retries.forget(key);
  } else {
    work.look_again_at(retries.note_failure(key, clock.wall()));
  }
  if (work.again_at) {
    later[key] = *work.again_at;
  } else {
    later.erase(key);
  }
}

void Reconciler::State::collect_garbage(Work& work) {
  for (const std::string& uid : std::exchange(orphaners, {})) {
    put_back(collect_dependents(work, uid), orphaners, uid);
  }
  for (const Key& key : std::exchange(leaving, {})) {
    put_back(let_go(work, key), leaving, key);
  }
  for (const std::string& ns : std::exchange(namespaces, {})) {
    put_back(empty_namespace(work, ns), namespaces, ns);
  }
}

void Reconciler::State::release(Work& work) {
  std::vector<Key> keys;
  // A deleted namespace gives back thousands at once; the rest is the next round's, when placing
  // has had its turn.
  while (!addressed.empty() && keys.size() < kReleasedPerRound) {
    keys.push_back(std::move(addressed.extract(addressed.begin()).value()));
  }
  if (!contain(store, {}, "FailedRelease", "address-controller", [&] { release_addresses(work, keys); })) {
    try_again([this, keys] { addressed.insert(keys.begin(), keys.end()); });
  }
}

void Reconciler::State::place(Work& work) {
  const std::vector<Key> keys = placements.take();
  std::size_t looked_at = 0;
  if (!contain(store, {}, "FailedScheduling", "default-scheduler",
               [&] { looked_at = place_pods(work, keys, placements.waiting()); })) {
    try_again([this, keys] { placements.put_back(keys, 0); });
    return;
  }
  placements.put_back(keys, looked_at);
}

void Reconciler::State::round(bool& changed) {
  // Garbage first, so that no loop makes pods for an owner that goes; then wishes; then places for what was
  // wished. In the usual case one round is enough for a whole change, and the next finds nothing to do.
  const std::uint64_t before = store.version();
  Work work{store, cluster, pods, clock.wall(), std::nullopt, turn};
  collect_garbage(work);
  run_or_retry(namespace_objects);
  run_or_retry(claims);
  sync_workloads();
  run_or_retry(balancers);
  // Given back before given out, so that a full node takes the next pod.
  release(work);
  place(work);
  evictions.run(work);
  for (const std::string& node : std::exchange(nodes, {})) {
    if (!contain(store, {"nodes", "", node}, kFailedSync, "node-controller",
                 [&] { sync_node_readiness(work, node); })) {
      try_again([this, node] { nodes.insert(node); });
    }
  }
  // Once for all that the other loops did, or for what they did in this turn: a rollout changes the pods of a
  // Service in each of its rounds, and a slice of a hundred endpoints is written whole.
  if (!has_work_but_endpoints() || turn.is_over()) {
    run_or_retry(endpoint_slices);
    run_or_retry(budgets);
  }
  changed = changed || store.version() != before;
}

std::optional<Time> Reconciler::State::next_time() const {
  std::optional<Time> next = retries.next();
  if (const auto eviction = evictions.next(); eviction && (!next || *eviction < *next)) {
    next = eviction;
  }
  for (const auto& [key, time] : later) {
    if (!next || time < *next) {
      next = time;
    }
  }
  return next;
}

Reconciler::Reconciler(store::Store& store, const model::Cluster& cluster, const Clock& clock)
    : state_(std::make_unique<State>(store, cluster, clock)) {
  state_->look_at_everything();
  state_->subscription =
      store.on_change([state = state_.get()](const Change& change) { state->note(change); });
}

Reconciler::~Reconciler() = default;

bool Reconciler::has_work() const {
  const auto next = state_->next_time();
  return state_->has_work() || (next && *next <= state_->clock.wall());
}

Reconciled Reconciler::run(const Turn& turn) {
  Reconciled result;
  state_->turn = turn;
  state_->queue_due();
  for (std::size_t rounds = 0; state_->has_work() && (rounds == 0 || !turn.is_over()); ++rounds) {
    // Two loops that undo each other's work would have the lab at 100 % for ever, and look as if it were
    // slow. That is a mistake of ours, and is told as one, with an object that they fight over.
    const std::size_t objects = state_->store.count("pods") + state_->store.count("replicasets");
    if (rounds > kRoundsAtLeast + kRoundsPerObject * objects) {
      const std::string last =
          state_->workloads.empty() ? "pods" : store::to_string(*state_->workloads.begin());
      spdlog::error("reconcile: no rest after {} rounds, last at {}", rounds, last);
      throw Error(ErrorKind::Internal, "reconcile: the control loops do not settle: last at " + last);
    }
    state_->round(result.changed);
  }
  result.again_at = state_->next_time();
  return result;
}

}  // namespace labctl::controllers
