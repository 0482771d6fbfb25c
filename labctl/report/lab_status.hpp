#pragma once

// What a lab says of itself (GET /lab/v1/status), as `labctl up` and `labctl status` show it.

#include "labctl/report/text/palette.hpp"

#include <nlohmann/json_fwd.hpp>

#include <chrono>
#include <iosfwd>
#include <string>

namespace labctl::report {

// "lab shop is up: 2 nodes, 3 pods, 840ms"
void print_lab_is_up(std::ostream& out, const nlohmann::json& status, const Palette& palette);

// "12 containers of 9 images are stood in for by the built-in server"; empty when there are none.
std::string stand_in_text(const nlohmann::json& status);

// A line for each thing that it says.
void print_lab_status(std::ostream& out, const nlohmann::json& status, const Palette& palette,
                      std::chrono::system_clock::time_point now);

}  // namespace labctl::report
