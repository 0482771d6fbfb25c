#include "labctl/kubelet/pod_config.hpp"

#include "labctl/objects/fields.hpp"
#include "topology/base/base64.hpp"
#include "topology/base/error.hpp"
#include "topology/base/quantity.hpp"

#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace labctl::kubelet {
namespace {

using nlohmann::json;

// C_IDENTIFIER with '-' and '.', as the API server's strict rule has it.
bool is_variable_name(const std::string& name) {
  const auto fits = [](unsigned char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' ||
           c == '-' || c == '.';
  };
  return !name.empty() && (name.front() < '0' || name.front() > '9') && name != "." &&
         !name.starts_with("..") && std::all_of(name.begin(), name.end(), fits);
}

const model::Container* container_named(const model::Pod& pod, const std::string& name) {
  for (const auto* list : {&pod.containers, &pod.init_containers}) {
    for (const model::Container& container : *list) {
      if (container.name == name) {
        return &container;
      }
    }
  }
  return nullptr;
}

const std::string* amount(const std::map<std::string, std::string>& amounts, const std::string& resource) {
  const auto found = amounts.find(resource);
  return found == amounts.end() ? nullptr : &found->second;
}

}  // namespace

Config::Config(const FindObject& find, bool is_secret, const std::string& ns, const std::string& name)
    : is_secret_(is_secret),
      name_(name),
      object_(find ? find({is_secret ? "secrets" : "configmaps", ns, name}) : nullptr) {}

std::optional<std::string> Config::value(const std::string& key) const {
  if (object_ == nullptr) {
    return std::nullopt;
  }
  for (const char* list : {"data", "binaryData"}) {
    const json* values = objects::field(*object_, list);
    const auto found = values == nullptr || !values->is_object() ? json::const_iterator() : values->find(key);
    if (values != nullptr && values->is_object() && found != values->end() && found->is_string()) {
      const auto& text = found->get_ref<const std::string&>();
      const bool is_plain = !is_secret_ && std::string_view(list) == "data";
      return is_plain ? text : from_base64(text).value_or("");
    }
  }
  return std::nullopt;
}

std::map<std::string, std::string> Config::all() const {
  std::map<std::string, std::string> out;
  for (const char* list : {"data", "binaryData"}) {
    const json* values = object_ == nullptr ? nullptr : objects::field(*object_, list);
    if (values != nullptr && values->is_object()) {
      for (const auto& [key, text] : values->items()) {
        if (auto bytes = value(key)) {
          out.emplace(key, std::move(*bytes));
        }
      }
    }
  }
  return out;
}

std::string Config::not_found() const {
  return std::string(is_secret_ ? "secret" : "configmap") + " \"" + name_ + "\" not found";
}

std::optional<std::string> key_value(const FindObject& find, const std::string& ns,
                                     const model::ConfigKey& key) {
  const Config config(find, key.is_secret, ns, key.name);
  std::optional<std::string> value = config.value(key.key);
  if (value || key.is_optional) {
    return value;
  }
  if (!config.exists()) {
    throw Error(ErrorKind::NotFound, config.not_found());
  }
  throw Error(ErrorKind::NotFound, "couldn't find key " + key.key + " in " +
                                       (key.is_secret ? "Secret " : "ConfigMap ") + ns + "/" + key.name);
}

std::vector<std::pair<std::string, std::string>> variables_from(const FindObject& find, const std::string& ns,
                                                                const model::EnvFrom& from,
                                                                std::vector<std::string>& skipped) {
  const Config config(find, from.is_secret, ns, from.name);
  if (!config.exists() && !from.is_optional) {
    throw Error(ErrorKind::NotFound, config.not_found());
  }
  std::vector<std::pair<std::string, std::string>> out;
  std::string bad;
  for (auto& [key, value] : config.all()) {
    const std::string name = from.prefix + key;
    // The kernel's variables end at a NUL.
    if (is_variable_name(name) && value.find('\0') == std::string::npos) {
      out.emplace_back(name, std::move(value));
    } else {
      bad += (bad.empty() ? "" : ", ") + key;
    }
  }
  if (!bad.empty()) {
    skipped.push_back("Keys [" + bad + "] from the EnvFrom " + (from.is_secret ? "secret " : "configMap ") +
                      ns + "/" + from.name +
                      " were skipped since they are considered invalid environment variable names.");
  }
  return out;
}

std::string resource_value(const model::Pod& pod, const model::Container& asking,
                           const model::ResourceField& field, const Allocatable& node) {
  const model::Container* container =
      field.container.empty() ? &asking : container_named(pod, field.container);
  if (container == nullptr) {
    throw Error(ErrorKind::InvalidInput, "container " + field.container + " not found");
  }
  const std::size_t dot = field.resource.find('.');
  const std::string resource = dot == std::string::npos ? "" : field.resource.substr(dot + 1);
  const bool is_limit = field.resource.starts_with("limits.");
  if (resource.empty() || (!is_limit && !field.resource.starts_with("requests."))) {
    throw Error(ErrorKind::InvalidInput, "unsupported container resource : " + field.resource);
  }
  const std::string* found = is_limit ? nullptr : amount(container->resources.requests, resource);
  if (found == nullptr) {
    found = amount(container->resources.limits, resource);
  }
  if (found == nullptr && is_limit) {
    found = amount(node, resource);
  }
  const auto value = parse_milli_quantity(found == nullptr ? "0" : *found);
  const bool has_divisor = !field.divisor.empty() && field.divisor != "0";
  const auto divisor = parse_milli_quantity(has_divisor ? field.divisor : "1");
  if (!value || !divisor || *divisor <= 0) {
    throw Error(ErrorKind::InvalidInput, field.resource + ": no amount in units of " + field.divisor);
  }
  return std::to_string(*value / *divisor + (*value % *divisor > 0 ? 1 : 0));
}

Allocatable allocatable_of(const FindObject& find, const std::string& node) {
  Allocatable out;
  const store::ObjectPtr object = find ? find({"nodes", "", node}) : nullptr;
  const json* said = object == nullptr ? nullptr : objects::field(*object, "status.allocatable");
  if (said != nullptr && said->is_object()) {
    for (const auto& [resource, amount] : said->items()) {
      out[resource] = amount.is_string() ? amount.get<std::string>() : amount.dump();
    }
  }
  out.emplace("cpu", std::to_string(::sysconf(_SC_NPROCESSORS_ONLN)));
  out.emplace("memory",
              std::to_string(static_cast<long long>(::sysconf(_SC_PHYS_PAGES)) * ::sysconf(_SC_PAGESIZE)));
  return out;
}

}  // namespace labctl::kubelet
