#pragma once

// What a pod's containers find in their files and variables besides their image: core/v1 Volume, VolumeMount,
// EnvVarSource, EnvFromSource, as the runtime needs them.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace labctl::model {

// Of a container's resources: `resource` as in "limits.cpu"; the amount is told in units of `divisor`.
struct ResourceField {
  std::string container;  // empty: the one that asks
  std::string resource;
  std::string divisor;  // a quantity; empty: 1
  bool operator==(const ResourceField&) const = default;
};

// A key of a ConfigMap or a Secret.
struct ConfigKey {
  bool is_secret = false;
  std::string name;
  std::string key;
  bool is_optional = false;
  bool operator==(const ConfigKey&) const = default;
};

// All keys of one, as variables.
struct EnvFrom {
  bool is_secret = false;
  std::string name;
  std::string prefix;
  bool is_optional = false;
  bool operator==(const EnvFrom&) const = default;
};

// requests and limits: quantities by resource.
struct ContainerResources {
  std::map<std::string, std::string> requests;
  std::map<std::string, std::string> limits;
  bool operator==(const ContainerResources&) const = default;
};

struct VolumeMount {
  std::string name;
  std::string mount_path;
  std::string sub_path;
  std::string sub_path_expr;  // with $(NAME) of the container's variables; instead of sub_path
  bool read_only = false;
  bool operator==(const VolumeMount&) const = default;
};

struct KeyToPath {
  std::string key;
  std::string path;
  std::optional<int> mode;
  bool operator==(const KeyToPath&) const = default;
};

// A file that says something of the pod itself.
struct DownwardFile {
  std::string path;
  std::string field_path;  // or `resource`
  std::optional<ResourceField> resource;
  std::optional<int> mode;
  bool operator==(const DownwardFile&) const = default;
};

// Of a volume, or one source of several of a projected one.
struct VolumeSource {
  enum class Kind {
    EmptyDir,
    ConfigMap,
    Secret,
    DownwardApi,
    ServiceAccountToken,
    Projected,
    Claim,
    HostPath,
    Other,  // of a kind that a lab does not have: an empty folder
  };
  Kind kind = Kind::EmptyDir;
  std::string name;  // of the object; the path on the host; of Other the kind, as the field is called
  bool is_optional = false;
  bool read_only = false;  // Claim
  std::vector<KeyToPath> items;
  std::vector<DownwardFile> files;
  std::vector<VolumeSource> sources;  // Projected
  int default_mode = 0644;
  bool in_memory = false;  // EmptyDir
  std::optional<std::int64_t> size_limit;
  std::string path;  // ServiceAccountToken; HostPath: the type
  std::string audience;
  std::int64_t expires_after_s = 3600;
  bool operator==(const VolumeSource&) const = default;
};

struct Volume {
  std::string name;
  VolumeSource source;
  bool operator==(const Volume&) const = default;
};

}  // namespace labctl::model
