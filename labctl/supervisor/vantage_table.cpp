#include "labctl/supervisor/vantage_table.hpp"

#include "labctl/api/nearest.hpp"
#include "labctl/controllers/objects.hpp"
#include "topology/base/error.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <string_view>

namespace labctl::supervisor {

void VantageTable::add(Place place) {
  UniqueFd fd(::fcntl(place.netns_fd, F_DUPFD_CLOEXEC, 0));
  if (!fd) {
    throw Error::from_errno(errno, place.id + ": duplicate its network namespace",
                            "raise the limit of open files: ulimit -n");
  }
  place.netns_fd = fd.get();
  const std::size_t index = places_.size();
  by_id_.emplace(place.id, index);
  for (const IpAddress& address : place.addresses) {
    if (!place.on_host_network) {
      by_address_.emplace(address, index);
    }
  }
  vantages_.push_back({place.id, fd.get(), place.addresses});
  places_.push_back(std::move(place));
  fds_.push_back(std::move(fd));
}

const Place* VantageTable::find(const std::string& id) const {
  const auto found = by_id_.find(id);
  return found != by_id_.end() ? &places_[found->second] : nullptr;
}

const engine::Vantage& VantageTable::vantage(const std::string& id) const {
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) {
    std::vector<std::string_view> ids;
    for (const Place& place : places_) {
      ids.push_back(place.id);
    }
    const std::string near = api::nearest(id, ids);
    throw Error(ErrorKind::NotFound, "\"" + id + "\": no such place in this lab",
                near.empty() ? "name it as pod/NAMESPACE/NAME, node/NAME or outside/NAME"
                             : "did you mean " + near + "?");
  }
  return vantages_[found->second];
}

const nlohmann::json& VantageTable::service(const std::string& ns, const std::string& name) const {
  const auto name_of = [](const store::ObjectPtr& object) {
    return std::pair(std::string_view(controllers::namespace_of(*object)),
                     std::string_view(controllers::name_of(*object)));
  };
  const std::pair<std::string_view, std::string_view> wanted(ns, name);
  const auto found =
      std::lower_bound(services_.begin(), services_.end(), wanted,
                       [&](const auto& object, const auto& key) { return name_of(object) < key; });
  if (found != services_.end() && name_of(*found) == wanted) {
    return **found;
  }
  std::vector<std::string> ids;
  for (const store::ObjectPtr& object : services_) {
    ids.push_back(controllers::namespace_of(*object) + "/" + controllers::name_of(*object));
  }
  const std::string near =
      api::nearest(ns + "/" + name, std::vector<std::string_view>(ids.begin(), ids.end()));
  throw Error(ErrorKind::NotFound, "services \"" + name + "\" not found in the namespace " + ns,
              near.empty() ? "labctl get svc -A shows them" : "did you mean svc/" + near + "?");
}

const std::string& VantageTable::owner_of(const IpAddress& address) const {
  static const std::string nobody;
  const auto found = by_address_.find(address);
  return found != by_address_.end() ? places_[found->second].id : nobody;
}

}  // namespace labctl::supervisor
