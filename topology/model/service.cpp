#include "topology/model/service.hpp"

namespace labctl::model {

std::string to_string(const ServiceKey& key) { return key.ns + "/" + key.name; }

}  // namespace labctl::model
