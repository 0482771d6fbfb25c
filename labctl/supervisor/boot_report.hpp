#pragma once

// What the supervisor tells the command when it has booted, or why it has
// not: one line of JSON through a pipe.

#include "topology/base/error.hpp"

#include <nlohmann/json.hpp>

#include <optional>
#include <string>

namespace labctl::supervisor {

struct BootReport {
  nlohmann::json status;  // as GET /lab/v1/status
  std::optional<Error> failure;
};

std::string write_boot_report(const nlohmann::json& status);
std::string write_boot_report(const Error& failure);
// Text that is no report (a supervisor that died) becomes a failure.
BootReport parse_boot_report(const std::string& text);

}  // namespace labctl::supervisor
