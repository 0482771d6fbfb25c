#pragma once

// Which images the objects of files have, and what runs for each.

#include "topology/manifest/loader.hpp"
#include "topology/model/cluster.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace labctl::commands {

struct ImageUse {
  std::string image;
  std::size_t containers = 0;                // of the files, not of what a Deployment makes of them
  std::string runs;                          // archive, root, host, built-in server, stand-in, refused
  std::string from;                          // the archive, the folder or the program; why it is refused
  std::string digest;                        // of an archive's image
  std::vector<std::string> exposed_ports{};  // "80/tcp": what the image of an archive says, shown and no more
  bool operator==(const ImageUse&) const = default;
};

// By image, in the order of names. Of the Cluster's rules those with an archive have been looked into (find_images).
std::vector<ImageUse> images_of_files(const model::Cluster& cluster,
                                      const std::vector<manifest::Object>& objects);

}  // namespace labctl::commands
