#pragma once

// What the LimitRanges of a namespace give to containers that ask for nothing (plugin/pkg/admission/limitranger,
// and the defaults of a LimitRange itself, SetDefaults_LimitRangeItem).

#include "labctl/store/store.hpp"

#include <nlohmann/json_fwd.hpp>

#include <optional>
#include <string>

namespace labctl::objects {

// Limits and requests that the pod's containers do not have; an annotation says which. A limit that a container has is
// its request, too, where it has none.
void fill_in_limits(const store::Store& store, nlohmann::json& pod);

// Why a pod is not admitted whose containers are not between min and max: "maximum cpu usage per Container is 1, but limit
// is 2". Of limits of other types than Container nothing is asked, nor of maxLimitRequestRatio.
std::optional<std::string> limit_refusal(const store::Store& store, const nlohmann::json& pod);

}  // namespace labctl::objects
