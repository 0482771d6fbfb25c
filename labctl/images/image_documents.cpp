#include "labctl/images/image_documents.hpp"

#include "labctl/api/request_reader.hpp"
#include "topology/base/error.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>
#include <utility>

namespace labctl::images {
namespace {

using nlohmann::json;

constexpr std::size_t kHexDigits = 64;
// In an index, or of a list in a configuration.
constexpr std::size_t kItemsMax = 10'000;

bool is_hex_digest(std::string_view text) {
  return text.size() == kHexDigits && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// A value and the way to it, for messages.
class Value {
 public:
  Value(const json* value, std::string path) : value_(value), path_(std::move(path)) {}

  explicit operator bool() const { return value_ != nullptr && !value_->is_null(); }
  // Absent where this is absent. What encoding/json of Go reads without regard to case has one spelling here.
  Value field(const char* name) const {
    if (!*this) {
      return {nullptr, path_ + "." + name};
    }
    if (!value_->is_object()) {
      refuse("must be an object");
    }
    const auto found = value_->find(name);
    return {found == value_->end() ? nullptr : &*found, path_ + "." + name};
  }
  std::vector<Value> items() const {
    std::vector<Value> values;
    if (!*this) {
      return values;
    }
    if (!value_->is_array() || value_->size() > kItemsMax) {
      refuse("must be a list of at most " + std::to_string(kItemsMax));
    }
    for (std::size_t i = 0; i < value_->size(); ++i) {
      values.emplace_back(&(*value_)[i], path_ + "[" + std::to_string(i) + "]");
    }
    return values;
  }
  std::string text() const {
    if (!*this) {
      return {};
    }
    if (!value_->is_string()) {
      refuse("must be a text");
    }
    std::string text = value_->get<std::string>();
    if (text.find('\0') != std::string::npos) {
      refuse("has a NUL");
    }
    return text;
  }
  std::string needed_text() const {
    std::string text = this->text();
    if (text.empty()) {
      refuse("is missing");
    }
    return text;
  }
  std::vector<std::string> texts() const {
    std::vector<std::string> texts;
    for (const Value& item : items()) {
      texts.push_back(item.text());
    }
    return texts;
  }
  std::vector<std::string> keys() const {
    std::vector<std::string> keys;
    if (*this && value_->is_object()) {
      for (const auto& [key, unused] : value_->items()) {
        keys.push_back(key);
      }
    }
    return keys;
  }
  // A folder of the archive is named so: what is no id must be no path.
  std::string legacy_id() const {
    std::string id = text();
    if (!is_hex_digest(id)) {
      refuse("must be 64 digits of 0-9 and a-f");
    }
    return id;
  }
  [[noreturn]] void refuse(const std::string& why) const {
    throw Error(ErrorKind::InvalidInput, path_ + ": " + why);
  }

 private:
  const json* value_;
  std::string path_;
};

Descriptor descriptor_at(const Value& value) {
  Descriptor descriptor;
  descriptor.media_type = value.field("mediaType").text();
  descriptor.digest = value.field("digest").needed_text();
  if (const Value platform = value.field("platform")) {
    descriptor.platform = Platform{platform.field("os").text(), platform.field("architecture").text()};
  }
  const Value annotations = value.field("annotations");
  descriptor.name = annotations.field("io.containerd.image.name").text();
  if (descriptor.name.empty()) {
    descriptor.name = annotations.field("org.opencontainers.image.ref.name").text();
  }
  return descriptor;
}

void check_layers(const Value& layers, std::size_t count) {
  if (count > kLayersMax) {
    layers.refuse("has " + std::to_string(count) + " layers, more than " + std::to_string(kLayersMax));
  }
}

model::ImageConfig config_at(const Value& value) {
  model::ImageConfig config;
  config.entrypoint = value.field("Entrypoint").texts();
  config.cmd = value.field("Cmd").texts();
  config.working_dir = value.field("WorkingDir").text();
  config.user = value.field("User").text();
  config.stop_signal = value.field("StopSignal").text();
  config.exposed_ports = value.field("ExposedPorts").keys();
  for (const Value& item : value.field("Env").items()) {
    const std::string text = item.text();
    const std::size_t equals = text.find('=');
    if (equals == 0 || equals == std::string::npos) {
      continue;  // as runc: no name, or no value
    }
    config.env.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return config;
}

}  // namespace

std::vector<DockerImage> parse_docker_manifest(std::string_view text, const std::string& what) {
  const json document = api::parse_json(text, what);
  std::vector<DockerImage> images;
  for (const Value& item : Value(&document, what).items()) {
    DockerImage image;
    image.names = item.field("RepoTags").texts();
    image.config = item.field("Config").needed_text();
    image.layers = item.field("Layers").texts();
    check_layers(item.field("Layers"), image.layers.size());
    images.push_back(std::move(image));
  }
  return images;
}

std::vector<LegacyImage> parse_repositories(std::string_view text, const std::string& what) {
  const json document = api::parse_json(text, what);
  const Value repositories(&document, what);
  std::map<std::string, LegacyImage> images;
  for (const std::string& name : repositories.keys()) {
    const Value tags = repositories.field(name.c_str());
    for (const std::string& tag : tags.keys()) {
      const std::string id = tags.field(tag.c_str()).legacy_id();
      LegacyImage& image = images.try_emplace(id, LegacyImage{{}, id}).first->second;
      image.names.push_back(name + ":" + tag);
    }
  }
  std::vector<LegacyImage> all;
  for (auto& [id, image] : images) {
    all.push_back(std::move(image));
  }
  return all;
}

std::string parse_legacy_parent(std::string_view text, const std::string& what) {
  const json document = api::parse_json(text, what);
  const Value parent = Value(&document, what).field("parent");
  return parent.text().empty() ? std::string() : parent.legacy_id();
}

std::string legacy_configuration(std::string_view text, const std::vector<std::string>& diff_ids,
                                 const std::string& what) {
  const json document = api::parse_json(text, what);
  json configuration{{"rootfs", {{"type", "layers"}, {"diff_ids", diff_ids}}}};
  for (const char* field : {"os", "architecture", "config"}) {
    if (Value(&document, what).field(field)) {
      configuration[field] = document[field];
    }
  }
  return configuration.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::vector<Descriptor> parse_index(std::string_view text, const std::string& what) {
  const json document = api::parse_json(text, what);
  std::vector<Descriptor> descriptors;
  for (const Value& item : Value(&document, what).field("manifests").items()) {
    descriptors.push_back(descriptor_at(item));
  }
  return descriptors;
}

Manifest parse_manifest(std::string_view text, const std::string& what) {
  const json document = api::parse_json(text, what);
  const Value value(&document, what);
  Manifest manifest;
  manifest.config = descriptor_at(value.field("config"));
  for (const Value& layer : value.field("layers").items()) {
    manifest.layers.push_back(descriptor_at(layer));
  }
  check_layers(value.field("layers"), manifest.layers.size());
  return manifest;
}

Configuration parse_configuration(std::string_view text, const std::string& what) {
  const json document = api::parse_json(text, what);
  const Value value(&document, what);
  Configuration configuration;
  configuration.platform = {value.field("os").text(), value.field("architecture").text()};
  configuration.diff_ids = value.field("rootfs").field("diff_ids").texts();
  configuration.config = config_at(value.field("config"));
  return configuration;
}

bool is_index(const Descriptor& descriptor) {
  return descriptor.media_type == "application/vnd.oci.image.index.v1+json" ||
         descriptor.media_type == "application/vnd.docker.distribution.manifest.list.v2+json";
}

std::string blob_of(const std::string& digest, const std::string& what) {
  const std::string hex =
      digest.starts_with(kDigestBegin) ? digest.substr(kDigestBegin.size()) : std::string();
  if (!is_hex_digest(hex)) {
    throw Error(ErrorKind::InvalidInput,
                what + ": digest \"" + digest + "\": must be sha256: and 64 digits of 0-9 and a-f");
  }
  return "blobs/sha256/" + hex;
}

Platform own_platform() {
#if defined(__x86_64__)
  return {"linux", "amd64"};
#elif defined(__aarch64__)
  return {"linux", "arm64"};
#elif defined(__riscv) && __riscv_xlen == 64
  return {"linux", "riscv64"};
#elif defined(__powerpc64__) && defined(__LITTLE_ENDIAN__)
  return {"linux", "ppc64le"};
#elif defined(__s390x__)
  return {"linux", "s390x"};
#elif defined(__i386__)
  return {"linux", "386"};
#else
  return {"linux", "arm"};
#endif
}

std::string to_string(const Platform& platform) { return platform.os + "/" + platform.architecture; }

}  // namespace labctl::images
