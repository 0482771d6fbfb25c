#include "labctl/supervisor/boot_report.hpp"

#include "labctl/api/json_line.hpp"
#include "labctl/objects/fields.hpp"

#include <array>

namespace labctl::supervisor {
namespace {

using objects::text_at;

constexpr std::array kKinds{ErrorKind::InvalidInput, ErrorKind::NotFound,    ErrorKind::AlreadyExists,
                            ErrorKind::Permission,   ErrorKind::Unsupported, ErrorKind::Timeout,
                            ErrorKind::Busy,         ErrorKind::Kernel,      ErrorKind::Internal};

ErrorKind kind_named(const std::string& name) {
  for (const ErrorKind kind : kKinds) {
    if (to_string(kind) == name) {
      return kind;
    }
  }
  return ErrorKind::Internal;
}

}  // namespace

std::string write_boot_report(const nlohmann::json& status) {
  return api::json_line(nlohmann::json{{"status", status}}) + "\n";
}

std::string write_boot_report(const Error& failure) {
  const nlohmann::json error{
      {"kind", to_string(failure.kind())}, {"message", failure.message()}, {"hint", failure.hint()}};
  return api::json_line(nlohmann::json{{"error", error}}) + "\n";
}

BootReport parse_boot_report(const std::string& text) {
  BootReport report;
  const nlohmann::json json = nlohmann::json::parse(text, nullptr, false);
  if (json.is_object() && json.contains("status")) {
    report.status = json["status"];
  } else if (json.is_object() && json.contains("error") && !text_at(json["error"], "message").empty()) {
    const nlohmann::json& error = json["error"];
    report.failure =
        Error(kind_named(text_at(error, "kind")), text_at(error, "message"), text_at(error, "hint"));
  } else {
    report.failure = Error(ErrorKind::Kernel, "boot: the lab's supervisor was killed before it was ready");
  }
  return report;
}

}  // namespace labctl::supervisor
