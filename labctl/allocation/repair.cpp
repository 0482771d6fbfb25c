#include "labctl/allocation/repair.hpp"

#include "labctl/objects/events.hpp"
#include "labctl/objects/fields.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

namespace labctl::allocation {
namespace {

using nlohmann::json;
using objects::text_at;
using store::Allocation;
using store::ObjectPtr;

constexpr int kPassesUntilRelease = 3;
constexpr int kMendTries = 5;

std::string owner_of_service(const json& service) {
  return service_owner({std::string(kServices), objects::namespace_of(service), objects::name_of(service)});
}

std::string subject_of(const ServiceValue& value) {
  switch (value.kind) {
    case ValueKind::NodePort:
      return "Port " + value.value;
    case ValueKind::BalancerIp:
      return "Load balancer IP " + value.value;
    case ValueKind::ClusterIp:
      break;
  }
  const auto address = IpAddress::parse(value.value);
  return "Cluster IP [" + std::string(to_string(address->family())) + "]:" + value.value;
}

std::string reason_stem(ValueKind kind) {
  switch (kind) {
    case ValueKind::NodePort:
      return "Port";
    case ValueKind::BalancerIp:
      return "LoadBalancerIP";
    case ValueKind::ClusterIp:
      break;
  }
  return "ClusterIP";
}

}  // namespace

AllocationRepair::Found AllocationRepair::pass() {
  std::vector<Allocation> rows;
  for (const std::string& pool : ranges_.pools()) {
    store_.allocations().reconcile_shared(pool);
    for (Allocation& row : store_.allocations().list(pool)) {
      rows.push_back(std::move(row));
    }
  }
  const Holders holders = find_holders();
  Found found;
  std::vector<Trouble> troubles = mend(holders, rows);
  {
    store::Allocations::Transaction transaction(store_.allocations());
    release_leaks(holders, rows, found);
    transaction.commit();
  }
  for (const Trouble& trouble : troubles) {
    ++(trouble.kind == Trouble::Missing     ? found.recorded
       : trouble.kind == Trouble::Duplicate ? found.duplicates
                                            : found.out_of_range);
    tell(trouble);
  }
  return found;
}

std::vector<AllocationRepair::Trouble> AllocationRepair::mend(const Holders& holders,
                                                              const std::vector<Allocation>& rows) {
  std::map<std::pair<std::string, std::string>, std::string> owners;
  for (const Allocation& row : rows) {
    owners.emplace(std::pair(row.pool, row.value), row.owner);
  }
  for (int tries = 1;; ++tries) {
    std::vector<Trouble> troubles;
    store::Allocations::Transaction transaction(store_.allocations());
    for (const auto& [value, services] : holders) {
      const auto recorded = owners.find({value.pool, value.value});
      compare(value, services, recorded == owners.end() ? "" : recorded->second, troubles);
    }
    // Another lab may claim meanwhile: that is a duplicate then, seen in the next try.
    if (transaction.prepare() || tries == kMendTries) {
      transaction.commit();
      return troubles;
    }
  }
}

AllocationRepair::Holders AllocationRepair::find_holders() const {
  std::vector<ObjectPtr> services = store_.list(kServices);
  std::stable_sort(services.begin(), services.end(), [](const ObjectPtr& one, const ObjectPtr& other) {
    return text_at(*one, "metadata.creationTimestamp") < text_at(*other, "metadata.creationTimestamp");
  });
  Holders holders;
  for (const ObjectPtr& service : services) {
    for (ServiceValue& value : ranges_.values_of(*service)) {
      holders[std::move(value)].push_back(service);
    }
  }
  return holders;
}

void AllocationRepair::compare(const ServiceValue& value, const std::vector<ObjectPtr>& services,
                               const std::string& recorded_owner, std::vector<Trouble>& troubles) {
  if (!ranges_.contains(value)) {
    for (const ObjectPtr& service : services) {
      troubles.push_back({service, value, Trouble::OutOfRange});
    }
    return;
  }
  auto keeper = std::find_if(services.begin(), services.end(), [&](const ObjectPtr& service) {
    return owner_of_service(*service) == recorded_owner;
  });
  if (keeper == services.end()) {
    keeper = services.begin();
    store::Allocations& table = store_.allocations();
    table.release(value.pool, value.value, recorded_owner);
    const bool is_ours = table.claim(value.pool, value.value, owner_of_service(**keeper));
    troubles.push_back({*keeper, value, is_ours ? Trouble::Missing : Trouble::Duplicate});
  }
  for (const ObjectPtr& service : services) {
    if (service != *keeper) {
      troubles.push_back({service, value, Trouble::Duplicate});
    }
  }
}

void AllocationRepair::release_leaks(const Holders& holders, const std::vector<Allocation>& rows,
                                     Found& found) {
  std::map<std::pair<std::string, std::string>, bool> held;
  for (const auto& [value, services] : holders) {
    held.emplace(std::pair(value.pool, value.value), true);
  }
  std::map<Allocation, int> seen;
  for (const Allocation& row : rows) {
    if (held.contains({row.pool, row.value})) {
      continue;
    }
    const auto before = seen_missing_.find(row);
    const int passes = before == seen_missing_.end() ? 1 : before->second + 1;
    if (passes >= kPassesUntilRelease) {
      found.released += store_.allocations().release(row.pool, row.value, row.owner) ? 1 : 0;
    } else {
      seen.emplace(row, passes);
      ++found.leaked;
    }
  }
  seen_missing_ = std::move(seen);
}

void AllocationRepair::tell(const Trouble& trouble) {
  std::string reason = reason_stem(trouble.value.kind), message = subject_of(trouble.value);
  if (trouble.kind == Trouble::Missing) {
    reason += "NotAllocated";
    message += " is not allocated; repairing";
  } else if (trouble.kind == Trouble::Duplicate) {
    reason += "AlreadyAllocated";
    message += " was assigned to multiple services; please recreate service";
  } else {
    reason += "OutOfRange";
    const std::size_t slash = trouble.value.pool.find('/');
    message +=
        " is not within the range " + trouble.value.pool.substr(slash + 1) + "; please recreate service";
  }
  objects::record(store_, *trouble.service, objects::EventType::Warning, reason, message,
                  "ipallocator-repair-controller");
}

}  // namespace labctl::allocation
