#include "labctl/controllers/scheduling/admission.hpp"

#include "labctl/objects/fields.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

namespace labctl::controllers {
namespace {

Rejection out_of(const std::string& resource, std::int64_t requested, std::int64_t used,
                 std::int64_t capacity) {
  return {"OutOf" + resource,
          "Node didn't have enough resource: " + resource + ", requested: " + std::to_string(requested) +
              ", used: " + std::to_string(used) + ", capacity: " + std::to_string(capacity)};
}

std::size_t resource_rank(const std::string& resource) {
  static const std::array<std::string, 3> kFirst{"cpu", "memory", "ephemeral-storage"};
  return static_cast<std::size_t>(std::find(kFirst.begin(), kFirst.end(), resource) - kFirst.begin());
}

std::int64_t amount_in(const Amounts& amounts, const std::string& resource) {
  const auto found = amounts.find(resource);
  return found == amounts.end() ? 0 : found->second;
}

}  // namespace

Rejection out_of_pods(std::size_t used, std::size_t capacity) {
  return out_of("pods", 1, static_cast<std::int64_t>(used), static_cast<std::int64_t>(capacity));
}

Rejection without_free_ports() {
  return {"NodePorts",
          "Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports"};
}

std::optional<Rejection> out_of(const Amounts& wanted, const Amounts& allocatable, const Amounts& taken) {
  const std::string* first = nullptr;
  for (const auto& [resource, request] : wanted) {
    const bool is_short =
        request > 0 && request > amount_in(allocatable, resource) - amount_in(taken, resource);
    if (is_short && (first == nullptr || resource_rank(resource) < resource_rank(*first))) {
      first = &resource;
    }
  }
  if (first == nullptr) {
    return std::nullopt;
  }
  return out_of(*first, wanted.at(*first), amount_in(taken, *first), amount_in(allocatable, *first));
}

bool is_failed_without_room(const nlohmann::json& pod) { return objects::controller_of(pod) == nullptr; }

void reject(nlohmann::json& pod, const Rejection& rejection) {
  nlohmann::json& status = pod["status"];
  status["phase"] = "Failed";
  status["reason"] = rejection.reason;
  status["message"] = "Pod was rejected: " + rejection.message;
}

}  // namespace labctl::controllers
