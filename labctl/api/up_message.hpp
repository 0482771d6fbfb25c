#pragma once

// Waiting until a lab has come up: what is asked of it (POST /lab/v1/up), what it says, and in which words that is
// told. For whoever boots one.

#include "labctl/api/client.hpp"

#include <nlohmann/json_fwd.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace labctl::api {

// {"timeout_ms"}. Throws Error InvalidInput.
std::chrono::milliseconds parse_up_wait(const nlohmann::json& body);

// Objects that are not up, and why.
struct NotUp {
  std::string kind;  // "pod"
  std::string ns;
  std::vector<std::string> names;  // of the first
  std::size_t count = 0;           // of them, all with the same reasons
  std::vector<std::string> reasons;
};

struct UpReply {
  bool is_up = false;
  bool is_settled = false;  // what is left will not come up by itself
  std::size_t pods = 0;
  std::size_t pods_up = 0;
  std::vector<NotUp> left;
  std::size_t more = 0;  // kinds of trouble beyond those
};
UpReply parse_up_reply(const nlohmann::json& body);
// As the reply has them: [{"kind","namespace","names","count","reasons"}].
nlohmann::json to_json(const std::vector<NotUp>& left);

// Waits until the lab is up, settled, or `timeout` is over. When that takes longer than a moment `tell` is called
// with a line that says what is waited for, and again now and then.
// Throws Error: what Client throws.
UpReply wait_until_up(Client& lab, std::chrono::milliseconds timeout,
                      const std::function<void(const std::string&)>& tell);

// "2 of 12 pods", "job default/migrate": what is not up, for "waiting for ..." and "... not ready".
std::string what_is_left(const UpReply& reply);
// A line for each object, or for several alike: "pod default/web-0: Unschedulable: 0/2 nodes are available: ...".
std::vector<std::string> lines_of(const UpReply& reply);

}  // namespace labctl::api
