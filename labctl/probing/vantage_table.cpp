#include "labctl/probing/vantage_table.hpp"

#include "labctl/objects/fields.hpp"
#include "topology/base/error.hpp"
#include "topology/base/nearest.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>

namespace labctl::probing {

std::shared_ptr<const VantageTable> VantageTable::with_services(
    std::vector<store::ObjectPtr> services) const {
  const auto table = std::make_shared<VantageTable>(*this);
  table->services_ = std::move(services);
  return table;
}

const VantageTable::Index& VantageTable::index() const {
  std::call_once(places_->is_indexed, [this] {
    Index& index = places_->index;
    index.vantages.reserve(places().size());
    index.by_id.reserve(places().size());
    for (std::size_t i = 0; i < places().size(); ++i) {
      const Place& place = *places()[i];
      index.vantages.push_back({place.id, place.netns->get(), place.addresses});
      index.by_id.emplace(place.id, i);
      if (!place.on_host_network) {
        for (const IpAddress& address : place.addresses) {
          index.by_address.emplace(address, i);
        }
      }
    }
  });
  return places_->index;
}

const Place* VantageTable::find(const std::string& id) const {
  const auto found = index().by_id.find(id);
  return found != index().by_id.end() ? places()[found->second].get() : nullptr;
}

std::size_t VantageTable::position_of(const std::string& id) const {
  const auto found = index().by_id.find(id);
  if (found == index().by_id.end()) {
    std::vector<std::string_view> ids;
    for (const PlacePtr& place : places()) {
      ids.push_back(place->id);
    }
    std::string near = model::nearest_place(id, ids);
    if (near.empty()) {
      near = nearest(id, ids);
    }
    throw Error(ErrorKind::NotFound, "\"" + id + "\": no such place in this lab",
                near.empty() ? "name it as pod/NAMESPACE/NAME, node/NAME or outside/NAME"
                             : "did you mean " + near + "?");
  }
  return found->second;
}

const engine::Vantage& VantageTable::vantage(const std::string& id) const {
  return index().vantages[position_of(id)];
}

const Place& VantageTable::place(const std::string& id) const { return *places()[position_of(id)]; }

const nlohmann::json& VantageTable::service(const std::string& ns, const std::string& name) const {
  const auto name_of = [](const store::ObjectPtr& object) {
    return std::pair(std::string_view(objects::namespace_of(*object)),
                     std::string_view(objects::name_of(*object)));
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
    ids.push_back(objects::namespace_of(*object) + "/" + objects::name_of(*object));
  }
  const std::string near = nearest(ns + "/" + name, std::vector<std::string_view>(ids.begin(), ids.end()));
  throw Error(ErrorKind::NotFound, "services \"" + name + "\" not found in the namespace " + ns,
              near.empty() ? "labctl get svc -A shows them" : "did you mean svc/" + near + "?");
}

const std::string& VantageTable::owner_of(const IpAddress& address) const {
  static const std::string nobody;
  const auto found = index().by_address.find(address);
  return found != index().by_address.end() ? places()[found->second]->id : nobody;
}

}  // namespace labctl::probing
