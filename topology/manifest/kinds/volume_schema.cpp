// core/v1 Volume, VolumeMount, EnvFromSource and the sources of variables: their fields, and the rules of API
// validation (ValidateVolumes, ValidateVolumeMounts).

#include "topology/manifest/kinds/volume_schema.hpp"

#include "topology/base/quantity.hpp"
#include "topology/manifest/kinds/api_refusals.hpp"
#include "topology/manifest/kinds/kinds.hpp"

#include <array>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace labctl::manifest {
namespace {

constexpr int kModeMax = 0777;
constexpr std::array<std::string_view, 8> kHostPathTypes{
    "", "DirectoryOrCreate", "Directory", "FileOrCreate", "File", "Socket", "CharDevice", "BlockDevice"};

// validateLocalDescendingPath, and of files in volumes of objects validateLocalNonReservedPath.
std::optional<Complaint> check_descending_path(std::string_view text) {
  if (text.starts_with('/')) {
    return Complaint{"Invalid value: " + in_quotes(text) + ": must be a relative path", ""};
  }
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find('/', at), text.size());
    if (text.substr(at, end - at) == "..") {
      return Complaint{"Invalid value: " + in_quotes(text) + ": must not contain '..'", ""};
    }
    at = end + 1;
  }
  return std::nullopt;
}

std::optional<Complaint> check_file_path(std::string_view text) {
  if (text.starts_with("..")) {
    return Complaint{"Invalid value: " + in_quotes(text) + ": must not start with '..'", ""};
  }
  return text.empty() ? check_not_empty(text) : check_descending_path(text);
}

constexpr Field mode(std::string_view name) { return integer(name, 0, kModeMax); }

// ---- Variables ----------------------------------------------------------------------------------
constexpr std::array kResourceFieldRefFields{text("containerName"),
                                             text("resource", check_not_empty).required(), any("divisor")};
constexpr std::array kKeyRefFields{text("name"), text("key", check_config_key).required(),
                                   boolean("optional")};
constexpr std::array kConfigRefFields{text("name"), boolean("optional")};
constexpr Schema kConfigRef{"reference of an envFrom", kConfigRefFields};
constexpr std::array kEnvFromFields{text("prefix"), object("configMapRef", kConfigRef),
                                    object("secretRef", kConfigRef)};

void check_env_from(const Place& place, Findings& findings) {
  const bool has_map = static_cast<bool>(place.field("configMapRef"));
  const bool has_secret = static_cast<bool>(place.field("secretRef"));
  if (has_map && has_secret) {
    refuse_value(place.field("secretRef"), "may not have more than one field specified at a time", findings);
  } else if (!has_map && !has_secret) {
    findings.error(place, "Invalid value: \"\": must specify one of: `configMapRef` or `secretRef`");
  }
}

// ---- Volumes ------------------------------------------------------------------------------------
constexpr std::array kItemFields{text("key", check_config_key).required(),
                                 text("path", check_file_path).required(), mode("mode")};
constexpr Schema kItem{"item of a volume", kItemFields};
constexpr std::array kConfigMapVolumeFields{text("name"), list("items", kItem), mode("defaultMode"),
                                            boolean("optional")};
constexpr Schema kConfigMapVolume{"configMap volume", kConfigMapVolumeFields};
constexpr std::array kSecretVolumeFields{text("secretName"), list("items", kItem), mode("defaultMode"),
                                         boolean("optional")};
constexpr Schema kSecretVolume{"secret volume", kSecretVolumeFields};

std::optional<Complaint> check_downward_path(std::string_view text) {
  const bool is_whole = text == "metadata.labels" || text == "metadata.annotations";
  return is_whole ? std::nullopt : check_field_path(text);
}
constexpr std::array kDownwardFieldRefFields{text("apiVersion"),
                                             text("fieldPath", check_downward_path).required()};
constexpr Schema kDownwardFieldRef{"fieldRef of a volume", kDownwardFieldRefFields};
constexpr std::array kDownwardItemFields{text("path", check_file_path).required(),
                                         object("fieldRef", kDownwardFieldRef),
                                         object("resourceFieldRef", kResourceFieldRef), mode("mode")};
constexpr Schema kDownwardItem{"item of a downwardAPI volume", kDownwardItemFields};
constexpr std::array kDownwardVolumeFields{list("items", kDownwardItem), mode("defaultMode")};
constexpr Schema kDownwardVolume{"downwardAPI volume", kDownwardVolumeFields};

constexpr std::array kTokenFields{text("path", check_file_path).required(), text("audience"),
                                  integer("expirationSeconds", 600, std::int64_t{1} << 32)};
constexpr Schema kToken{"serviceAccountToken", kTokenFields};
constexpr std::array kProjectionFields{
    object("configMap", kConfigMapVolume),
    // There the Secret's name is called as everywhere else.
    object("secret", kConfigMapVolume), object("downwardAPI", kDownwardVolume),
    object("serviceAccountToken", kToken), without_effect("clusterTrustBundle"),
    without_effect("podCertificate")};
constexpr Schema kProjection{"source of a projected volume", kProjectionFields};
constexpr std::array kProjectedFields{list("sources", kProjection), mode("defaultMode")};
constexpr Schema kProjected{"projected volume", kProjectedFields};

void check_empty_dir(const Place& place, Findings& findings) {
  const Place limit = place.field("sizeLimit");
  if (limit && !parse_quantity(limit.node->text)) {
    findings.error(limit, in_quotes(limit.node->text) + " is no quantity",
                   "as in 500Mi or 1Gi, without a blank");
  }
}
constexpr std::array kEmptyDirFields{text("medium"), any("sizeLimit")};
constexpr Schema kEmptyDir{"emptyDir", kEmptyDirFields, check_empty_dir};
constexpr std::array kHostPathFields{text("path", check_not_empty).required(),
                                     text("type").one_of(kHostPathTypes)};
constexpr Schema kHostPath{"hostPath", kHostPathFields};
constexpr std::array kClaimVolumeFields{text("claimName", check_not_empty).required(), boolean("readOnly")};
constexpr Schema kClaimVolume{"persistentVolumeClaim volume", kClaimVolumeFields};
constexpr std::array kClaimTemplateFields{object("metadata", kTemplateMetadata),
                                          object("spec", kClaimSpec).required()};
constexpr Schema kClaimTemplate{"volumeClaimTemplate", kClaimTemplateFields};
constexpr std::array kEphemeralFields{object("volumeClaimTemplate", kClaimTemplate).required()};
constexpr Schema kEphemeral{"ephemeral volume", kEphemeralFields};

// Programs find an empty folder in place of those that end the list.
constexpr std::array kPodVolumeFields{
    text("name", check_dns_label).required(),
    object("emptyDir", kEmptyDir),
    object("configMap", kConfigMapVolume),
    object("secret", kSecretVolume),
    object("downwardAPI", kDownwardVolume),
    object("projected", kProjected),
    object("persistentVolumeClaim", kClaimVolume),
    object("ephemeral", kEphemeral),
    object("hostPath", kHostPath),
    without_effect("awsElasticBlockStore"),
    without_effect("azureDisk"),
    without_effect("azureFile"),
    without_effect("cephfs"),
    without_effect("cinder"),
    without_effect("csi"),
    without_effect("fc"),
    without_effect("flexVolume"),
    without_effect("flocker"),
    without_effect("gcePersistentDisk"),
    without_effect("gitRepo"),
    without_effect("glusterfs"),
    without_effect("image"),
    without_effect("iscsi"),
    without_effect("nfs"),
    without_effect("photonPersistentDisk"),
    without_effect("portworxVolume"),
    without_effect("quobyte"),
    without_effect("rbd"),
    without_effect("scaleIO"),
    without_effect("storageos"),
    without_effect("vsphereVolume"),
};

void check_volume(const Place& volume, Findings& findings) {
  bool has_source = false;
  for (const YamlEntry& entry : volume.node->entries) {
    if (entry.key == "name" || entry.value->is_null()) {
      continue;
    }
    if (has_source) {
      refuse_field(volume.member(entry), "may not specify more than 1 volume type", findings);
    }
    has_source = true;
  }
}

constexpr std::array kVolumeMountFields{
    text("name", check_not_empty).required(),
    text("mountPath", check_not_empty).required(),
    text("subPath", check_descending_path),
    text("subPathExpr", check_descending_path),
    boolean("readOnly"),
    without_effect("mountPropagation", "None"),
    without_effect("recursiveReadOnly", "Disabled"),
};

void check_volume_mount(const Place& mount, Findings& findings) {
  const Place expression = mount.field("subPathExpr");
  if (!expression.text().empty() && !mount.field("subPath").text().empty()) {
    refuse_value(expression, "subPathExpr and subPath are mutually exclusive", findings);
  }
}

void check_mounts(const Place& container, const std::set<std::string, std::less<>>& volumes,
                  Findings& findings) {
  std::set<std::string, std::less<>> paths;
  const Place mounts = container.field("volumeMounts");
  for (std::size_t i = 0; i < mounts.size(); ++i) {
    const Place mount = mounts.item(i);
    const Place name = mount.field("name");
    if (!name.text().empty() && !volumes.contains(name.text())) {
      findings.error(name, "Not found: " + in_quotes(name.text()), "add it to the pod's volumes");
    }
    const Place path = mount.field("mountPath");
    if (!path.text().empty() && !paths.emplace(path.text()).second) {
      refuse_value(path, "must be unique", findings);
    }
  }
}

}  // namespace

constexpr Schema kResourceFieldRef{"resourceFieldRef", kResourceFieldRefFields};
constexpr Schema kKeyRef{"reference to a key", kKeyRefFields};
constexpr Schema kEnvFrom{"envFrom", kEnvFromFields, check_env_from};
constexpr Schema kVolume{"volume", kPodVolumeFields, check_volume};
constexpr Schema kVolumeMount{"volumeMount", kVolumeMountFields, check_volume_mount};

void check_volumes(const Place& spec, const Place& claim_templates, Findings& findings) {
  std::set<std::string, std::less<>> names;
  for (std::size_t i = 0; i < claim_templates.size(); ++i) {
    const Place claim = claim_templates.item(i);
    const Place metadata = claim.field("metadata");
    names.emplace(metadata.field("name").text());
  }
  std::set<std::string, std::less<>> own;
  const Place volumes = spec.field("volumes");
  for (std::size_t i = 0; i < volumes.size(); ++i) {
    const Place volume = volumes.item(i);
    const Place name = volume.field("name");
    if (!own.emplace(name.text()).second) {
      refuse_second(name, findings, "each volume has a name of its own");
    }
  }
  names.insert(own.begin(), own.end());
  for (const char* field : {"initContainers", "containers"}) {
    const Place containers = spec.field(field);
    for (std::size_t i = 0; i < containers.size(); ++i) {
      const Place container = containers.item(i);
      check_mounts(container, names, findings);
    }
  }
}

}  // namespace labctl::manifest
