// Whatever a client writes where: it is refused and changes nothing, or the object is one that everybody can
// read, the control loops among them.

#include "labctl/allocation/service_allocation.hpp"
#include "labctl/api/resource_kinds.hpp"
#include "tests/unit/labctl/apiserver/resource_lab.hpp"
#include "topology/manifest/kinds/kinds.hpp"
#include "topology/manifest/loader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace labctl::apiserver {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

const std::vector<json>& wrong_values() {
  static const std::vector<json> kValues{5,
                                         "",
                                         true,
                                         json::object(),
                                         json::array(),
                                         json::array({5}),
                                         nullptr,
                                         "x",
                                         1e300,
                                         -1,
                                         json::array({json::array()}),
                                         {{"a", 5}},
                                         0.5,
                                         INT64_MAX,
                                         18446744073709551615U,
                                         json::array({nullptr}),
                                         {{"a", {{"a", json::array({5})}}}},
                                         std::string(300, 'a')};
  return kValues;
}

json pod_template() {
  return {{"metadata", {{"labels", {{"app", "web"}}}}},
          {"spec",
           {{"containers", {{{"name", "c"}, {"image", "app:1"}, {"ports", {{{"containerPort", 80}}}}}}}}}};
}

json workload_spec() {
  return {{"selector", {{"matchLabels", {{"app", "web"}}}}}, {"template", pod_template()}};
}

// An object of the kind that is in order.
json sample(std::string_view kind) {
  if (kind == "Pod") {
    return {{"metadata", {{"labels", {{"app", "web"}}}}}, {"spec", pod_template()["spec"]}};
  }
  if (kind == "Service") {
    return {
        {"spec", {{"selector", {{"app", "web"}}}, {"type", "LoadBalancer"}, {"ports", {{{"port", 80}}}}}}};
  }
  if (kind == "Endpoints") {
    return {{"subsets", {{{"addresses", {{{"ip", "192.0.2.1"}}}}, {"ports", {{{"port", 80}}}}}}}};
  }
  if (kind == "EndpointSlice") {
    return {{"metadata", {{"labels", {{"kubernetes.io/service-name", "a"}}}}},
            {"addressType", "IPv4"},
            {"endpoints", {{{"addresses", {"192.0.2.1"}}}}},
            {"ports", {{{"port", 80}}}}};
  }
  if (kind == "Event") {
    return {{"involvedObject", {{"kind", "Pod"}, {"name", "a"}}}, {"reason", "Test"}, {"type", "Normal"}};
  }
  return kind == "Namespace" || kind == "Node" ? json::object() : json{{"spec", workload_spec()}};
}

// Ways to the fields of a table: "/metadata/labels", "/status/conditions/-/type"; "-" is the item of a list.
void collect(const manifest::Schema& schema, const std::string& way, int levels,
             std::vector<std::string>& out) {
  for (const manifest::Field& field : schema.fields) {
    const std::string here = way + "/" + std::string(field.name);
    if (here == "/apiVersion" || here == "/kind" || here == "/metadata/name" ||
        here == "/metadata/namespace") {
      continue;
    }
    out.push_back(here);
    if (field.type == manifest::FieldType::StringMap) {
      out.push_back(here + "/a");
    } else if (field.type == manifest::FieldType::List && field.schema == nullptr) {
      out.push_back(here + "/-");
    } else if (field.schema != nullptr && levels > 0) {
      const bool is_list = field.type == manifest::FieldType::List;
      collect(*field.schema, is_list ? here + "/-" : here, levels - 1, out);
    }
  }
}

// A merge patch that puts `value` there.
json patch_at(std::string way, const json& value) {
  json patch = value;
  while (!way.empty()) {
    const auto slash = way.rfind('/');
    const std::string name = way.substr(slash + 1);
    patch = name == "-" ? json::array({patch}) : json{{name, patch}};
    way.resize(slash);
  }
  return patch;
}

class WrongTypes : public testing::ResourceLab {
 protected:
  WrongTypes() : ResourceLab("application/merge-patch+json") {}

  // The objects of the lab as they were, whatever was accepted.
  void expect_refused_or_sound(const std::string& method, const std::string& path, const store::Key& key,
                               const json& body, const std::string& type = "application/merge-patch+json") {
    const store::Store::Snapshot before = store.snapshot();
    const store::ObjectPtr was = store.find(key);
    const std::uint64_t version = store.version();
    const int status = send(method, path, body, type);
    ++sent;
    EXPECT_LT(status, 500) << method << ' ' << path << ' ' << body << ": " << last_body;
    if (status >= 300) {
      ++refused;
      EXPECT_EQ(store.version(), version) << method << ' ' << path << ' ' << body;
      EXPECT_EQ(store.find(key), was);
      return;
    }
    if (const store::ObjectPtr now = store.find(key)) {
      EXPECT_TRUE(manifest::check_types(*now).empty()) << method << ' ' << body << " made " << *now;
    }
    EXPECT_NO_THROW(loops.run()) << method << ' ' << path << ' ' << body;
    store.restore(before);
    EXPECT_NO_THROW(loops.run());
  }

  std::size_t sent = 0;
  std::size_t refused = 0;
};

TEST_P(WrongTypes, AreRefusedOrMakeASoundObject) {
  const api::ResourceKind& kind = *api::find_resource(GetParam());
  const std::string collection = api::collection_path(kind, kind.namespaced ? "default" : "");
  const std::string name = kind.kind == "Node" ? cluster.nodes.front().name : "a";
  const std::string path = collection + "/" + name;
  const store::Key key{std::string(kind.plural), kind.namespaced ? "default" : "", name};
  json object = sample(kind.kind);
  object["metadata"]["name"] = name;
  if (store.find(key) == nullptr) {
    ASSERT_EQ(send("POST", collection, object), 201) << last_body;
  }
  loops.run();
  std::vector<std::string> ways;
  collect(*manifest::find_kind(kind.api_version, kind.kind)->schema, "", 4, ways);
  for (const std::string& way : ways) {
    for (const json& value : wrong_values()) {
      const json patch = patch_at(way, value);
      const bool is_status = way.starts_with("/status");
      expect_refused_or_sound("PATCH", is_status ? path + "/status" : path, key, patch);
      if (is_status || way.starts_with("/metadata")) {
        json fresh = object;
        fresh.merge_patch(patch);
        if (fresh["metadata"].is_object()) {
          fresh["metadata"]["name"] = "fresh";
        }
        expect_refused_or_sound("POST", collection, {key.resource, key.ns, "fresh"}, fresh, "");
        if (fresh["metadata"].is_object()) {
          fresh["metadata"]["name"] = name;
        }
        expect_refused_or_sound("PUT", path, key, fresh, "");
      }
    }
  }
  EXPECT_GT(refused, sent / 2);
  RecordProperty("sent", std::to_string(sent));
}

INSTANTIATE_TEST_SUITE_P(Kinds, WrongTypes,
                         ::testing::Values("pods", "services", "deployments", "replicasets", "statefulsets",
                                           "daemonsets", "nodes", "namespaces", "endpoints", "endpointslices",
                                           "events"),
                         [](const auto& info) { return std::string(info.param); });

using WrongTypesOf = WrongTypes;

// The three that once took a lab down.
TEST_F(WrongTypesOf, ARefusalNamesTheField) {
  ASSERT_EQ(send("POST", "/api/v1/namespaces/default/services",
                 {{"metadata", {{"name", "s"}}}, {"spec", {{"ports", {{{"port", 80}}}}}}}),
            201);
  EXPECT_EQ(send("PATCH", "/api/v1/namespaces/default/services/s/status",
                 {{"status", {{"loadBalancer", {{"ingress", {5}}}}}}}),
            422);
  EXPECT_THAT(last_body, HasSubstr("status.loadBalancer.ingress[0]: must be a mapping, got the number 5"));
  ASSERT_EQ(send("POST", "/apis/apps/v1/namespaces/default/replicasets",
                 {{"metadata", {{"name", "r"}}}, {"spec", workload_spec()}}),
            201)
      << last_body;
  for (const json& owners : {json(5), json(""), json(true), json::object()}) {
    EXPECT_EQ(send("PATCH", "/apis/apps/v1/namespaces/default/replicasets/r",
                   {{"metadata", {{"ownerReferences", owners}}}}),
              422);
    EXPECT_THAT(last_body, HasSubstr("metadata.ownerReferences: must be a list"));
  }
}

TEST_F(WrongTypesOf, ScalesAndDeletionsAreTypedToo) {
  const std::string path = "/apis/apps/v1/namespaces/default/deployments/d";
  ASSERT_EQ(send("POST", "/apis/apps/v1/namespaces/default/deployments",
                 {{"metadata", {{"name", "d"}}}, {"spec", workload_spec()}}),
            201)
      << last_body;
  for (const json& value : wrong_values()) {
    for (const char* way : {"/spec", "/spec/replicas", "/metadata", "/metadata/resourceVersion", "/status"}) {
      EXPECT_LT(send("PATCH", path + "/scale", patch_at(way, value)), 500) << way << value << last_body;
      EXPECT_LT(send("PUT", path + "/scale", patch_at(way, value)), 500) << way << value << last_body;
    }
    for (const char* way : {"/gracePeriodSeconds", "/propagationPolicy", "/preconditions",
                            "/preconditions/uid", "/preconditions/resourceVersion"}) {
      const json before = *store.get({"deployments", "default", "d"});
      const int status = send("DELETE", path, patch_at(way, value));
      EXPECT_LT(status, 500) << way << value << last_body;
      if (status < 300) {
        ASSERT_EQ(send("POST", "/apis/apps/v1/namespaces/default/deployments",
                       {{"metadata", {{"name", "d"}}}, {"spec", workload_spec()}}),
                  201)
            << last_body;
      }
    }
  }
}

TEST_F(WrongTypesOf, JsonPatchesNeitherGrowNorNestWithoutBound) {
  ASSERT_EQ(send("POST", "/api/v1/namespaces/default/pods",
                 [] {
                   json pod = sample("Pod");
                   pod["metadata"]["name"] = "a";
                   return pod;
                 }()),
            201)
      << last_body;
  const std::string path = "/api/v1/namespaces/default/pods/a";
  json copies = json::array({{{"op", "add"}, {"path", "/metadata/annotations"}, {"value", {{"a", "x"}}}}});
  for (int i = 0; i < 60; ++i) {
    copies.push_back({{"op", "copy"}, {"from", "/metadata"}, {"path", "/metadata/a" + std::to_string(i)}});
  }
  EXPECT_EQ(send("PATCH", path, copies, "application/json-patch+json"), 413);
  json deep = json::array();
  std::string way = "/metadata/annotations";
  for (int i = 0; i < 200; ++i, way += "/a") {
    deep.push_back({{"op", "add"}, {"path", way}, {"value", json::object()}});
  }
  EXPECT_EQ(send("PATCH", path, deep, "application/json-patch+json"), 422);
  json many = json::array();
  for (int i = 0; i < 10'001; ++i) {
    many.push_back({{"op", "test"}, {"path", "/kind"}, {"value", "Pod"}});
  }
  EXPECT_EQ(send("PATCH", path, many, "application/json-patch+json"), 413);
}

TEST_F(WrongTypesOf, BodiesThatNestOrAreTooLongAreRefused) {
  for (const std::string& opening : {std::string("["), std::string("{\"a\":")}) {
    api::Request request;
    request.method = "POST";
    request.path = "/api/v1/namespaces/default/pods";
    for (int i = 0; i < 100'000; ++i) {
      request.body += opening;
    }
    EXPECT_EQ(resources.answer(request).status, 400);
  }
  api::Request request;
  request.method = "POST";
  request.path = "/api/v1/namespaces/default/pods";
  request.body = "{\"a\":\"" + std::string(4u << 20, 'a') + "\"}";
  EXPECT_EQ(resources.answer(request).status, 413);
}

// What came in between is not lost: the patch is worked out again.
TEST_F(WrongTypesOf, AChangeMeanwhileMakesAPatchBeWorkedOutAgain) {
  json pod = sample("Pod");
  pod["metadata"]["name"] = "a";
  ASSERT_EQ(send("POST", "/api/v1/namespaces/default/pods", pod), 201);
  const store::Key key{"pods", "default", "a"};
  int turns = 0;
  ResourceApi busy(store, {[&](const std::function<void()>& work) {
                             work();
                             if (++turns % 2 == 1) {  // between reading and writing
                               store.modify(key, [&](json& object) {
                                 object["metadata"]["labels"]["turn"] = std::to_string(turns);
                               });
                             }
                           },
                           [this] { return check_now(); }, &services});
  api::Request request;
  request.method = "PATCH";
  request.path = "/api/v1/namespaces/default/pods/a";
  request.body = R"({"metadata":{"labels":{"mine":"yes"}}})";
  EXPECT_EQ(busy.answer(request).status, 200);
  const json labels = store.get(key)->at("metadata").at("labels");
  EXPECT_EQ(labels.at("mine"), "yes");
  EXPECT_TRUE(labels.contains("turn"));
}

}  // namespace
}  // namespace labctl::apiserver
