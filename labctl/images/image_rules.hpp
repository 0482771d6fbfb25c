#pragma once

// The archives that a Cluster's `images` name: found, looked into and unpacked.

#include "topology/base/diagnostic.hpp"
#include "topology/model/cluster.hpp"

#include <filesystem>
#include <vector>

namespace labctl::images {

enum class Effort {
  Look,    // which images there are: nothing is written
  Unpack,  // and their files, in the user's cache
};

// Fills in `files` of every rule with an archive, those that are not cached without a root when only looked at.
// What was looked at before, and is in the cache, is not read again.
// An archive is relative to the file that names it, or to `base` where that is not known. What is wrong with an archive
// is said where it is named, all of it at once.
// The rule then names it by its absolute path.
std::vector<Diagnostic> find_images(model::Cluster& cluster, Effort effort,
                                    const std::filesystem::path& base = {});

// What find_images() says when it only looks, put in the order of files and lines among `diagnostics`.
void append_mistakes(model::Cluster& cluster, std::vector<Diagnostic>& diagnostics);

}  // namespace labctl::images
