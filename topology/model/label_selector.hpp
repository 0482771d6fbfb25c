#pragma once

// Labels and the selectors over them (meta/v1 LabelSelector): every requirement must hold.

#include <map>
#include <string>
#include <vector>

namespace labctl::model {

using Labels = std::map<std::string, std::string>;

struct SelectorRequirement {
  enum class Operator { In, NotIn, Exists, DoesNotExist };
  std::string key;
  Operator op = Operator::In;
  std::vector<std::string> values;
  bool operator==(const SelectorRequirement&) const = default;
};

// Empty: matches everything.
struct LabelSelector {
  Labels match_labels;
  std::vector<SelectorRequirement> match_expressions;
  bool operator==(const LabelSelector&) const = default;

  bool matches(const Labels& labels) const;
};

}  // namespace labctl::model
