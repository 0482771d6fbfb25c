#pragma once

// From the objects of files to the store, and from pods in the store to places in the network: what booting
// and describing a boot have in common.

#include "labctl/allocation/service_allocation.hpp"
#include "labctl/store/store.hpp"
#include "topology/manifest/loader.hpp"
#include "topology/model/pod.hpp"
#include "topology/plan/fabric.hpp"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <vector>

namespace labctl::lab {

// Creates what is not there yet. Node objects are left out: their labels are in the Cluster already. Throws
// Error: InvalidInput, with its place in the files, when a Service asks for what cannot be given.
void create_objects(store::Store& store, allocation::ServiceAllocation& services,
                    const std::vector<manifest::Object>& objects);

// Those with a node and an address that are neither finished nor being deleted.
std::vector<model::Pod> placeable_pods(const store::Store& store);

// The pod's place under a number of its own. Throws Error NotFound for a node that is not the cluster's.
plan::PodSlot slot_of(const model::Cluster& cluster, const model::Pod& pod, std::uint32_t number);

}  // namespace labctl::lab
