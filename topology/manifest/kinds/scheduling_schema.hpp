#pragma once

// The tables of what decides where a pod goes: taints and tolerations, affinities, topology spread,
// gates, and amounts of resources. Rules and words are those of the API server (apis/core/validation).

#include "topology/manifest/kinds/schema.hpp"

namespace labctl::manifest {

extern const Schema kTaint;
extern const Schema kToleration;
extern const Schema kAffinity;
extern const Schema kTopologySpread;
extern const Schema kSchedulingGate;
extern const Schema kResources;     // resource_schema.cpp: requests and limits of a container
extern const Schema kResourceList;  // a mapping of resources to amounts

// Resources of a node: standard ones, pods, and those with a domain.
void check_capacity(const Place& capacity, Findings& findings);
// Two taints of one key and effect.
void check_taints(const Place& taints, Findings& findings);
// What binds the fields of a pod spec that are about scheduling to each other.
void check_scheduling(const Place& spec, Findings& findings);

}  // namespace labctl::manifest
