#pragma once

// What is wrong with an object, worded as the Kubernetes API server does (apimachinery, field.Error), so that
// it reads as kubectl's users know it. All mistakes are collected before any is thrown.

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace labctl::objects {

// "spec.type: Invalid value: "X": why"; a list of texts reads []string{"a", "b"}.
std::string invalid_value(std::string_view path, const nlohmann::json& value, std::string_view why);

class FieldErrors {
 public:
  // As invalid_value().
  void invalid(std::string_view path, const nlohmann::json& value, std::string_view why);
  // "spec.clusterIP: Internal error: why": the field is right, and still it cannot be.
  void internal(std::string_view path, std::string_view why);
  bool empty() const { return errors_.empty(); }
  // Throws Error InvalidInput: Service "web" is invalid: first; second.
  void throw_if_any(std::string_view kind, std::string_view name) const;

 private:
  std::vector<std::string> errors_;
};

}  // namespace labctl::objects
