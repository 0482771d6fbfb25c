#pragma once

// The outside world's DNS server: a `named` on the router that answers for every name there is, from the
// records of the Cluster. It is what nodes and outside hosts ask, and where the cluster's servers send what
// is not theirs.
//
// Threads: the main loop's.

#include "labctl/controllers/captured_run.hpp"
#include "labctl/controllers/event_loop.hpp"
#include "labctl/supervisor/dns_journal.hpp"
#include "labctl/supervisor/dns_updater.hpp"
#include "topology/kernel/process.hpp"
#include "topology/kernel/reaper.hpp"
#include "topology/model/cluster.hpp"

#include <functional>
#include <optional>
#include <string>

namespace labctl::supervisor {

class OutsideDns {
 public:
  // All must outlive this.
  OutsideDns(controllers::EventLoop& loop, kernel::Reaper& reaper, const model::Cluster& cluster);
  ~OutsideDns();
  OutsideDns(const OutsideDns&) = delete;
  OutsideDns& operator=(const OutsideDns&) = delete;

  // Once the router is there; `router_netns_fd` is kept. It is started again whenever it ends. Throws Error.
  void start(int router_netns_fd);
  bool is_ready() const { return updater_ && updater_->is_ready(); }
  const std::string& folder() const { return folder_; }
  // What it last said, for an error that it did not get ready.
  std::string last_words() const;

 private:
  void spawn();
  void spawn_later();

  controllers::EventLoop& loop_;
  kernel::Reaper& reaper_;
  const model::Cluster& cluster_;
  std::string folder_;
  int netns_fd_ = -1;
  DnsJournal journal_;  // of a zone that never changes
  std::optional<DnsUpdater> updater_;
  kernel::ChildProcess child_;
  controllers::EventLoop::Id again_ = 0;
};

}  // namespace labctl::supervisor
