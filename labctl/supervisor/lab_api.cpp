#include "labctl/supervisor/lab_api.hpp"

#include "labctl/supervisor/apply_service.hpp"
#include "labctl/supervisor/dns_lookup.hpp"
#include "labctl/supervisor/exec_service.hpp"
#include "labctl/supervisor/lab.hpp"
#include "labctl/supervisor/log_service.hpp"
#include "labctl/supervisor/probe_service.hpp"
#include "labctl/supervisor/wait_service.hpp"
#include "topology/base/error.hpp"

#include <nlohmann/json.hpp>

#include <utility>

namespace labctl::supervisor {
namespace {

using nlohmann::json;

json parse_body(const api::Request& request) {
  json body = json::parse(request.body.empty() ? "{}" : request.body, nullptr, false);
  if (!body.is_object()) {
    throw Error(ErrorKind::InvalidInput, request.path + ": the body is no JSON object");
  }
  return body;
}

api::Response reply(const json& body, int status = 200) {
  api::Response response;
  response.status = status;
  response.body = body.dump(-1, ' ', false, json::error_handler_t::replace);
  return response;
}

api::Response on_apply(Lab& lab, const api::Request& request) {
  const json body = parse_body(request);
  json result;
  lab.loop().run_here([&] { result = apply_manifests(lab, body); });
  bool refused = false;
  for (const json& diagnostic : result["diagnostics"]) {
    refused = refused || diagnostic["severity"] == "error";
  }
  return reply(result, refused ? 422 : 200);
}

api::Response on_delete(Lab& lab, const api::Request& request) {
  const json body = parse_body(request);
  json result;
  lab.loop().run_here([&] { result = delete_objects(lab, body); });
  return reply(result);
}

api::Response on_probes(Lab& lab, const api::Request& request) {
  VantageTable table;
  lab.loop().run_here([&] { table = lab.vantages(); });
  api::Response response;
  response.content_type = "application/jsonl";
  response.body = run_probe_lines(lab.engine(), table, request.body);
  return response;
}

api::Response on_matrix(Lab& lab, const api::Request& request) {
  const json body = parse_body(request);
  VantageTable table;
  lab.loop().run_here([&] { table = lab.vantages(); });
  return reply(run_matrix(lab.engine(), table, body));
}

api::Response on_exec(Lab& lab, const api::Request& request) {
  const json body = parse_body(request);
  check_exec(body);
  const std::string from = body.value("from", "");
  lab.loop().run_here([&] { lab.check_vantage(from); });
  api::Response response;
  response.upgrade = [&lab, body](UniqueFd socket) { serve_exec(lab, body, std::move(socket)); };
  return response;
}

// What is programmed for NAMESPACE/NAME, node by node.
api::Response on_service(Lab& lab, const std::string& path) {
  const std::size_t slash = path.find('/');
  json body;
  lab.loop().run_here([&] {
    body = lab.data_path().describe(
        {path.substr(0, slash), slash == std::string::npos ? "" : path.substr(slash + 1)});
  });
  return reply(body);
}

// NAMESPACE/NAME, as a pod of that namespace would look it up.
api::Response on_dns(Lab& lab, const std::string& path) {
  const std::size_t slash = path.find('/');
  const std::string ns = path.substr(0, slash);
  const std::string name = slash == std::string::npos ? "" : path.substr(slash + 1);
  VantageTable table;
  Resolver resolver;
  lab.loop().run_here([&] {
    table = lab.vantages();
    resolver = lab.cluster_resolver(ns);
  });
  return reply(look_up_dns(lab.engine(), table, resolver, ns, name));
}

api::Response on_status(Lab& lab, json (Lab::*what)() const) {
  json body;
  lab.loop().run_here([&] { body = (lab.*what)(); });
  return reply(body);
}

}  // namespace

LabApi::LabApi(Lab& lab, std::function<void()> shut_down)
    : lab_(lab),
      shut_down_(std::move(shut_down)),
      resources_(lab.objects(),
                 {[&lab](const std::function<void()>& work) { lab.loop().run_here(work); },
                  [&lab](json& object) { return check_object(lab, object); }, &lab.services()}) {}

api::Response LabApi::answer(const api::Request& request) {
  if (request.path.starts_with("/lab/v1/")) {
    return on_lab(request);
  }
  if (request.path == "/version") {
    return reply({{"gitVersion", "v" LABCTL_VERSION}, {"platform", "linux"}});
  }
  return resources_.answer(request);
}

api::Response LabApi::on_lab(const api::Request& request) {
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
    return on_dns(lab_, route.substr(kDns.size()));
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
    return on_apply(lab_, request);
  }
  if (route == "POST delete") {
    return on_delete(lab_, request);
  }
  if (route == "POST probes") {
    return on_probes(lab_, request);
  }
  if (route == "POST matrix") {
    return on_matrix(lab_, request);
  }
  if (route == "POST wait") {
    return reply(wait_for(lab_, parse_body(request)));
  }
  if (route == "POST exec") {
    return on_exec(lab_, request);
  }
  if (route == "POST shutdown") {
    // The reply goes out first: after it there is nobody to send one.
    api::Response response;
    response.status = 202;
    response.stream = [this](api::ChunkWriter& writer) {
      writer.write("{\"status\":\"ending\"}\n");
      shut_down_();
    };
    return response;
  }
  throw Error(ErrorKind::NotFound, request.method + " " + request.path + ": no such resource");
}

}  // namespace labctl::supervisor
