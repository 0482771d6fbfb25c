// core/v1 PodSecurityContext and SecurityContext: ids have an effect, most of the rest has none here.

#include "topology/manifest/kinds/security_schema.hpp"

#include "topology/manifest/kinds/api_refusals.hpp"

#include <array>
#include <cstdint>
#include <limits>
#include <optional>

namespace labctl::manifest {
namespace {

constexpr std::int64_t kIdMax = std::numeric_limits<std::int32_t>::max();

// All of it is one thing in a summary.
constexpr Field aside(Field field, std::string_view usual = {}) {
  return field.without_effect(usual).told_as("securityContext");
}

constexpr std::array kPodSecurityFields{
    count("runAsUser"),
    count("runAsGroup"),
    boolean("runAsNonRoot"),
    any("supplementalGroups"),
    aside(text("supplementalGroupsPolicy"), "Merge"),
    count("fsGroup"),
    aside(text("fsGroupChangePolicy")),
    aside(any("appArmorProfile")),
    aside(any("seccompProfile")),
    aside(any("seLinuxOptions")),
    aside(any("seLinuxChangePolicy")),
    aside(any("sysctls")),
    aside(any("windowsOptions")),
};

// A list of numbers, which no table says.
void check_groups(const Place& security, Findings& findings) {
  const Place groups = security.field("supplementalGroups");
  if (!groups) {
    return;
  }
  if (!groups.node->is_sequence()) {
    findings.error(groups, "must be a list of group ids", "as in supplementalGroups: [4000]");
    return;
  }
  for (std::size_t i = 0; i < groups.size(); ++i) {
    const Place group = groups.item(i);
    const std::optional<std::int64_t> id = integer_at(group);
    if (!id) {
      findings.error(group, "must be a whole number");
    } else if (*id < 0 || *id > kIdMax) {
      refuse_value(group, "must be between 0 and 2147483647, inclusive", findings);
    }
  }
}

constexpr std::array kContainerSecurityFields{
    count("runAsUser"),
    count("runAsGroup"),
    boolean("runAsNonRoot"),
    boolean("readOnlyRootFilesystem"),
    aside(boolean("allowPrivilegeEscalation")),
    aside(boolean("privileged")),
    aside(any("appArmorProfile")),
    aside(any("capabilities")),
    aside(text("procMount"), "Default"),
    aside(any("seccompProfile")),
    aside(any("seLinuxOptions")),
    aside(any("windowsOptions")),
};

}  // namespace

constexpr Schema kPodSecurity{"pod security context", kPodSecurityFields, nullptr, check_groups};
constexpr Schema kContainerSecurity{"security context", kContainerSecurityFields};

}  // namespace labctl::manifest
