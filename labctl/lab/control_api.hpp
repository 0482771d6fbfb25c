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
#include <string_view>
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
  struct Route;
  api::Response on_lab(const api::Request& request);

  // What stands in the table of routes, each with what is left of the path.
  api::Response apply(const api::Request& request, std::string_view rest);
  api::Response remove(const api::Request& request, std::string_view rest);
  api::Response wait(const api::Request& request, std::string_view rest);
  api::Response probes(const api::Request& request, std::string_view rest);
  api::Response matrix(const api::Request& request, std::string_view rest);
  api::Response dns(const api::Request& request, std::string_view rest);
  api::Response exec(const api::Request& request, std::string_view rest);
  api::Response logs(const api::Request& request, std::string_view rest);
  api::Response status(const api::Request& request, std::string_view rest);
  api::Response graph(const api::Request& request, std::string_view rest);
  api::Response service(const api::Request& request, std::string_view rest);
  api::Response up(const api::Request& request, std::string_view rest);
  api::Response resync(const api::Request& request, std::string_view rest);
  api::Response repair(const api::Request& request, std::string_view rest);
  api::Response shutdown(const api::Request& request, std::string_view rest);

  Lab& lab_;
  std::function<void()> shut_down_;
  apiserver::LabObjects objects_;
  apiserver::ResourceApi resources_;
};

}  // namespace labctl::lab
