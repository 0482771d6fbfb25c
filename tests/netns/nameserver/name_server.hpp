#pragma once

// BIND's named in a network namespace of its own, with the zones of a cluster as NameServers writes them, and
// what it answers. For tests in a capsule.

#include "labctl/nameserver/refused_changes.hpp"
#include "labctl/nameserver/zone_journal.hpp"
#include "topology/base/unique_fd.hpp"
#include "topology/dns/zones.hpp"
#include "topology/kernel/process.hpp"

#include <string>
#include <vector>

namespace labctl::nameserver::testing {

// Why this machine has no DNS server; empty when it has.
std::string why_no_named();

class NameServer {
 public:
  // The namespace and the records; nothing runs yet.
  explicit NameServer(const std::string& name);

  int netns_fd() const { return netns_.get(); }
  const ZoneJournal& journal() const { return journal_; }
  std::vector<ZoneJournal::Position> ends() const;

  // From now on `owner` has these records; in the journal, not in the files.
  void set(const std::string& owner, std::vector<dns::Record> records);
  void trim(const std::vector<ZoneJournal::Position>& at);
  // Files with all there is now.
  void write_files();
  // Spoils the file of the cluster's zone.
  void write_broken_zone() const;
  // Its folder is a file system of its own, of a few pages, from now on; full, and with room again.
  void move_to_small_disk() const;
  void fill_disk() const;
  void free_disk() const;
  // Tells all servers of the journal what some refused.
  void say_again(RefusedChanges& changes);
  void start();
  void kill();
  // Does nothing, from when this returns, until resume().
  void pause() const;
  void resume() const;

  // The data of the answer, sorted; or the rcode, when it is not NOERROR; or "silent".
  std::vector<std::string> ask(const std::string& name, const std::string& type = "A") const;

 private:
  std::string folder_;
  UniqueFd netns_;
  dns::RecordBook book_;
  ZoneJournal journal_;
  kernel::ChildProcess process_;
};

}  // namespace labctl::nameserver::testing
