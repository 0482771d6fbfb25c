#pragma once

// JSON as it goes over sockets and pipes and into records: one line, without its end. Text that is
// no UTF-8 is written with U+FFFD in the place of each bad byte, so that it never throws, whatever
// a user called something.

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace labctl::api {

std::string json_line(const nlohmann::json& value);

}  // namespace labctl::api
