// Requests of the Kubernetes-shaped API against a small store, some after another, as
//   METHOD TARGET [CONTENT-TYPE]
//   BODY
// with a line "%%" between them. Every one gets a reply that is JSON, and none of them is our mistake; what a
// request has changed, others can read.

#include "labctl/api/resource_kinds.hpp"
#include "labctl/api/uri.hpp"
#include "labctl/apiserver/resource_api.hpp"
#include "labctl/controllers/pods/nodes.hpp"
#include "tests/fuzz/require.hpp"
#include "topology/base/clock.hpp"
#include "topology/manifest/loader.hpp"

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

using labctl::fuzz::require;
using namespace labctl;
using nlohmann::json;

namespace {

constexpr const char* kObjects = R"(
{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "labels": {"app": "web"}},
 "spec": {"containers": [{"name": "c", "image": "nginx", "ports": [{"containerPort": 80}]}]}}
---
{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"},
 "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]}}
---
{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"},
 "spec": {"selector": {"matchLabels": {"app": "web"}},
          "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": "nginx"}]}}}}
)";

// As a lab checks what a client writes.
apiserver::ObjectCheck check_now() {
  manifest::LoadOptions options;
  options.allow_cluster = false;
  return apiserver::check_as_manifest(std::move(options));
}

api::Request request_of(const std::string& text) {
  api::Request request;
  const std::size_t line = std::min(text.find('\n'), text.size());
  std::istringstream words(text.substr(0, line));
  words >> request.method >> request.target >> request.content_type;
  if (const auto target = api::parse_target(request.target)) {
    request.path = target->path;
    request.query = target->query;
  }
  request.body = text.substr(std::min(line + 1, text.size()));
  return request;
}

class SmallLab {
 public:
  SmallLab() {
    controllers::sync_nodes(store_, model::default_cluster("lab"));
    static const manifest::Loaded objects = manifest::load({{"objects.yaml", kObjects}}, {});
    require(!has_errors(objects.diagnostics) && objects.objects.size() == 3, "objects to begin with");
    for (const manifest::Object& object : objects.objects) {
      const auto path = api::collection_path(*api::find_kind(object.api_version, object.kind), object.ns);
      const api::Response made = ask("POST " + path + "\n" + object.json.dump());
      require(made.status == 201, "objects are made");
    }
  }
  api::Response ask(const std::string& text) {
    const api::Request request = request_of(text);
    api::Response response = api_.answer(request);
    if (response.status >= 500) {
      std::fprintf(stderr, "%s %s: %d %s\n", request.method.c_str(), request.target.c_str(), response.status,
                   response.body.c_str());
    }
    require(response.status >= 200 && response.status < 500, "a client's mistake is none of ours");
    require(response.stream || json::accept(response.body), "a reply is JSON");
    return response;
  }

 private:
  SystemClock clock_;
  store::Store store_{"lab", clock_};
  apiserver::ResourceApi api_{store_,
                              {[](const std::function<void()>& work) { work(); }, check_now, nullptr}};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  SmallLab lab;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find("\n%%\n", at), text.size());
    lab.ask(text.substr(at, end - at));
    at = end + 4;
  }
  for (const char* path :
       {"/api/v1/pods", "/api/v1/services", "/apis/apps/v1/deployments", "/api/v1/namespaces"}) {
    require(lab.ask(std::string("GET ") + path).status == 200, "what was changed can be read");
  }
  return 0;
}
