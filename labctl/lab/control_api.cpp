#include "labctl/lab/control_api.hpp"

#include "labctl/api/json_line.hpp"
#include "labctl/api/lab_requests.hpp"
#include "labctl/api/request_reader.hpp"
#include "labctl/api/up_message.hpp"
#include "labctl/apiserver/apply.hpp"
#include "labctl/apiserver/delete_objects.hpp"
#include "labctl/apiserver/wait.hpp"
#include "labctl/lab/exec.hpp"
#include "labctl/lab/lab.hpp"
#include "labctl/lab/logs.hpp"
#include "labctl/lab/up_wait.hpp"
#include "labctl/probing/dns_lookup.hpp"
#include "labctl/probing/matrix_run.hpp"
#include "labctl/probing/probe_lines.hpp"
#include "topology/base/error.hpp"

#include <nlohmann/json.hpp>

#include <string>
#include <string_view>
#include <utility>

namespace labctl::lab {
namespace {

using api::parse_namespaced_name;
using nlohmann::json;

constexpr std::string_view kLabPrefix = "/lab/v1/";

json parse_body(const api::Request& request) {
  return api::parse_json(request.body.empty() ? "{}" : request.body, request.path + ": body");
}

api::Response reply(const json& body, int status = 200) {
  api::Response response;
  response.status = status;
  response.body = api::json_line(body);
  return response;
}

std::shared_ptr<const probing::VantageTable> vantages_of(Lab& lab) {
  std::shared_ptr<const probing::VantageTable> table;
  lab.loop().run_here([&] { table = lab.vantages(); });
  return table;
}

// What the lab says on its own thread.
template <typename Answer>
api::Response reply_of(Lab& lab, Answer answer) {
  json body;
  lab.loop().run_here([&] { body = answer(); });
  return reply(body);
}

}  // namespace

ControlApi::ControlApi(Lab& lab, std::function<void()> shut_down)
    : lab_(lab),
      shut_down_(std::move(shut_down)),
      objects_{lab.objects(), lab.allocation(), lab.cluster(),
               [&lab](const std::function<void()>& work) { lab.loop().run_here(work); },
               [&lab](std::function<void()> work) { lab.loop().post(std::move(work)); }},
      resources_(lab.objects(), {objects_.run_on_owner, [this] { return apiserver::object_check(objects_); },
                                 &lab.allocation(),
                                 [this](const store::Key& key) { apiserver::check_room(objects_, key); }}) {}

api::Response ControlApi::answer(const api::Request& request) {
  if (request.path.starts_with(kLabPrefix)) {
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

// A path that ends in "/" is the beginning of one: `rest` is what stands behind it.
struct ControlApi::Route {
  std::string_view method;
  std::string_view path;
  api::Response (ControlApi::*answer)(const api::Request& request, std::string_view rest);
};

api::Response ControlApi::on_lab(const api::Request& request) {
  static constexpr Route kRoutes[] = {
      {"GET", "status", &ControlApi::status},
      {"GET", "graph", &ControlApi::graph},
      {"GET", "services/", &ControlApi::service},
      {"GET", "dns/", &ControlApi::dns},
      {"GET", "logs", &ControlApi::logs},
      {"POST", "apply", &ControlApi::apply},
      {"POST", "delete", &ControlApi::remove},
      {"POST", "wait", &ControlApi::wait},
      {"POST", "probes", &ControlApi::probes},
      {"POST", "matrix", &ControlApi::matrix},
      {"POST", "exec", &ControlApi::exec},
      {"POST", "resync", &ControlApi::resync},
      {"POST", "repair", &ControlApi::repair},
      {"POST", "shutdown", &ControlApi::shutdown},
      {"POST", "up", &ControlApi::up},
  };
  const std::string_view path = std::string_view(request.path).substr(kLabPrefix.size());
  for (const Route& route : kRoutes) {
    const bool is_here = route.path.ends_with('/') ? path.starts_with(route.path) : path == route.path;
    if (is_here && request.method == route.method) {
      return (this->*route.answer)(request, path.substr(route.path.size()));
    }
  }
  throw Error(ErrorKind::NotFound, request.method + " " + request.path + ": no such resource");
}

// ---- Objects -----------------------------------------------------------------------------------------

api::Response ControlApi::apply(const api::Request& request, std::string_view) {
  const api::ApplyRequest wanted = api::parse_apply(parse_body(request));
  const json result = apiserver::apply_manifests(objects_, wanted);
  bool refused = false;
  for (const json& diagnostic : result["diagnostics"]) {
    refused = refused || diagnostic["severity"] == "error";
  }
  return reply(result, refused ? 422 : 200);
}

api::Response ControlApi::remove(const api::Request& request, std::string_view) {
  return reply(apiserver::delete_objects(objects_, api::parse_delete(parse_body(request))));
}

api::Response ControlApi::wait(const api::Request& request, std::string_view) {
  return reply(apiserver::wait_for(objects_, api::parse_wait(parse_body(request)), request.gone));
}

// ---- Places ------------------------------------------------------------------------------------------

api::Response ControlApi::probes(const api::Request& request, std::string_view) {
  api::Response response;
  response.content_type = "application/jsonl";
  response.body = probing::run_probe_lines(lab_.engine(), *vantages_of(lab_), request.body, request.gone);
  return response;
}

api::Response ControlApi::matrix(const api::Request& request, std::string_view) {
  const api::MatrixRequest wanted = api::parse_matrix(parse_body(request));
  api::Response response;
  response.body = api::to_text(probing::run_matrix(lab_.engine(), *vantages_of(lab_), wanted, request.gone),
                               request.gone);
  return response;
}

// What DNS says of a name, as a pod of that namespace would look it up.
api::Response ControlApi::dns(const api::Request& request, std::string_view rest) {
  const api::NamespacedName wanted = parse_namespaced_name(rest, "DNS");
  std::shared_ptr<const probing::VantageTable> table;
  probing::Resolver resolver;
  lab_.loop().run_here([&] {
    table = lab_.vantages();
    resolver = lab_.cluster_resolver(wanted.ns);
  });
  return reply(probing::look_up_dns(lab_.engine(), *table, resolver, wanted.ns, wanted.name, request.gone));
}

api::Response ControlApi::exec(const api::Request& request, std::string_view) {
  const api::ExecStart wanted = api::parse_exec(parse_body(request));
  lab_.loop().run_here([&] { lab_.check_vantage(wanted.from); });
  api::Response response;
  response.upgrade = [&lab = lab_, wanted](UniqueFd socket) { serve_exec(lab, wanted, std::move(socket)); };
  return response;
}

api::Response ControlApi::logs(const api::Request& request, std::string_view) {
  return serve_logs(lab_, request);
}

// ---- The lab -----------------------------------------------------------------------------------------

api::Response ControlApi::status(const api::Request&, std::string_view) {
  return reply_of(lab_, [&] { return lab_.status(); });
}

api::Response ControlApi::graph(const api::Request&, std::string_view) {
  return reply_of(lab_, [&] { return lab_.graph(); });
}

// What is programmed for a Service, node by node.
api::Response ControlApi::service(const api::Request&, std::string_view rest) {
  const api::NamespacedName service = parse_namespaced_name(rest, "Service");
  return reply_of(lab_, [&] { return lab_.service_proxy().describe({service.ns, service.name}); });
}

api::Response ControlApi::up(const api::Request& request, std::string_view) {
  return reply(wait_until_up(lab_, api::parse_up_wait(parse_body(request)), request.gone));
}

api::Response ControlApi::resync(const api::Request&, std::string_view) {
  return reply_of(lab_, [&] { return json{{"mended", lab_.service_proxy().resync()}}; });
}

api::Response ControlApi::repair(const api::Request&, std::string_view) {
  return reply_of(lab_, [&] { return lab_.repair(); });
}

api::Response ControlApi::shutdown(const api::Request&, std::string_view) {
  // The reply goes out first: after it there is nobody to send one.
  api::Response response = reply({{"status", "ending"}}, 202);
  response.after = shut_down_;
  return response;
}

}  // namespace labctl::lab
