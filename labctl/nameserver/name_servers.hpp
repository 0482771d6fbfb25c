#pragma once

// The cluster's DNS of a running lab: what its servers say follows the objects.
//
//   Services, EndpointSlices,
//   pods, namespaces --records--> RecordBook --changes--> journal --UPDATE--> each server
//                                     |
//                                     +--zone files, when a server starts
//
// The servers are the pods of a Deployment (dns_objects.hpp) and live as all pods do. One that runs is never
// started again for what changes: named takes thousands of changes as updates in the time that it needs to
// read its files, and answers meanwhile.
//
// Threads: the main loop's.

#include "labctl/allocation/service_allocation.hpp"
#include "labctl/kubelet/pod_companion.hpp"
#include "labctl/kubelet/pod_life.hpp"
#include "labctl/loop/captured_run.hpp"
#include "labctl/loop/main_loop.hpp"
#include "labctl/nameserver/outside_server.hpp"
#include "labctl/nameserver/refused_changes.hpp"
#include "labctl/nameserver/zone_journal.hpp"
#include "labctl/nameserver/zone_updater.hpp"
#include "labctl/store/store.hpp"
#include "topology/dns/zones.hpp"
#include "topology/manifest/loader.hpp"
#include "topology/model/cluster.hpp"
#include "topology/model/service.hpp"

#include <nlohmann/json_fwd.hpp>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace labctl::nameserver {

class NameServers : public kubelet::PodCompanion {
 public:
  // All must outlive this. `boot_within`: how long whoever boots the lab is going to wait, from now.
  NameServers(loop::MainLoop& loop, kernel::Reaper& reaper, store::Store& store,
              const model::Cluster& cluster, kubelet::PodLife& life, const kernel::HostTree& tree,
              std::chrono::milliseconds boot_within);
  ~NameServers() override;
  NameServers(const NameServers&) = delete;
  NameServers& operator=(const NameServers&) = delete;

  // The Service: first of all, for its address.
  void create_service(allocation::ServiceAllocation& services);
  // The Deployment: last, so that it takes no place that a file's pod would have.
  void create_servers();
  // Whichever of the two somebody has deleted.
  void restore(allocation::ServiceAllocation& services);

  // The servers start with what there is, and are ready some tens of milliseconds later; wait_until_ready()
  // throws Error with named's words when that does not come: InvalidInput when it refuses the user's records
  // of the outside. Meanwhile the loop runs.
  void start_outside(int router_netns_fd);
  void wait_until_ready();

  // The DNS pods, if the Cluster wants any.
  bool is_mine(const model::Pod& pod) const override;
  bool holds_others_back() const override { return !has_been_ready_; }
  // The server and its own folder.
  std::vector<kernel::FileBind> binds_of(const model::Pod& pod) const override;
  // Writes the server's files, and begins to tell it what changes from then on.
  void before_start(const model::Pod& pod, int netns_fd) override;
  void gone(const model::PodKey& pod) override;

  // `service` as the data path has it; `is_gone`: no longer there.
  void note_service(const model::Service& service, const std::vector<const model::EndpointSlice*>& slices,
                    bool is_gone);
  // Tells the servers what changed.
  void sync();

 private:
  using Positions = std::vector<ZoneJournal::Position>;
  struct Server {
    std::string folder;
    std::unique_ptr<ZoneUpdater> updater;
    bool is_starting = true;
  };

  void restore_service(allocation::ServiceAllocation& services);
  void note(const store::Change& change);
  void read_object(const store::Key& key);
  void set_records(const std::string& owner, std::vector<dns::Record> records);
  Positions ends() const;
  void write_files(const std::string& folder) const;
  void trim();
  void on_ready(const model::PodKey& pod);
  void set_gate(const model::PodKey& pod, bool is_open, const std::string& why = {});
  void on_refused(const model::PodKey& pod, const ZoneJournal::Batch& refused, const std::string& rcode);
  void say_refused_later();
  void on_failed(const model::PodKey& pod, const std::string& why);
  bool has_no_place() const;
  std::vector<store::ObjectPtr> dns_pods() const;
  std::string trouble();
  std::string trouble_of(const nlohmann::json& pod, const model::PodKey& key);
  std::string with_last_words(const model::PodKey& pod, const std::string& what);
  void warn(const store::Key& object, const std::string& reason, const std::string& message);

  loop::MainLoop& loop_;
  store::Store& store_;
  const model::Cluster& cluster_;
  kubelet::PodLife& life_;
  bool is_on_ = false;           // the Cluster wants servers, and create_service() was called
  bool has_been_ready_ = false;  // some server of the cluster, or there are none

  dns::RecordBook book_;
  ZoneJournal journal_;
  RefusedChanges refused_;
  loop::MainLoop::Id again_ = 0;  // when they are said again
  std::map<model::PodKey, Server> servers_;
  std::chrono::steady_clock::time_point boot_until_;
  std::chrono::milliseconds patience_;  // with a server's first start
  OutsideServer outside_;
  loop::CapturedRuns checks_;
  std::string outside_refusal_;  // what named says of the outside zone; empty: nothing wrong
  std::set<store::Key> dirty_;   // pods and namespaces
  store::Store::Subscription subscription_;
};

}  // namespace labctl::nameserver
