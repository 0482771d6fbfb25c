// core/v1 ConfigMap, Secret and ServiceAccount: their fields, and the rules of API validation (ValidateConfigMap,
// ValidateSecret). No message says what a Secret holds.

#include "topology/base/base64.hpp"
#include "topology/manifest/kinds/api_refusals.hpp"
#include "topology/manifest/kinds/kinds.hpp"

#include <nlohmann/json.hpp>

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace labctl::manifest {
namespace {

// core.MaxSecretSize; of a ConfigMap the same.
constexpr std::size_t kContentsMax = 1u << 20;

std::optional<Complaint> check_base64(std::string_view text) {
  return from_base64(text)
             ? std::nullopt
             : std::optional(Complaint{"is no base64",
                                       "write plain text in stringData (of a ConfigMap: data), or "
                                       "encode it: printf %s TEXT | base64 -w0"});
}

constexpr std::array kConfigMapFields{
    text("apiVersion"),
    text("kind"),
    object("metadata", kMetadata).required(),
    string_map("data", check_config_key),
    string_map("binaryData", check_config_key, check_base64),
    boolean("immutable"),
};

void check_config_map(const Place& map, Findings& findings) {
  const Place data = map.field("data");
  const Place binary = map.field("binaryData");
  std::size_t size = 0;
  if (data) {
    for (const YamlEntry& entry : data.node->entries) {
      size += entry.value->text.size();
      if (const Place other = binary.field(entry.key)) {
        findings.error(other, "Invalid value: " + in_quotes(entry.key) + ": duplicate of key present in data",
                       "a key stands in data or in binaryData");
      }
    }
  }
  if (binary) {
    for (const YamlEntry& entry : binary.node->entries) {
      size += from_base64(entry.value->text).value_or("").size();
    }
  }
  if (size > kContentsMax) {
    findings.error(map, "Too long: must have at most " + std::to_string(kContentsMax) + " bytes, got " +
                            std::to_string(size));
  }
}

// ---- Secrets ------------------------------------------------------------------------------------
constexpr std::array kSecretFields{
    text("apiVersion"),
    text("kind"),
    object("metadata", kMetadata).required(),
    string_map("data", check_config_key, check_base64).confidential(),
    string_map("stringData", check_config_key).confidential(),
    text("type"),
    boolean("immutable"),
};

// What a key of the Secret holds; nothing without it. stringData counts before data.
std::optional<std::string> contents_of(const Place& secret, std::string_view key) {
  const Place texts = secret.field("stringData");
  if (const Place text = texts.field(key)) {
    return std::string(text.text());
  }
  const Place data = secret.field("data");
  const Place encoded = data.field(key);
  return encoded ? from_base64(encoded.text()) : std::nullopt;
}

void require_key(const Place& secret, std::string_view key, Findings& findings) {
  if (!contents_of(secret, key)) {
    const Place data = secret.field("data");
    refuse_missing(data ? data.field(key) : data, data ? "" : "data[" + std::string(key) + "]", findings,
                   "a Secret of the type " + std::string(secret.field("type").text()) + " has it");
  }
}

void require_json(const Place& secret, std::string_view key, Findings& findings) {
  const auto contents = contents_of(secret, key);
  if (!contents) {
    require_key(secret, key, findings);
  } else if (!nlohmann::json::accept(*contents)) {
    const Place data = secret.field("data");
    findings.error(data ? data.field(key) : data, "Invalid value: \"<secret contents redacted>\": no JSON");
  }
}

void check_secret_type(const Place& secret, Findings& findings) {
  const std::string_view type = secret.field("type").text();
  if (type == "kubernetes.io/tls") {
    require_key(secret, "tls.crt", findings);
    require_key(secret, "tls.key", findings);
  } else if (type == "kubernetes.io/ssh-auth") {
    require_key(secret, "ssh-privatekey", findings);
  } else if (type == "kubernetes.io/basic-auth") {
    if (!contents_of(secret, "username") && !contents_of(secret, "password")) {
      require_key(secret, "username", findings);
      require_key(secret, "password", findings);
    }
  } else if (type == "kubernetes.io/dockercfg") {
    require_json(secret, ".dockercfg", findings);
  } else if (type == "kubernetes.io/dockerconfigjson") {
    require_json(secret, ".dockerconfigjson", findings);
  } else if (type == "kubernetes.io/service-account-token") {
    const Place metadata = secret.field("metadata");
    const Place annotations = metadata.field("annotations");
    const Place account = annotations.field("kubernetes.io/service-account.name");
    if (account.text().empty()) {
      refuse_missing(account, annotations ? "" : "annotations[kubernetes.io/service-account.name]", findings,
                     "name the ServiceAccount");
    }
  }
}

void check_secret(const Place& secret, Findings& findings) {
  const Place texts = secret.field("stringData");
  const Place data = secret.field("data");
  std::size_t size = 0;
  if (texts) {
    for (const YamlEntry& entry : texts.node->entries) {
      size += entry.value->text.size();
    }
  }
  if (data) {
    for (const YamlEntry& entry : data.node->entries) {
      size += texts.field(entry.key) ? 0 : from_base64(entry.value->text).value_or("").size();
    }
  }
  if (size > kContentsMax) {
    findings.error(data ? data : texts,
                   "Too long: must have at most " + std::to_string(kContentsMax) + " bytes");
  }
  check_secret_type(secret, findings);
}

// ---- ServiceAccounts ----------------------------------------------------------------------------
constexpr std::array kSecretNameFields{text("kind"),     text("namespace"),  text("name"),
                                       text("uid"),      text("apiVersion"), text("resourceVersion"),
                                       text("fieldPath")};
constexpr Schema kSecretName{"reference to a Secret", kSecretNameFields};
constexpr std::array kPullSecretFields{text("name")};
constexpr Schema kPullSecret{"reference to a pull secret", kPullSecretFields};
constexpr std::array kServiceAccountFields{
    text("apiVersion"),
    text("kind"),
    object("metadata", kMetadata).required(),
    list("secrets", kSecretName),
    list("imagePullSecrets", kPullSecret),
    boolean("automountServiceAccountToken"),
};

}  // namespace

constexpr Schema kConfigMap{"ConfigMap", kConfigMapFields, check_config_map};
constexpr Schema kSecret{"Secret", kSecretFields, check_secret};
constexpr Schema kServiceAccount{"ServiceAccount", kServiceAccountFields};

}  // namespace labctl::manifest
