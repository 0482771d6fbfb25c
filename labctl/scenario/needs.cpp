#include "labctl/scenario/needs.hpp"

#include "labctl/doctor/doctor.hpp"
#include "labctl/report/host_report.hpp"
#include "topology/kernel/program_lookup.hpp"

#include <unistd.h>

#include <string>
#include <string_view>

namespace labctl::scenario {
namespace {

using report::HostItem;
using report::HostVerdict;

constexpr std::string_view kProgram = "program/";

// The check of `labctl doctor` that tries the feature.
std::string check_of(const std::string& feature) { return feature == "nftables" ? "nat" : feature; }

}  // namespace

std::string HostFeatures::unmet(const Scenario& scenario) {
  const nlohmann::json needs = scenario.document.json["spec"].value("needs", nlohmann::json::array());
  for (const nlohmann::json& need : needs) {
    const auto name = need.get<std::string>();
    const auto [known, is_new] = tried_.emplace(name, "");
    if (is_new) {
      known->second = lack_of(name);
    }
    if (!known->second.empty()) {
      return "needs " + name + ": " + known->second;
    }
  }
  return {};
}

std::string HostFeatures::lack_of(const std::string& need) {
  if (need.starts_with(kProgram)) {
    const std::string program = need.substr(kProgram.size());
    const bool is_there = kernel::is_installed(program, kernel::own_path()) || kernel::is_installed(program);
    return is_there ? "" : "not installed";
  }
  const std::string feature = need.substr(need.find('/') + 1);
  if (feature == "ipv6") {
    return ::access("/proc/sys/net/ipv6", F_OK) == 0 ? "" : "the kernel has no IPv6";
  }
  for (const HostItem& item : doctor::check_host().items) {
    if (item.id == check_of(feature)) {
      return item.verdict == HostVerdict::Ok ? "" : item.message.empty() ? item.value : item.message;
    }
  }
  return "labctl doctor does not know it";
}

}  // namespace labctl::scenario
