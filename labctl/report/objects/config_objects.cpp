#include "labctl/report/objects/config_objects.hpp"

#include "labctl/report/objects/describe_parts.hpp"
#include "labctl/report/objects/fields.hpp"
#include "topology/base/base64.hpp"
#include "topology/base/printable.hpp"

#include <ostream>
#include <sstream>
#include <utility>

namespace labctl::report {
namespace {

using Json = nlohmann::json;

std::string count_of(const Json& object, std::initializer_list<const char*> fields) {
  size_t count = 0;
  for (const char* field : fields) {
    const Json& entries = at(object, field);
    count += entries.is_structured() ? entries.size() : 0;
  }
  return std::to_string(count);
}

std::string data_count(const Json& object) { return count_of(object, {"/data", "/binaryData"}); }

// "RWO,RWX"
std::string access_modes(const Json& modes) {
  std::string out;
  for (const Json& mode : modes) {
    const std::string name = mode.is_string() ? mode.get<std::string>() : "";
    const std::string shown = name == "ReadWriteOnce"      ? "RWO"
                              : name == "ReadOnlyMany"     ? "ROX"
                              : name == "ReadWriteMany"    ? "RWX"
                              : name == "ReadWriteOncePod" ? "RWOP"
                                                           : name;
    out += (out.empty() ? "" : ",") + shown;
  }
  return out;
}

std::string claim_of(const Json& volume) {
  const std::string name = text(volume, "/spec/claimRef/name");
  return name.empty() ? "" : text(volume, "/spec/claimRef/namespace") + "/" + name;
}

std::vector<ConfigColumn> claim_columns() {
  return {
      {"STATUS",
       [](const Json& o) {
         return text(o, "/metadata/deletionTimestamp").empty() ? text(o, "/status/phase") : "Terminating";
       }},
      {"VOLUME", [](const Json& o) { return text(o, "/spec/volumeName"); }},
      {"CAPACITY", [](const Json& o) { return text(o, "/status/capacity/storage"); }},
      {"ACCESS MODES", [](const Json& o) { return access_modes(list(o, "/status/accessModes")); }},
      {"STORAGECLASS", [](const Json& o) { return text(o, "/spec/storageClassName"); }},
      {"VOLUMEATTRIBUTESCLASS",
       [](const Json& o) { return text_or(o, "/spec/volumeAttributesClassName", "<unset>"); }},
  };
}

std::vector<ConfigColumn> volume_columns() {
  return {
      {"CAPACITY", [](const Json& o) { return text(o, "/spec/capacity/storage"); }},
      {"ACCESS MODES", [](const Json& o) { return access_modes(list(o, "/spec/accessModes")); }},
      {"RECLAIM POLICY", [](const Json& o) { return text(o, "/spec/persistentVolumeReclaimPolicy"); }},
      {"STATUS", [](const Json& o) { return text(o, "/status/phase"); }},
      {"CLAIM", claim_of},
      {"STORAGECLASS", [](const Json& o) { return text(o, "/spec/storageClassName"); }},
      {"VOLUMEATTRIBUTESCLASS",
       [](const Json& o) { return text_or(o, "/spec/volumeAttributesClassName", "<unset>"); }},
      {"REASON", [](const Json& o) { return text(o, "/status/reason"); }},
  };
}

std::vector<ConfigColumn> class_columns() {
  return {
      {"PROVISIONER", [](const Json& o) { return text(o, "/provisioner"); }},
      {"RECLAIMPOLICY", [](const Json& o) { return text_or(o, "/reclaimPolicy", "Delete"); }},
      {"VOLUMEBINDINGMODE", [](const Json& o) { return text_or(o, "/volumeBindingMode", "Immediate"); }},
      {"ALLOWVOLUMEEXPANSION",
       [](const Json& o) { return std::string(flag(o, "/allowVolumeExpansion") ? "true" : "false"); }},
  };
}

// ---- In full ------------------------------------------------------------------------------------
void print_bytes(std::ostream& out, const std::string& key, const Json& value) {
  const auto bytes = from_base64(value.is_string() ? value.get<std::string>() : "");
  out << printable_line(key) << ": " << bytes.value_or("").size() << " bytes\n";
}

void describe_config_map(std::ostream& out, const Json& map) {
  out << "\nData\n====\n";
  if (const Json& data = at(map, "/data"); data.is_object()) {
    for (const auto& [key, value] : data.items()) {
      out << printable_line(key) << ":\n----\n";
      std::istringstream lines(value.is_string() ? value.get<std::string>() : value.dump());
      for (std::string line; std::getline(lines, line);) {
        out << printable_line(line) << '\n';
      }
      out << '\n';
    }
  }
  out << "\nBinaryData\n====\n";
  if (const Json& data = at(map, "/binaryData"); data.is_object()) {
    for (const auto& [key, value] : data.items()) {
      print_bytes(out, key, value);
    }
  }
  out << "\n";
}

void describe_secret(std::ostream& out, const Json& secret) {
  out << "\nType:  " << printable_line(text(secret, "/type")) << "\n\nData\n====\n";
  if (const Json& data = at(secret, "/data"); data.is_object()) {
    for (const auto& [key, value] : data.items()) {
      print_bytes(out, key, value);
    }
  }
}

std::string names_in(const Json& references) {
  std::string out;
  for (const Json& reference : references) {
    out += (out.empty() ? "" : "\n") + printable_line(text(reference, "/name"));
  }
  return out.empty() ? "<none>" : out;
}

void add_claim(Block& block, const Json& claim) {
  block.add("StorageClass", text(claim, "/spec/storageClassName"));
  block.add("Status", text(claim, "/status/phase"));
  block.add("Volume", text(claim, "/spec/volumeName"));
  block.add("Capacity", text(claim, "/status/capacity/storage"));
  block.add("Access Modes", access_modes(list(claim, "/status/accessModes")));
  block.add("VolumeMode", text_or(claim, "/spec/volumeMode", "Filesystem"));
}

void add_volume(Block& block, const Json& volume) {
  block.add("StorageClass", text(volume, "/spec/storageClassName"));
  block.add("Status", text(volume, "/status/phase"));
  block.add("Claim", claim_of(volume));
  block.add("Reclaim Policy", text(volume, "/spec/persistentVolumeReclaimPolicy"));
  block.add("Access Modes", access_modes(list(volume, "/spec/accessModes")));
  block.add("VolumeMode", text_or(volume, "/spec/volumeMode", "Filesystem"));
  block.add("Capacity", text(volume, "/spec/capacity/storage"));
}

}  // namespace

std::vector<ConfigColumn> config_columns(std::string_view kind) {
  if (kind == "ConfigMap") {
    return {{"DATA", data_count}};
  }
  if (kind == "Secret") {
    return {{"TYPE", [](const Json& o) { return text(o, "/type"); }}, {"DATA", data_count}};
  }
  if (kind == "ServiceAccount") {
    return {{"SECRETS", [](const Json& o) { return count_of(o, {"/secrets"}); }}};
  }
  if (kind == "PersistentVolumeClaim") {
    return claim_columns();
  }
  if (kind == "PersistentVolume") {
    return volume_columns();
  }
  return kind == "StorageClass" ? class_columns() : std::vector<ConfigColumn>();
}

bool is_default_class(const Json& object) {
  return text(object, "/kind") == "StorageClass" &&
         text(object, "/metadata/annotations/storageclass.kubernetes.io~1is-default-class") == "true";
}

bool describe_config(std::ostream& out, const Json& object) {
  const std::string kind = text(object, "/kind");
  Block block(0);
  add_identity(block, object);
  add_metadata(block, object);
  if (kind == "ServiceAccount") {
    block.add("Image pull secrets", names_in(list(object, "/imagePullSecrets")));
    block.add("Mountable secrets", names_in(list(object, "/secrets")));
  } else if (kind == "PersistentVolumeClaim") {
    add_claim(block, object);
  } else if (kind == "PersistentVolume") {
    add_volume(block, object);
  } else if (kind != "ConfigMap" && kind != "Secret") {
    return false;
  }
  block.print(out);
  if (kind == "ConfigMap") {
    describe_config_map(out, object);
  } else if (kind == "Secret") {
    describe_secret(out, object);
  }
  return true;
}

}  // namespace labctl::report
