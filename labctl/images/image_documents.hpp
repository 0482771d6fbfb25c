#pragma once

// The documents of an image archive as values: manifest.json of `docker save`, index.json and manifests of an OCI
// layout, an image's configuration (OCI image-spec 1.1: image-layout, image-index, manifest, config).
//
// Pure. All of it is hostile: each function throws Error InvalidInput, beginning with `what`, for text that is no JSON, is
// nested too deep, or has a value of a wrong type where one is needed.

#include "topology/model/cluster.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace labctl::images {

// A digest begins so; 64 digits follow.
inline constexpr std::string_view kDigestBegin = "sha256:";

// An image by the names of the archive's entries.
struct DockerImage {
  std::vector<std::string> names;  // RepoTags
  std::string config;
  std::vector<std::string> layers;  // lowest first
};

struct Platform {
  std::string os;
  std::string architecture;  // as Go calls it: amd64, arm64
  bool operator==(const Platform&) const = default;
};

// What an index or a manifest refers to.
struct Descriptor {
  std::string media_type;
  std::string digest;  // "sha256:" and 64 digits
  std::optional<Platform> platform;
  std::string name;  // io.containerd.image.name, else org.opencontainers.image.ref.name
};

struct Manifest {
  Descriptor config;
  std::vector<Descriptor> layers;
};

struct Configuration {
  model::ImageConfig config;
  std::vector<std::string> diff_ids;  // of the layers once decompressed
  Platform platform;
};

// Layers that an image may have; overlay file systems stop at far less.
inline constexpr std::size_t kLayersMax = 512;

std::vector<DockerImage> parse_docker_manifest(std::string_view text, const std::string& what);
std::vector<Descriptor> parse_index(std::string_view text, const std::string& what);
Manifest parse_manifest(std::string_view text, const std::string& what);
Configuration parse_configuration(std::string_view text, const std::string& what);

bool is_index(const Descriptor& descriptor);
// Of a sha256 digest the entry of an OCI layout. Throws Error InvalidInput for any other algorithm or form.
std::string blob_of(const std::string& digest, const std::string& what);

// Of this program: what it runs on.
Platform own_platform();
std::string to_string(const Platform& platform);

}  // namespace labctl::images
