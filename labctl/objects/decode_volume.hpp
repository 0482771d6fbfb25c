#pragma once

// What decode_pod() needs of volumes and variables: core/v1 Volume, VolumeMount, EnvVar, EnvFromSource as values.
// Fields of another type than the API has them throw json::exception.

#include "topology/model/pod.hpp"
#include "topology/model/volume.hpp"

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <vector>

namespace labctl::objects {

// `pod_name` names the claims of ephemeral volumes, NAME-VOLUME.
std::vector<model::Volume> decode_volumes(const nlohmann::json& spec, const std::string& pod_name);
std::vector<model::VolumeMount> decode_volume_mounts(const nlohmann::json& container);
model::EnvVar decode_variable(const nlohmann::json& variable);
std::vector<model::EnvFrom> decode_env_from(const nlohmann::json& container);
model::ContainerResources decode_resources(const nlohmann::json& container);

}  // namespace labctl::objects
