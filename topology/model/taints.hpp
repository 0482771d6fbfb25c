#pragma once

// Taints of nodes and the tolerations of pods (core/v1; concepts, "Taints and Tolerations").

#include "topology/model/cluster.hpp"

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace labctl::model {

inline constexpr std::string_view kNoSchedule = "NoSchedule";
inline constexpr std::string_view kPreferNoSchedule = "PreferNoSchedule";
inline constexpr std::string_view kNoExecute = "NoExecute";

struct Toleration {
  std::string key;
  std::string op;  // Exists, Equal; empty: Equal
  std::string value;
  std::string effect;                   // empty: every
  std::optional<std::int64_t> seconds;  // of a taint NoExecute: how long; nothing: for ever
};

bool tolerates(const Toleration& toleration, const Taint& taint);
bool is_tolerated(const Taint& taint, const std::vector<Toleration>& tolerations);
// The first taint of one of `effects` that none of `tolerations` tolerates; null: there is none.
const Taint* untolerated(const std::vector<Taint>& taints, const std::vector<Toleration>& tolerations,
                         std::initializer_list<std::string_view> effects);
// How many taints PreferNoSchedule are not tolerated.
std::int64_t count_avoided(const std::vector<Taint>& taints, const std::vector<Toleration>& tolerations);

}  // namespace labctl::model
