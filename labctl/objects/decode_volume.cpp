#include "labctl/objects/decode_volume.hpp"

#include "labctl/objects/json_values.hpp"
#include "topology/base/quantity.hpp"

#include <nlohmann/json.hpp>

#include <utility>

namespace labctl::objects {
namespace {

using nlohmann::json;
using Kind = model::VolumeSource::Kind;

// Quantities may be written as numbers.
std::string quantity_text(const json& value) {
  return value.is_string() ? value.get<std::string>() : value.is_null() ? std::string() : value.dump();
}

std::map<std::string, std::string> amounts_in(const json& amounts) {
  std::map<std::string, std::string> out;
  if (amounts.is_object()) {
    for (const auto& [resource, amount] : amounts.items()) {
      out.emplace(resource, quantity_text(amount));
    }
  }
  return out;
}

std::optional<int> decode_mode(const json& source, const char* field) {
  const json& mode = member(source, field);
  return mode.is_number_integer() ? std::optional(mode.get<int>()) : std::nullopt;
}

model::ResourceField decode_resource_field(const json& reference) {
  return {member_text(reference, "containerName"), member_text(reference, "resource"),
          quantity_text(member(reference, "divisor"))};
}

std::vector<model::KeyToPath> decode_items(const json& source) {
  std::vector<model::KeyToPath> out;
  for (const json& item : member(source, "items")) {
    out.push_back({member_text(item, "key"), member_text(item, "path"), decode_mode(item, "mode")});
  }
  return out;
}

std::vector<model::DownwardFile> decode_downward_files(const json& source) {
  std::vector<model::DownwardFile> out;
  for (const json& item : member(source, "items")) {
    model::DownwardFile file;
    file.path = member_text(item, "path");
    file.mode = decode_mode(item, "mode");
    if (const json& field = member(item, "fieldRef"); field.is_object()) {
      file.field_path = member_text(field, "fieldPath");
    } else if (const json& resource = member(item, "resourceFieldRef"); resource.is_object()) {
      file.resource = decode_resource_field(resource);
    }
    out.push_back(std::move(file));
  }
  return out;
}

model::VolumeSource decode_config(Kind kind, const json& source, const char* name_field) {
  model::VolumeSource out;
  out.kind = kind;
  out.name = member_text(source, name_field);
  out.is_optional = source.value("optional", false);
  out.items = decode_items(source);
  out.default_mode = decode_mode(source, "defaultMode").value_or(out.default_mode);
  return out;
}

model::VolumeSource decode_downward(const json& source) {
  model::VolumeSource out;
  out.kind = Kind::DownwardApi;
  out.files = decode_downward_files(source);
  out.default_mode = decode_mode(source, "defaultMode").value_or(out.default_mode);
  return out;
}

model::VolumeSource decode_projected(const json& source) {
  model::VolumeSource out;
  out.kind = Kind::Projected;
  out.default_mode = decode_mode(source, "defaultMode").value_or(out.default_mode);
  for (const json& one : member(source, "sources")) {
    if (const json& map = member(one, "configMap"); map.is_object()) {
      out.sources.push_back(decode_config(Kind::ConfigMap, map, "name"));
    } else if (const json& secret = member(one, "secret"); secret.is_object()) {
      out.sources.push_back(decode_config(Kind::Secret, secret, "name"));
    } else if (const json& downward = member(one, "downwardAPI"); downward.is_object()) {
      out.sources.push_back(decode_downward(downward));
    } else if (const json& token = member(one, "serviceAccountToken"); token.is_object()) {
      model::VolumeSource its;
      its.kind = Kind::ServiceAccountToken;
      its.path = member_text(token, "path");
      its.audience = member_text(token, "audience");
      its.expires_after_s = token.value("expirationSeconds", its.expires_after_s);
      out.sources.push_back(std::move(its));
    }
  }
  return out;
}

model::VolumeSource decode_source(const json& volume, const std::string& pod_name) {
  model::VolumeSource out;
  if (const json& empty = member(volume, "emptyDir"); empty.is_object()) {
    out.in_memory = member_text(empty, "medium").starts_with("Memory");
    if (const json& limit = member(empty, "sizeLimit"); !limit.is_null()) {
      out.size_limit = parse_quantity(quantity_text(limit));
    }
    return out;
  }
  if (const json& map = member(volume, "configMap"); map.is_object()) {
    return decode_config(Kind::ConfigMap, map, "name");
  }
  if (const json& secret = member(volume, "secret"); secret.is_object()) {
    return decode_config(Kind::Secret, secret, "secretName");
  }
  if (const json& downward = member(volume, "downwardAPI"); downward.is_object()) {
    return decode_downward(downward);
  }
  if (const json& projected = member(volume, "projected"); projected.is_object()) {
    return decode_projected(projected);
  }
  if (const json& claim = member(volume, "persistentVolumeClaim"); claim.is_object()) {
    out.kind = Kind::Claim;
    out.name = member_text(claim, "claimName");
    out.read_only = claim.value("readOnly", false);
    return out;
  }
  if (member(volume, "ephemeral").is_object()) {
    out.kind = Kind::Claim;
    out.name = pod_name + "-" + member_text(volume, "name");
    return out;
  }
  if (const json& host = member(volume, "hostPath"); host.is_object()) {
    out.kind = Kind::HostPath;
    out.name = member_text(host, "path");
    out.path = member_text(host, "type");
    return out;
  }
  for (const auto& [field, value] : volume.items()) {
    if (field != "name" && value.is_object()) {
      out.kind = Kind::Other;
      out.name = field;
    }
  }
  return out;  // a volume of no kind is an emptyDir (core/v1 defaults)
}

}  // namespace

std::vector<model::Volume> decode_volumes(const json& spec, const std::string& pod_name) {
  std::vector<model::Volume> out;
  for (const json& volume : member(spec, "volumes")) {
    out.push_back({member_text(volume, "name"), decode_source(volume, pod_name)});
  }
  return out;
}

std::vector<model::VolumeMount> decode_volume_mounts(const json& container) {
  std::vector<model::VolumeMount> out;
  for (const json& mount : member(container, "volumeMounts")) {
    out.push_back({member_text(mount, "name"), member_text(mount, "mountPath"), member_text(mount, "subPath"),
                   member_text(mount, "subPathExpr"), mount.value("readOnly", false)});
  }
  return out;
}

model::EnvVar decode_variable(const json& variable) {
  model::EnvVar out{member_text(variable, "name"), member_text(variable, "value"), {}};
  const json& source = member(variable, "valueFrom");
  if (!source.is_object()) {
    return out;
  }
  out.field_path = member_text(member(source, "fieldRef"), "fieldPath");
  if (const json& resource = member(source, "resourceFieldRef"); resource.is_object()) {
    out.resource = decode_resource_field(resource);
  }
  for (const bool is_secret : {false, true}) {
    if (const json& key = member(source, is_secret ? "secretKeyRef" : "configMapKeyRef"); key.is_object()) {
      out.config_key = {is_secret, member_text(key, "name"), member_text(key, "key"),
                        key.value("optional", false)};
    }
  }
  return out;
}

std::vector<model::EnvFrom> decode_env_from(const json& container) {
  std::vector<model::EnvFrom> out;
  for (const json& source : member(container, "envFrom")) {
    for (const bool is_secret : {false, true}) {
      if (const json& from = member(source, is_secret ? "secretRef" : "configMapRef"); from.is_object()) {
        out.push_back({is_secret, member_text(from, "name"), member_text(source, "prefix"),
                       from.value("optional", false)});
      }
    }
  }
  return out;
}

model::ContainerResources decode_resources(const json& container) {
  const json& resources = member(container, "resources");
  return {amounts_in(member(resources, "requests")), amounts_in(member(resources, "limits"))};
}

}  // namespace labctl::objects
