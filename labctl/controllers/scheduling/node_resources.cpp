#include "labctl/controllers/scheduling/node_resources.hpp"

#include "labctl/objects/fields.hpp"
#include "topology/base/quantity.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace labctl::controllers {
namespace {

using nlohmann::json;

// More of anything is as good as that, and sums of two still fit.
constexpr std::int64_t kAmountMax = std::int64_t{1} << 60;

std::int64_t amount_of(const std::string& resource, const json& quantity) {
  const std::string text = quantity.is_string() ? quantity.get<std::string>() : quantity.dump();
  const auto amount = resource == "cpu" ? parse_milli_quantity(text) : parse_quantity(text);
  return std::clamp<std::int64_t>(amount.value_or(0), 0, kAmountMax);
}

Amounts amounts_at(const json& object, const char* path) {
  Amounts amounts;
  const json* list = objects::field(object, path);
  if (list != nullptr && list->is_object()) {
    for (const auto& [resource, quantity] : list->items()) {
      amounts[resource] = amount_of(resource, quantity);
    }
  }
  return amounts;
}

// As the API server completes them: a limit without a request is the request.
Amounts requests_of_container(const json& container) {
  Amounts requests = amounts_at(container, "resources.requests");
  requests.merge(amounts_at(container, "resources.limits"));
  return requests;
}

void raise_to(Amounts& most, const Amounts& amounts) {
  for (const auto& [resource, amount] : amounts) {
    std::int64_t& value = most[resource];
    value = std::max(value, amount);
  }
}

}  // namespace

void add(Amounts& to, const Amounts& amounts, std::int64_t times) {
  for (const auto& [resource, amount] : amounts) {
    std::int64_t& value = to[resource];
    value = std::min(value + amount * times, kAmountMax);
  }
}

Amounts requests_of(const json& pod) {
  Amounts sum;
  for (const json& container : objects::list_at(pod, "spec.containers")) {
    add(sum, requests_of_container(container));
  }
  Amounts sidecars;
  Amounts most;
  for (const json& container : objects::list_at(pod, "spec.initContainers")) {
    const Amounts own = requests_of_container(container);
    if (objects::text_at(container, "restartPolicy") == "Always") {
      add(sidecars, own);
      raise_to(most, sidecars);
    } else {
      Amounts beside = sidecars;
      add(beside, own);
      raise_to(most, beside);
    }
  }
  add(sum, sidecars);
  raise_to(sum, most);
  add(sum, amounts_at(pod, "spec.overhead"));
  return sum;
}

Amounts allocatable_of(const json& node) {
  Amounts amounts = amounts_at(node, "status.allocatable");
  amounts.erase("pods");
  return amounts;
}

std::vector<std::string> shortages(const Amounts& wanted, const Amounts& allocatable, const Amounts& taken) {
  const auto amount = [](const Amounts& amounts, const std::string& resource) {
    const auto found = amounts.find(resource);
    return found == amounts.end() ? std::int64_t{0} : found->second;
  };
  std::vector<std::string> reasons;
  for (const auto& [resource, request] : wanted) {
    if (request > 0 && request > amount(allocatable, resource) - amount(taken, resource)) {
      reasons.push_back("Insufficient " + resource);
    }
  }
  return reasons;
}

}  // namespace labctl::controllers
