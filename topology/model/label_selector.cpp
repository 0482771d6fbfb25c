#include "topology/model/label_selector.hpp"

#include <algorithm>

namespace labctl::model {
namespace {

bool holds(const SelectorRequirement& requirement, const Labels& labels) {
  const auto found = labels.find(requirement.key);
  const bool present = found != labels.end();
  const auto listed = [&] {
    return std::find(requirement.values.begin(), requirement.values.end(), found->second) !=
           requirement.values.end();
  };
  switch (requirement.op) {
    case SelectorRequirement::Operator::In:
      return present && listed();
    case SelectorRequirement::Operator::NotIn:
      return !present || !listed();
    case SelectorRequirement::Operator::Exists:
      return present;
    case SelectorRequirement::Operator::DoesNotExist:
      return !present;
  }
  return false;
}

}  // namespace

bool LabelSelector::matches(const Labels& labels) const {
  const bool equal = std::all_of(match_labels.begin(), match_labels.end(), [&](const auto& wanted) {
    const auto found = labels.find(wanted.first);
    return found != labels.end() && found->second == wanted.second;
  });
  return equal && std::all_of(match_expressions.begin(), match_expressions.end(),
                              [&](const SelectorRequirement& r) { return holds(r, labels); });
}

}  // namespace labctl::model
