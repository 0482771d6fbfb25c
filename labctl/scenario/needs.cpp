#include "labctl/scenario/needs.hpp"

#include "labctl/doctor/doctor.hpp"

#include <unistd.h>

#include <cstdlib>
#include <sstream>

namespace labctl::scenario {
namespace {

using doctor::CheckItem;

constexpr std::string_view kProgram = "program/";

bool is_installed(const std::string& program) {
  const char* path = std::getenv("PATH");
  // What administrators run is often not on an ordinary user's path.
  std::istringstream folders(std::string(path == nullptr ? "" : path) + ":/usr/local/sbin:/usr/sbin:/sbin");
  for (std::string folder; std::getline(folders, folder, ':');) {
    if (!folder.empty() && ::access((folder + "/" + program).c_str(), X_OK) == 0) {
      return true;
    }
  }
  return false;
}

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
    return is_installed(need.substr(kProgram.size())) ? "" : "not installed";
  }
  const std::string feature = need.substr(need.find('/') + 1);
  if (feature == "ipv6") {
    return ::access("/proc/sys/net/ipv6", F_OK) == 0 ? "" : "the kernel has no IPv6";
  }
  for (const CheckItem& item : doctor::check_host().items) {
    if (item.id == check_of(feature)) {
      return item.verdict == CheckItem::Ok ? "" : item.message.empty() ? item.value : item.message;
    }
  }
  return "labctl doctor does not know it";
}

}  // namespace labctl::scenario
