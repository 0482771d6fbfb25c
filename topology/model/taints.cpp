#include "topology/model/taints.hpp"

#include <algorithm>

namespace labctl::model {

bool tolerates(const Toleration& toleration, const Taint& taint) {
  if (!toleration.effect.empty() && toleration.effect != taint.effect) {
    return false;
  }
  if (!toleration.key.empty() && toleration.key != taint.key) {
    return false;
  }
  return toleration.op == "Exists" ||
         ((toleration.op.empty() || toleration.op == "Equal") && toleration.value == taint.value);
}

bool is_tolerated(const Taint& taint, const std::vector<Toleration>& tolerations) {
  return std::any_of(tolerations.begin(), tolerations.end(),
                     [&](const Toleration& toleration) { return tolerates(toleration, taint); });
}

const Taint* untolerated(const std::vector<Taint>& taints, const std::vector<Toleration>& tolerations,
                         std::initializer_list<std::string_view> effects) {
  const auto found = std::find_if(taints.begin(), taints.end(), [&](const Taint& taint) {
    return std::find(effects.begin(), effects.end(), taint.effect) != effects.end() &&
           !is_tolerated(taint, tolerations);
  });
  return found == taints.end() ? nullptr : &*found;
}

std::int64_t count_avoided(const std::vector<Taint>& taints, const std::vector<Toleration>& tolerations) {
  return std::count_if(taints.begin(), taints.end(), [&](const Taint& taint) {
    return taint.effect == kPreferNoSchedule && !is_tolerated(taint, tolerations);
  });
}

}  // namespace labctl::model
