#pragma once

// A container whose image is not run is stood in for by the built-in server, as if its application were up:
// what the pod itself says of the application (ports, probes, hooks) is what there is to go by. Pure.

#include "topology/model/pod.hpp"

#include <cstddef>
#include <functional>
#include <vector>

namespace labctl::kubelet {

// What a status has as the imageID of such a container.
inline constexpr const char* kStandInImageId = "labctl://stand-in";

// The probes as an application passes them that is up: without initial delay, one success is enough.
void expect_no_delay(model::Container& container);

// The ports on which the stand-in of a container listens: those that it declares, and over TCP those that
// its own probes and hooks ask of the pod. `index` counts the pod's init containers first, then the others;
// `is_stand_in` tells of each whether it is one. A port that it only asks for and another container declares
// is the other's, and one that two stand-ins ask for is the first one's: they share the pod's address.
std::vector<model::ContainerPort> stand_in_ports(const model::Pod& pod, std::size_t index,
                                                 const std::function<bool(std::size_t)>& is_stand_in);

}  // namespace labctl::kubelet
