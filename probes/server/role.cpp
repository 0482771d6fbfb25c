#include "probes/server/role.hpp"

#include "probes/server/agnhost_roles.hpp"
#include "topology/model/host_programs.hpp"

#include <string_view>

namespace labctl::server {
namespace {

std::string_view file_name(std::string_view path) {
  const auto slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

Role declared_ports(const RoleRequest& request, Service http) {
  Role role{.name = "declared ports"};
  for (const model::ContainerPort& port : request.ports) {
    const bool tcp = port.protocol == model::Protocol::Tcp;
    Endpoint endpoint{
        .protocol = port.protocol, .port = port.container_port, .service = tcp ? http : Service::NetexecText};
    // The API allows one port to be declared twice, under two names.
    bool known = false;
    for (const Endpoint& other : role.endpoints) {
      known = known || other == endpoint;
    }
    if (!known) {
      role.banner.push_back("Serving " + std::string(to_string(port.protocol)) + " port " +
                            std::to_string(port.container_port) + " with the built-in server");
      role.endpoints.push_back(std::move(endpoint));
    }
  }
  if (role.endpoints.empty()) {
    role.banner.push_back("No declared ports: waiting");
  }
  return role;
}

}  // namespace

bool speaks_http(Service service) {
  switch (service) {
    case Service::NetexecHttp:
    case Service::StandInHttp:
    case Service::FixedHttp:
    case Service::StatusHttp:
    case Service::MethodHttp:
    case Service::HostnameHttp:
    case Service::NoSnatHttp:
      return true;
    case Service::NetexecText:
    case Service::FixedText:
    case Service::HostnameText:
    case Service::ResetAfterOne:
      return false;
  }
  return false;
}

Role role_of(const RoleRequest& request) {
  if (!model::is_agnhost(request.image)) {
    return declared_ports(request, Service::StandInHttp);
  }
  std::vector<std::string> words = request.command;
  if (!words.empty()) {
    // A command replaces the image's entry point; another program than agnhost
    // is one the image does not have here.
    const std::string_view program = file_name(words.front());
    if (program != "agnhost" && program != "pause") {
      return declared_ports(request, Service::StandInHttp);
    }
    words.erase(words.begin());
  }
  if (model::short_image_name(request.image) == "pause") {
    return agnhost_role({"pause"}, request);
  }
  words.insert(words.end(), request.args.begin(), request.args.end());
  return agnhost_role(words, request);
}

}  // namespace labctl::server
