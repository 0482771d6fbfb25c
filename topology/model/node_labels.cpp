#include "topology/model/node_labels.hpp"

#include "topology/model/well_known.hpp"

#include <array>
#include <string>
#include <utility>

namespace labctl::model {
namespace {

constexpr const char* kInstanceType = "labctl";

constexpr std::array<std::pair<const char*, const char*>, 3> kBetaOf{
    {{kOsLabel, "beta.kubernetes.io/os"},
     {kArchLabel, "beta.kubernetes.io/arch"},
     {kInstanceTypeLabel, "beta.kubernetes.io/instance-type"}}};

}  // namespace

std::string_view architecture() {
#if defined(__x86_64__)
  return "amd64";
#elif defined(__aarch64__)
  return "arm64";
#elif defined(__arm__)
  return "arm";
#elif defined(__riscv) && __riscv_xlen == 64
  return "riscv64";
#elif defined(__powerpc64__) && defined(__LITTLE_ENDIAN__)
  return "ppc64le";
#elif defined(__s390x__)
  return "s390x";
#elif defined(__i386__)
  return "386";
#else
#error "name this architecture as Go does"
#endif
}

Labels node_labels(const Node& node) {
  Labels labels = node.labels;
  labels.emplace(kHostnameLabel, node.name);
  labels.emplace(kOsLabel, "linux");
  labels.emplace(kArchLabel, architecture());
  labels.emplace(kInstanceTypeLabel, kInstanceType);
  for (const auto& [label, beta] : kBetaOf) {
    labels.emplace(beta, labels.at(label));
  }
  return labels;
}

}  // namespace labctl::model
