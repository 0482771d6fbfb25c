#pragma once

// Ends pods that do not tolerate a taint NoExecute of their node, at once or after their
// tolerationSeconds, as the taint eviction controller does (pkg/controller/tainteviction).

#include "labctl/controllers/work.hpp"
#include "labctl/store/store.hpp"

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>

namespace labctl::controllers {

// Threads: the store's. Told of every change by note(), which only notes.
class TaintEvictions {
 public:
  using Time = std::chrono::system_clock::time_point;

  void note(const store::Change& change);
  // Nodes whose time has come are looked at again.
  void queue_due(Time now);
  bool has_work() const { return !due_.empty(); }
  void run(Work& work);
  std::optional<Time> next() const;

 private:
  struct Eviction {
    std::string node;
    std::string uid;
    Time since;  // the seconds tolerated are counted from when the taint was seen
    Time at;
  };
  void look_at(Work& work, const std::string& node);
  void look_at(Work& work, const std::string& node, const store::Key& key);
  void cancel(Work& work, const store::Key& key, const nlohmann::json& pod);

  std::set<std::string> tainted_;  // NoExecute
  std::set<std::string> due_;      // nodes to look at
  std::map<store::Key, Eviction> evictions_;
};

}  // namespace labctl::controllers
