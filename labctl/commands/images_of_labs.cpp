#include "labctl/commands/images_of_labs.hpp"

#include "labctl/api/client.hpp"
#include "labctl/commands/at_once.hpp"
#include "labctl/supervisor/registry.hpp"
#include "topology/base/error.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>

namespace labctl::commands {
namespace {

// A lab that boots answers when it is done, and may have been told its images already.
constexpr std::chrono::milliseconds kSayWithin{1500};

std::optional<std::vector<std::string>> images_of_lab(const std::string& lab) {
  try {
    const nlohmann::json status =
        api::Client(supervisor::socket_path(lab), kSayWithin).get("/lab/v1/status").json();
    return status.at("images").get<std::vector<std::string>>();
  } catch (const Error&) {
    return std::nullopt;
  } catch (const nlohmann::json::exception&) {  // of another version
    return std::nullopt;
  }
}

}  // namespace

std::vector<LabImages> images_of_labs() {
  std::vector<supervisor::LabEntry> entries = supervisor::list_labs();
  std::erase_if(entries, [](const supervisor::LabEntry& entry) { return !entry.is_alive; });
  std::vector<LabImages> labs(entries.size());
  for_each_at_once(entries.size(), [&](std::size_t i) {
    labs[i] = {entries[i].name, images_of_lab(entries[i].name)};
  });
  return labs;
}

std::vector<std::string> users_of(const std::vector<LabImages>& labs, const std::string& digest) {
  std::vector<std::string> uses;
  for (const LabImages& lab : labs) {
    if (!lab.digests) {
      uses.push_back("lab " + lab.lab + " does not say whether it has it");
    } else if (std::find(lab.digests->begin(), lab.digests->end(), digest) != lab.digests->end()) {
      uses.push_back("lab " + lab.lab + " has it");
    }
  }
  return uses;
}

std::string joined_uses(const std::vector<std::string>& uses) {
  std::string text;
  for (const std::string& use : uses) {
    text += (text.empty() ? "" : ", ") + use;
  }
  return text;
}

}  // namespace labctl::commands
