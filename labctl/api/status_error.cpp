#include "labctl/api/status_error.hpp"

#include "labctl/api/json_line.hpp"

#include <nlohmann/json.hpp>

#include <array>

namespace labctl::api {
namespace {

struct Row {
  ErrorKind kind;
  int status;
  std::string_view reason;
};

// Reasons are those of meta/v1 StatusReason where it has one; the first row of a kind is the one we write.
constexpr std::array kRows{
    Row{ErrorKind::InvalidInput, 422, "Invalid"},
    Row{ErrorKind::NotFound, 404, "NotFound"},
    Row{ErrorKind::AlreadyExists, 409, "AlreadyExists"},
    Row{ErrorKind::Permission, 403, "Forbidden"},
    Row{ErrorKind::Unsupported, 501, "Unsupported"},
    Row{ErrorKind::Timeout, 504, "Timeout"},
    Row{ErrorKind::Busy, 409, "Conflict"},
    Row{ErrorKind::Kernel, 500, "Kernel"},
    Row{ErrorKind::Internal, 500, "InternalError"},
    Row{ErrorKind::InvalidInput, 400, "BadRequest"},
    Row{ErrorKind::InvalidInput, 413, "RequestEntityTooLarge"},
    Row{ErrorKind::InvalidInput, 431, "RequestHeaderFieldsTooLarge"},
    Row{ErrorKind::Timeout, 408, "RequestTimeout"},
    Row{ErrorKind::Unsupported, 405, "MethodNotAllowed"},
    Row{ErrorKind::Busy, 503, "ServiceUnavailable"},
    Row{ErrorKind::Busy, 429, "TooManyRequests"},
    Row{ErrorKind::NotFound, 410, "Expired"},
};

const Row& row_of(ErrorKind kind) {
  for (const Row& row : kRows) {
    if (row.kind == kind) {
      return row;
    }
  }
  return kRows[8];
}

const Row& row_of(int status) {
  for (const Row& row : kRows) {
    if (row.status == status) {
      return row;
    }
  }
  return kRows[8];
}

Response reply_of(const Row& row, const std::string& message, const std::string& hint) {
  nlohmann::json status{{"kind", "Status"},    {"apiVersion", "v1"}, {"metadata", nlohmann::json::object()},
                        {"status", "Failure"}, {"message", message}, {"reason", row.reason},
                        {"code", row.status}};
  if (!hint.empty()) {
    status["details"]["hint"] = hint;
  }
  Response response;
  response.status = row.status;
  response.body = json_line(status) + "\n";
  return response;
}

ErrorKind kind_of(std::string_view reason, int status) {
  for (const Row& row : kRows) {
    if (row.reason == reason) {
      return row.kind;
    }
  }
  for (const Row& row : kRows) {
    if (row.status == status) {
      return row.kind;
    }
  }
  return status < 500 ? ErrorKind::InvalidInput : ErrorKind::Internal;
}

std::string text_at(const nlohmann::json& object, const char* key) {
  const auto it = object.find(key);
  return it != object.end() && it->is_string() ? it->get<std::string>() : std::string{};
}

}  // namespace

Response to_response(const Error& error) {
  return reply_of(row_of(error.kind()), error.message(), error.hint());
}

Response to_response(int status, const std::string& message, const std::string& hint) {
  return reply_of(row_of(status), message, hint);
}

Error to_error(int status, std::string_view body) {
  const nlohmann::json object = nlohmann::json::parse(body, nullptr, false);
  if (!object.is_object() || text_at(object, "kind") != "Status") {
    constexpr size_t kLongest = 400;  // enough to recognise what else answered
    std::string text(body.substr(0, kLongest));
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) {
      text.pop_back();
    }
    return Error(kind_of({}, status), text.empty() ? "HTTP status " + std::to_string(status) : text);
  }
  std::string hint;
  if (const auto details = object.find("details"); details != object.end() && details->is_object()) {
    hint = text_at(*details, "hint");
  }
  std::string message = text_at(object, "message");
  if (message.empty()) {
    message = "HTTP status " + std::to_string(status);
  }
  return Error(kind_of(text_at(object, "reason"), status), std::move(message), std::move(hint));
}

}  // namespace labctl::api
