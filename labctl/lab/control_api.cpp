#include "labctl/lab/control_api.hpp"

#include "labctl/api/lab_requests.hpp"
#include "labctl/api/request_reader.hpp"
#include "labctl/apiserver/apply.hpp"
#include "labctl/apiserver/wait.hpp"
#include "labctl/lab/exec.hpp"
#include "labctl/lab/lab.hpp"
#include "labctl/lab/logs.hpp"
#include "labctl/probing/dns_lookup.hpp"
#include "labctl/probing/probe_lines.hpp"
#include "topology/base/error.hpp"

#include <nlohmann/json.hpp>

#include <utility>

namespace labctl::lab {
namespace {

using api::parse_namespaced_name;
using nlohmann::json;

json parse_body(const api::Request& request) {
  return api::parse_json(request.body.empty() ? "{}" : request.body, request.path + ": body");
}

api::Response reply(const json& body, int status = 200) {
  api::Response response;
  response.status = status;
  response.body = body.dump(-1, ' ', false, json::error_handler_t::replace);
  return response;
}

api::Response on_apply(const apiserver::LabObjects& lab, const api::Request& request) {
  const api::ApplyRequest wanted = api::parse_apply(parse_body(request));
  const json result = apiserver::apply_manifests(lab, wanted);
  bool refused = false;
  for (const json& diagnostic : result["diagnostics"]) {
    refused = refused || diagnostic["severity"] == "error";
  }
  return reply(result, refused ? 422 : 200);
}

api::Response on_delete(const apiserver::LabObjects& lab, const api::Request& request) {
  return reply(apiserver::delete_objects(lab, api::parse_delete(parse_body(request))));
}

std::shared_ptr<const probing::VantageTable> vantages_of(Lab& lab) {
  std::shared_ptr<const probing::VantageTable> table;
  lab.loop().run_here([&] { table = lab.vantages(); });
  return table;
}

api::Response on_probes(Lab& lab, const api::Request& request) {
  api::Response response;
  response.content_type = "application/jsonl";
  response.body = probing::run_probe_lines(lab.engine(), *vantages_of(lab), request.body, request.gone);
  return response;
}

api::Response on_matrix(Lab& lab, const api::Request& request) {
  const api::MatrixRequest wanted = api::parse_matrix(parse_body(request));
  api::Response response;
  response.body = probing::run_matrix(lab.engine(), *vantages_of(lab), wanted, request.gone);
  return response;
}

api::Response on_exec(Lab& lab, const api::Request& request) {
  const api::ExecStart wanted = api::parse_exec(parse_body(request));
  lab.loop().run_here([&] { lab.check_vantage(wanted.from); });
  api::Response response;
  response.upgrade = [&lab, wanted](UniqueFd socket) { serve_exec(lab, wanted, std::move(socket)); };
  return response;
}

// What is programmed for a Service, node by node.
api::Response on_service(Lab& lab, std::string_view path) {
  const api::NamespacedName service = parse_namespaced_name(path, "Service");
  json body;
  lab.loop().run_here([&] { body = lab.data_path().describe({service.ns, service.name}); });
  return reply(body);
}

// What DNS says of a name, as a pod of that namespace would look it up.
api::Response on_dns(Lab& lab, std::string_view path, const Cancel* gone) {
  const api::NamespacedName wanted = parse_namespaced_name(path, "DNS");
  std::shared_ptr<const probing::VantageTable> table;
  probing::Resolver resolver;
  lab.loop().run_here([&] {
    table = lab.vantages();
    resolver = lab.cluster_resolver(wanted.ns);
  });
  return reply(probing::look_up_dns(lab.engine(), *table, resolver, wanted.ns, wanted.name, gone));
}

api::Response on_status(Lab& lab, json (Lab::*what)() const) {
  json body;
  lab.loop().run_here([&] { body = (lab.*what)(); });
  return reply(body);
}

}  // namespace

ControlApi::ControlApi(Lab& lab, std::function<void()> shut_down)
    : lab_(lab),
      shut_down_(std::move(shut_down)),
      objects_{lab.objects(), lab.services(), lab.cluster(),
               [&lab](const std::function<void()>& work) { lab.loop().run_here(work); },
               [&lab](std::function<void()> work) { lab.loop().post(std::move(work)); }},
      resources_(lab.objects(), {objects_.run_on_owner, [this] { return apiserver::object_check(objects_); },
                                 &lab.services(),
                                 [this](const store::Key& key) { apiserver::check_room(objects_, key); }}) {}

api::Response ControlApi::answer(const api::Request& request) {
  if (request.path.starts_with("/lab/v1/")) {
    try {
      return on_lab(request);
    } catch (const json::exception& error) {
      // Only what a client sent is JSON of unknown shape here: it is no good, whoever noticed.
      throw Error(ErrorKind::InvalidInput, request.path + ": " + error.what());
    }
  }
  if (request.path == "/version") {
    return reply({{"gitVersion", "v" LABCTL_VERSION}, {"platform", "linux"}});
  }
  return resources_.answer(request);
}

api::Response ControlApi::on_lab(const api::Request& request) {
  const std::string route = request.method + " " + request.path.substr(std::string("/lab/v1/").size());
  if (route == "GET status") {
    return on_status(lab_, &Lab::status);
  }
  if (route == "GET graph") {
    return on_status(lab_, &Lab::graph);
  }
  constexpr std::string_view kProgrammed = "GET services/";
  if (route.starts_with(kProgrammed)) {
    return on_service(lab_, route.substr(kProgrammed.size()));
  }
  constexpr std::string_view kDns = "GET dns/";
  if (route.starts_with(kDns)) {
    return on_dns(lab_, route.substr(kDns.size()), request.gone);
  }
  if (route == "POST resync") {
    json body;
    lab_.loop().run_here([&] { body["mended"] = lab_.data_path().resync(); });
    return reply(body);
  }
  if (route == "POST repair") {
    json found;
    lab_.loop().run_here([&] { found = lab_.repair(); });
    return reply(found);
  }
  if (route == "GET logs") {
    return serve_logs(lab_, request);
  }
  if (route == "POST apply") {
    return on_apply(objects_, request);
  }
  if (route == "POST delete") {
    return on_delete(objects_, request);
  }
  if (route == "POST probes") {
    return on_probes(lab_, request);
  }
  if (route == "POST matrix") {
    return on_matrix(lab_, request);
  }
  if (route == "POST wait") {
    return reply(apiserver::wait_for(objects_, api::parse_wait(parse_body(request)), request.gone));
  }
  if (route == "POST exec") {
    return on_exec(lab_, request);
  }
  if (route == "POST shutdown") {
    // The reply goes out first: after it there is nobody to send one.
    api::Response response = reply({{"status", "ending"}}, 202);
    response.after = shut_down_;
    return response;
  }
  throw Error(ErrorKind::NotFound, request.method + " " + request.path + ": no such resource");
}

}  // namespace labctl::lab
