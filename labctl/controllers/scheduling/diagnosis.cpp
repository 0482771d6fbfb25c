#include "labctl/controllers/scheduling/diagnosis.hpp"

#include <algorithm>

namespace labctl::controllers {
namespace {

// "1 node(s) were unschedulable, 2 Too many pods": sorted as texts, the counts included, as there.
std::string in_words(const std::map<std::string, std::size_t, std::less<>>& reasons) {
  std::vector<std::string> counted;
  for (const auto& [reason, count] : reasons) {
    counted.push_back(std::to_string(count) + " " + reason);
  }
  std::sort(counted.begin(), counted.end());
  std::string text;
  for (const std::string& one : counted) {
    text += (text.empty() ? "" : ", ") + one;
  }
  return text;
}

}  // namespace

void Diagnosis::add(const NodeRefusal& refusal) {
  for (const std::string& reason : refusal.reasons) {
    ++reasons_[reason];
  }
  ++(refusal.is_final ? final_ : others_);
}

std::string Diagnosis::message(bool is_preempting) const {
  const std::string available = "0/" + std::to_string(nodes_) + " nodes are available:";
  std::string text = available;
  if (!reasons_.empty()) {
    text += " " + in_words(reasons_) + ".";
  }
  if (!is_preempting) {
    return text + " preemption: not eligible due to preemptionPolicy=Never.";
  }
  std::map<std::string, std::size_t, std::less<>> help;
  if (final_ > 0) {
    help["Preemption is not helpful for scheduling"] = final_;
  }
  if (others_ > 0) {
    help["No preemption victims found for incoming pod"] = others_;
  }
  return text + " preemption: " + available + " " + in_words(help) + ".";
}

}  // namespace labctl::controllers
