#include "labctl/scenario/refusal.hpp"

#include "topology/base/error.hpp"

namespace labctl::scenario {
namespace {

using nlohmann::json;

// What differs between two states, as pointers: "/api/v1/.../web: /spec/clusterIP".
std::string changes_between(const json& before, const json& after) {
  std::string text;
  for (const auto& [path, object] : after.items()) {
    const json changes = json::diff(before[path], object);
    for (const json& change : changes) {
      text += (text.empty() ? "" : ", ") + path + ": " + change["path"].get<std::string>();
    }
  }
  return text;
}

}  // namespace

json written_state(Context& context, const std::vector<std::string>& paths, bool with_status) {
  json state = json::object();
  for (const std::string& path : paths) {
    const api::Reply reply = context.lab.send("GET", path);
    json& object = state[path] = nullptr;
    if (reply.status == 404) {
      continue;
    }
    object = reply.json();
    if (reply.is_error()) {
      throw Error(ErrorKind::Internal, "GET " + path + ": " + object.value("message", "refused"));
    }
    object["metadata"].erase("resourceVersion");
    if (!with_status) {
      object.erase("status");
    }
  }
  return state;
}

Attempt check_refusal(const json& expect, const std::string& message, const json& before, const json& after) {
  Attempt attempt;
  const json& refused = expect["refused"];
  const json text = refused.is_string() ? json{{"contains", refused}} : refused;
  if (message.empty()) {
    attempt.fail("a refusal", "that it was accepted");
  } else {
    api::parse_text_expectation(text, "expect.refused").judge("a refusal", message, attempt);
  }
  if (const std::string changes = changes_between(before, after); !changes.empty()) {
    attempt.fail("no change", "changes of " + changes);
  }
  return attempt;
}

}  // namespace labctl::scenario
