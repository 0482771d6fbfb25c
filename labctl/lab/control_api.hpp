#pragma once

// The control socket's requests, by path: /lab/v1/... for what Kubernetes has no word for, /api and /apis for
// objects.
//
// Threads: answer() on any connection's thread.

#include "labctl/api/http.hpp"
#include "labctl/apiserver/lab_objects.hpp"
#include "labctl/apiserver/resource_api.hpp"

#include <functional>
#include <string>
#include <vector>

namespace labctl::lab {

class Lab;

class ControlApi {
 public:
  // What is to be answered however many other requests there are (api::ServerLimits::always).
  static std::vector<std::string> always() { return {"GET /lab/v1/status", "POST /lab/v1/shutdown"}; }

  // `shut_down` asks the supervisor to end the lab; it returns at once. Both must outlive this.
  ControlApi(Lab& lab, std::function<void()> shut_down);

  // Throws Error, which the server turns into a Status object.
  api::Response answer(const api::Request& request);

 private:
  api::Response on_lab(const api::Request& request);

  Lab& lab_;
  std::function<void()> shut_down_;
  apiserver::LabObjects objects_;
  apiserver::ResourceApi resources_;
};

}  // namespace labctl::lab
