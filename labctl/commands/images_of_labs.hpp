#pragma once

// Which unpacked images the labs that are up have.

#include <optional>
#include <string>
#include <vector>

namespace labctl::commands {

struct LabImages {
  std::string lab;
  // Digests of the images that its Cluster maps, whether or not a pod has them now; nothing when it does not say.
  std::optional<std::vector<std::string>> digests;
};

// Asks every lab of this user that is up, all at once. Throws Error Permission as supervisor::list_labs().
std::vector<LabImages> images_of_labs();

// "lab shop has it", one for each lab that has the image, or may have: "lab shop does not say whether it has it".
std::vector<std::string> users_of(const std::vector<LabImages>& labs, const std::string& digest);
std::string joined_uses(const std::vector<std::string>& uses);

}  // namespace labctl::commands
