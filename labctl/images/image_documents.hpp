#pragma once

// The documents of an image archive as values: manifest.json of `docker save`, index.json and manifests of an OCI
// layout, an image's configuration (OCI image-spec 1.1: image-layout, image-index, manifest, config), and what Docker
// before 1.10 had in their place (docker/image spec v1).
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

// An image of `repositories`, which Docker before 1.10 wrote.
struct LegacyImage {
  std::vector<std::string> names;
  std::string id;  // of its topmost layer, 64 digits: the folder with its files `json` and `layer.tar`
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
std::vector<LegacyImage> parse_repositories(std::string_view text, const std::string& what);
// Of a layer's file `json` the id of the layer below it; empty for the lowest.
std::string parse_legacy_parent(std::string_view text, const std::string& what);
// The configuration that newer versions would have written for an image: of its topmost layer's `json`, with the digests
// of the layers' tars, lowest first.
std::string legacy_configuration(std::string_view text, const std::vector<std::string>& diff_ids,
                                 const std::string& what);
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
