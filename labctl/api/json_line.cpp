#include "labctl/api/json_line.hpp"

#include <nlohmann/json.hpp>

namespace labctl::api {

std::string json_line(const nlohmann::json& value) {
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace labctl::api
