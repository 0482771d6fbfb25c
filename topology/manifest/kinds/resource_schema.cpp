// Amounts of resources: core/v1 ResourceRequirements and ResourceList, with the rules and words of the
// API server (apis/core/validation, ValidateResourceRequirements; apimachinery, resource.Quantity).

#include "topology/base/quantity.hpp"
#include "topology/manifest/kinds/api_refusals.hpp"
#include "topology/manifest/kinds/kinds.hpp"
#include "topology/manifest/kinds/scheduling_schema.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace labctl::manifest {
namespace {

constexpr std::string_view kQuantityForm =
    "quantities must match the regular expression "
    "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
constexpr std::int64_t kMilli = 1000;

bool is_amount(const YamlNode& node) {
  return node.is_string() || node.kind == YamlNode::Kind::Integer || node.kind == YamlNode::Kind::Float;
}

bool is_standard(std::string_view name) {
  return name == "cpu" || name == "memory" || name == "ephemeral-storage" || name.starts_with("hugepages-");
}

// With a domain of its own: counted in whole things, and never more than there are.
bool is_extended(std::string_view name) {
  return name.find('/') != std::string_view::npos && !name.starts_with("kubernetes.io/") &&
         name.find(".kubernetes.io/") == std::string_view::npos;
}

// Why a text is no quantity. The parser there splits it into a number and a suffix first.
std::string_view why_no_quantity(std::string_view text) {
  const auto is_number = [](char c) { return (c >= '0' && c <= '9') || c == '.' || c == '+' || c == '-'; };
  const auto is_suffix = [&](char c) {
    return is_number(c) || std::string_view("eEinumkKMGTP").find(c) != std::string_view::npos;
  };
  const bool has_form =
      !text.empty() && is_number(text.front()) && std::all_of(text.begin(), text.end(), is_suffix);
  return has_form ? "unable to parse quantity's suffix" : kQuantityForm;
}

// The amount in thousandths; nothing is said of one that is none: check_quantities() has.
std::optional<std::int64_t> amount_at(const Place& place) {
  return place && is_amount(*place.node) ? parse_milli_quantity(place.node->text) : std::nullopt;
}

void check_amount(const Place& amount, std::string_view name, Findings& findings) {
  if (!is_amount(*amount.node)) {
    findings.error(amount, "must be an amount, got " + description(*amount.node), "as in 500m, 1.5 or 64Mi");
    return;
  }
  const auto value = parse_milli_quantity(amount.node->text);
  if (!value) {
    refuse_value(amount, why_no_quantity(amount.node->text), findings,
                 "as in 500m, 1.5 or 64Mi, without a blank; units are m, k, M, G, T, Ki, Mi, Gi, Ti");
  } else if (*value < 0) {
    refuse_value(amount, "must be greater than or equal to 0", findings);
  } else if (is_extended(name) && *value % kMilli != 0) {
    refuse_value(amount, "must be an integer", findings);
  }
}

void check_quantities(const Place& list, Findings& findings) {
  for (const YamlEntry& entry : list.node->entries) {
    const Place amount = list.member(entry);
    if (amount) {
      check_amount(amount, entry.key, findings);
    }
  }
}
constexpr std::array<Field, 0> kNoNamedFields{};

void check_names(const Place& list, Findings& findings) {
  if (!list) {
    return;
  }
  for (const YamlEntry& entry : list.node->entries) {
    const Place amount = list.member(entry);
    if (entry.key.find('/') == std::string::npos && !is_standard(entry.key)) {
      findings.error(
          amount, "Invalid value: " + in_quotes(entry.key) + ": must be a standard resource for containers",
          "those are cpu, memory, ephemeral-storage and hugepages-SIZE; another has a domain, as in "
          "example.com/" +
              entry.key);
    }
  }
}

// The text of an amount, as refuse_value() shows a text: a number is kept as one.
void check_request(const Place& request, const Place& limit, const std::string& name, Findings& findings) {
  const auto wanted = amount_at(request);
  const auto most = amount_at(limit);
  const bool may_overcommit = !is_extended(name) && !name.starts_with("hugepages-");
  if (!wanted || *wanted < 0) {
    return;
  }
  if (!limit) {
    if (!may_overcommit) {
      refuse_missing(request, "Limit must be set for non overcommitable resources", findings,
                     "add limits: {" + name + ": " + request.node->text + "}");
    }
  } else if (most && !may_overcommit && *wanted != *most) {
    refuse_value(request, "must be equal to " + name + " limit of " + limit.node->text, findings);
  } else if (most && *wanted > *most) {
    refuse_value(request, "must be less than or equal to " + name + " limit of " + limit.node->text,
                 findings);
  }
}

void check_resources(const Place& place, Findings& findings) {
  const Place requests = place.field("requests");
  const Place limits = place.field("limits");
  check_names(limits, findings);
  check_names(requests, findings);
  if (!requests) {
    return;
  }
  for (const YamlEntry& entry : requests.node->entries) {
    const Place request = requests.member(entry);
    if (request) {
      check_request(request, limits.field(entry.key), entry.key, findings);
    }
  }
}

constexpr std::array kResourcesFields{object("requests", kResourceList), object("limits", kResourceList),
                                      later("claims")};

}  // namespace

void check_capacity(const Place& capacity, Findings& findings) {
  if (!capacity) {
    return;
  }
  for (const YamlEntry& entry : capacity.node->entries) {
    const Place amount = capacity.member(entry);
    const auto value = amount_at(amount);
    if (entry.key == "pods" && value && *value % kMilli != 0) {
      refuse_value(amount, "must be an integer", findings);
    } else if (entry.key != "pods" && entry.key.find('/') == std::string::npos && !is_standard(entry.key)) {
      findings.error(amount,
                     "Invalid value: " + in_quotes(entry.key) +
                         ": must be a standard resource type or "
                         "fully qualified",
                     "as in capacity: {cpu: \"2\", memory: 4Gi, pods: 110, example.com/gpu: 1}");
    }
  }
}

constexpr Schema kResourceList{
    .name = "amounts", .fields = kNoNamedFields, .check = check_quantities, .is_open = true};
constexpr Schema kResources{"resources", kResourcesFields, check_resources};

}  // namespace labctl::manifest
