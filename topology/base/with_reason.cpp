#include "topology/base/with_reason.hpp"

namespace labctl {

std::string with_reason(std::string message) {
  constexpr const char* kNone = "no reason was given";
  message.erase(message.find_last_not_of(" \t\r\n") + 1);
  if (message.empty()) {
    return kNone;
  }
  return message.ends_with(':') ? message + " " + kNone : message;
}

}  // namespace labctl
