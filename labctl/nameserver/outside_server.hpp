#pragma once

// The outside world's DNS server: a `named` on the router that answers for every name there is,
// from the records of the Cluster. It is what nodes and outside hosts ask, and where the
// cluster's servers send what is not theirs.
//
// Threads: the main loop's.

#include "labctl/loop/captured_run.hpp"
#include "labctl/loop/event_loop.hpp"
#include "labctl/nameserver/zone_journal.hpp"
#include "labctl/nameserver/zone_updater.hpp"
#include "topology/kernel/host_tree.hpp"
#include "topology/kernel/process.hpp"
#include "topology/kernel/reaper.hpp"
#include "topology/model/cluster.hpp"

#include <chrono>
#include <functional>
#include <optional>
#include <string>

namespace labctl::nameserver {

class OutsideServer {
 public:
  // All must outlive this.
  // `patience`: with a server that does not answer, before it is started again (ZoneUpdater).
  OutsideServer(loop::EventLoop& loop, kernel::Reaper& reaper, const model::Cluster& cluster,
                const kernel::HostTree& tree, std::chrono::milliseconds patience);
  ~OutsideServer();
  OutsideServer(const OutsideServer&) = delete;
  OutsideServer& operator=(const OutsideServer&) = delete;

  // Once the router is there; `router_netns_fd` is kept. It is started again whenever it ends or does not
  // answer, after a wait that grows while that is in vain. Throws Error.
  void start(int router_netns_fd);
  bool is_ready() const { return updater_ && updater_->is_ready(); }
  const std::string& folder() const { return folder_; }
  // It ended by itself time and again and was never ready: waiting will not help.
  bool is_hopeless() const { return ends_in_vain_ >= kEndsInVainMax; }
  // Why it is not ready: "it ended with exit code 1: LAST WORDS". Never empty.
  std::string trouble() const;

 private:
  static constexpr int kEndsInVainMax = 5;

  void spawn();
  void spawn_later();
  void on_ready();
  void on_ended(kernel::ExitStatus status);
  void on_failed(const std::string& why);
  std::string with_last_words(const std::string& what) const;

  loop::EventLoop& loop_;
  kernel::Reaper& reaper_;
  const model::Cluster& cluster_;
  const kernel::HostTree& tree_;
  std::string folder_;
  int netns_fd_ = -1;
  ZoneJournal journal_;  // of a zone that never changes
  std::chrono::milliseconds patience_;
  std::optional<ZoneUpdater> updater_;
  std::string last_end_;  // "exit code 1"; empty: it has not ended yet
  int ends_in_vain_ = 0;  // since it was ready, or the start
  std::chrono::milliseconds again_after_;
  kernel::ChildProcess child_;
  loop::EventLoop::Id again_ = 0;
};

}  // namespace labctl::nameserver
