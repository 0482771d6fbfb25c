#pragma once

// What ConfigMaps, Secrets, the pod's own object and its node tell its containers, as values: for variables and
// for files. Messages about what is missing are the kubelet's.

#include "labctl/store/store.hpp"
#include "topology/model/pod.hpp"
#include "topology/model/volume.hpp"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace labctl::kubelet {

using FindObject = std::function<store::ObjectPtr(const store::Key&)>;

// Quantities by resource, "cpu" and "memory": what a container without a limit may use.
using Allocatable = std::map<std::string, std::string>;

// One ConfigMap or Secret, which may not be there.
class Config {
 public:
  Config(const FindObject& find, bool is_secret, const std::string& ns, const std::string& name);

  bool exists() const { return object_ != nullptr; }
  // The bytes of a key, of a Secret decoded; nothing without it.
  std::optional<std::string> value(const std::string& key) const;
  // All of them, by key.
  std::map<std::string, std::string> all() const;
  // configmap "app" not found
  std::string not_found() const;

 private:
  bool is_secret_;
  std::string name_;
  store::ObjectPtr object_;
};

// The value of a variable that asks for a key; nothing when it is optional and not there.
// Throws Error: NotFound: configmap "app" not found; couldn't find key port in ConfigMap shop/app.
std::optional<std::string> key_value(const FindObject& find, const std::string& ns,
                                     const model::ConfigKey& key);

// The variables of an envFrom, by name. Keys that are no names of variables are appended to `skipped`.
// Throws Error: NotFound.
std::vector<std::pair<std::string, std::string>> variables_from(const FindObject& find, const std::string& ns,
                                                                const model::EnvFrom& from,
                                                                std::vector<std::string>& skipped);

// limits.cpu and the like in units of the divisor, rounded up; of a container without the limit what the node
// has, without the request its limit, else 0. Throws Error: InvalidInput for a container or divisor that is none.
std::string resource_value(const model::Pod& pod, const model::Container& asking,
                           const model::ResourceField& field, const Allocatable& node);

// What the node's object says, and where it says nothing what this host has.
Allocatable allocatable_of(const FindObject& find, const std::string& node);

}  // namespace labctl::kubelet
