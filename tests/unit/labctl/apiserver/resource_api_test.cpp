#include "labctl/apiserver/resource_api.hpp"

#include "labctl/controllers/pods/nodes.hpp"
#include "topology/base/clock.hpp"
#include "topology/base/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace labctl::apiserver {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

const std::string kPods = "/api/v1/namespaces/default/pods";
const std::string kDeployments = "/apis/apps/v1/namespaces/default/deployments";

class ResourceApiTest : public ::testing::Test {
 protected:
  ResourceApiTest() {
    model::Cluster cluster = model::default_cluster("lab");
    controllers::sync_nodes(store, cluster);
  }

  struct Reply {
    int status;
    json body;
  };
  Reply call(const std::string& method, const std::string& path, const json& body = nullptr,
             std::map<std::string, std::string> query = {}, const std::string& content_type = "") {
    api::Request request;
    request.method = method;
    request.path = path;
    request.target = path;
    request.query = std::move(query);
    request.content_type = content_type;
    request.body = body.is_null() ? "" : body.dump();
    const api::Response response = resources.answer(request);
    return {response.status, json::parse(response.body, nullptr, false)};
  }
  static json pod(const char* name, const char* app = "web") {
    return {{"apiVersion", "v1"},
            {"kind", "Pod"},
            {"metadata", {{"name", name}, {"labels", {{"app", app}}}}},
            {"spec", {{"containers", {{{"name", "c"}, {"image", "app:1"}}}}}}};
  }
  static json deployment() {
    return {{"apiVersion", "apps/v1"},
            {"kind", "Deployment"},
            {"metadata", {{"name", "web"}}},
            {"spec",
             {{"replicas", 2},
              {"selector", {{"matchLabels", {{"app", "web"}}}}},
              {"template", {{"metadata", {{"labels", {{"app", "web"}}}}}, {"spec", json::object()}}}}}};
  }

  SystemClock clock;
  store::Store store{"lab", clock};
  std::vector<Diagnostic> refusals;
  int owner_calls = 0;
  ResourceApi resources{store,
                        {[this](const std::function<void()>& work) {
                           ++owner_calls;
                           work();
                         },
                         [this] {
                           return [this](json& object) {
                             if (object["kind"] == "Pod") {
                               object["spec"].emplace("restartPolicy", "Always");
                             }
                             return refusals;
                           };
                         }}};
};

TEST_F(ResourceApiTest, CreateFillsInDefaultsAndWhatIsTheServers) {
  const Reply made = call("POST", kPods, pod("a"));
  EXPECT_EQ(made.status, 201);
  EXPECT_EQ(made.body["spec"]["restartPolicy"], "Always");
  EXPECT_EQ(made.body["status"]["phase"], "Pending");
  EXPECT_EQ(made.body["metadata"]["namespace"], "default");
  EXPECT_TRUE(made.body["metadata"].contains("uid"));
  EXPECT_EQ(call("GET", kPods + "/a").body, made.body);
}

TEST_F(ResourceApiTest, CreateTwiceIsAlreadyExists) {
  call("POST", kPods, pod("a"));
  const Reply again = call("POST", kPods, pod("a"));
  EXPECT_EQ(again.status, 409);
  EXPECT_EQ(again.body["reason"], "AlreadyExists");
  EXPECT_EQ(again.body["kind"], "Status");
}

TEST_F(ResourceApiTest, CreateNeedsAnExistingNamespaceThatStays) {
  EXPECT_EQ(call("POST", "/api/v1/namespaces/none/pods", pod("a")).status, 404);
  store.create({"namespaces", "", "going"}, {{"kind", "Namespace"}});
  store.modify({"namespaces", "", "going"},
               [](json& ns) { ns["metadata"]["deletionTimestamp"] = "2006-01-02T15:04:05Z"; });
  EXPECT_EQ(call("POST", "/api/v1/namespaces/going/pods", pod("a")).status, 403);
}

TEST_F(ResourceApiTest, GenerateNameGivesADifferentNameEachTime) {
  json object = pod("");
  object["metadata"].erase("name");
  object["metadata"]["generateName"] = "job-";
  const json one = call("POST", kPods, object).body, two = call("POST", kPods, object).body;
  EXPECT_THAT(one["metadata"]["name"].get<std::string>(), ::testing::MatchesRegex("job-[a-z0-9]{5}"));
  EXPECT_NE(one["metadata"]["name"], two["metadata"]["name"]);
}

TEST_F(ResourceApiTest, BodiesThatDoNotFitThePathAreBadRequests) {
  json wrong_namespace = pod("a");
  wrong_namespace["metadata"]["namespace"] = "other";
  json wrong_type = pod("a");
  wrong_type["metadata"]["name"] = 7;
  for (const json& body : {deployment(), wrong_namespace, wrong_type, json::array(), json("text")}) {
    EXPECT_EQ(call("POST", kPods, body).status, 400) << body;
  }
  api::Request request;
  request.method = "POST";
  request.path = kPods;
  request.body = "{";
  EXPECT_EQ(resources.answer(request).status, 400);
}

TEST_F(ResourceApiTest, ANamelessObjectIsInvalid) {
  json object = pod("a");
  object["metadata"].erase("name");
  EXPECT_EQ(call("POST", kPods, object).status, 422);
}

TEST_F(ResourceApiTest, WhatTheValidatorRefusesIsInvalidAndNotStored) {
  refusals = {{Severity::Warning, {}, "spec.x", "is not known", ""},
              {Severity::Error, {}, "spec.containers", "must not be empty", "add one"}};
  const Reply refused = call("POST", kPods, pod("a"));
  EXPECT_EQ(refused.status, 422);
  EXPECT_THAT(refused.body["message"].get<std::string>(), HasSubstr("spec.containers: must not be empty"));
  EXPECT_EQ(refused.body["details"]["hint"], "add one");
  EXPECT_EQ(call("GET", kPods + "/a").status, 404);
}

TEST_F(ResourceApiTest, ListsCarryTheVersionAndAreSelected) {
  call("POST", kPods, pod("a"));
  call("POST", kPods, pod("b", "api"));
  const Reply all = call("GET", kPods);
  EXPECT_EQ(all.body["kind"], "PodList");
  EXPECT_EQ(all.body["apiVersion"], "v1");
  EXPECT_EQ(all.body["items"].size(), 2U);
  EXPECT_EQ(all.body["metadata"]["resourceVersion"], std::to_string(store.version()));
  EXPECT_EQ(call("GET", "/api/v1/pods", nullptr, {{"labelSelector", "app=api"}}).body["items"].size(), 1U);
  EXPECT_EQ(call("GET", kPods, nullptr, {{"fieldSelector", "metadata.name=a"}}).body["items"].size(), 1U);
  EXPECT_EQ(call("GET", kPods, nullptr, {{"labelSelector", "app in"}}).status, 400);
  EXPECT_EQ(call("GET", kPods, nullptr, {{"fieldSelector", "spec.x=1"}}).status, 400);
}

TEST_F(ResourceApiTest, PathsThatNameNothingAreNotFound) {
  EXPECT_EQ(call("GET", "/api/v1/namespaces/default/widgets").status, 404);
  EXPECT_EQ(call("GET", "/apis").status, 404);
  EXPECT_EQ(call("GET", kPods + "/none").status, 404);
  EXPECT_EQ(call("GET", kPods + "/none/scale").status, 404);
}

TEST_F(ResourceApiTest, MethodsThatMakeNoSenseAreNotAllowed) {
  EXPECT_EQ(call("PUT", kPods, pod("a")).status, 405);
  EXPECT_EQ(call("POST", kPods + "/a", pod("a")).status, 405);
  EXPECT_EQ(call("DELETE", "/api/v1/pods").status, 405);
}

TEST_F(ResourceApiTest, PutReplacesAndChecksTheVersion) {
  json object = call("POST", kDeployments, deployment()).body;
  object["spec"]["replicas"] = 5;
  const Reply now = call("PUT", kDeployments + "/web", object);
  EXPECT_EQ(now.status, 200);
  EXPECT_EQ(now.body["spec"]["replicas"], 5);
  EXPECT_EQ(now.body["metadata"]["generation"], 2);
  const Reply stale = call("PUT", kDeployments + "/web", object);
  EXPECT_EQ(stale.status, 409);
  EXPECT_EQ(stale.body["reason"], "Conflict");
}

TEST_F(ResourceApiTest, PutOfAnotherNameOrUidIsRefused) {
  call("POST", kPods, pod("a"));
  EXPECT_EQ(call("PUT", kPods + "/a", pod("b")).status, 400);
  json other = pod("a");
  other["metadata"]["uid"] = "other";
  EXPECT_EQ(call("PUT", kPods + "/a", other).status, 409);
  EXPECT_EQ(call("PUT", kPods + "/b", pod("b")).status, 404);
}

TEST_F(ResourceApiTest, StatusIsOnlyWrittenThroughItsOwnPath) {
  json object = call("POST", kPods, pod("a")).body;
  object["status"]["phase"] = "Running";
  object["metadata"]["labels"]["new"] = "yes";
  EXPECT_EQ(call("PUT", kPods + "/a", object).body["status"]["phase"], "Pending");
  const json patch = {{"status", {{"phase", "Running"}}}, {"metadata", {{"labels", {{"app", "other"}}}}}};
  const json now = call("PATCH", kPods + "/a/status", patch, {}, "application/merge-patch+json").body;
  EXPECT_EQ(now["status"]["phase"], "Running");
  EXPECT_EQ(now["metadata"]["labels"]["app"], "web");
  EXPECT_EQ(now["metadata"]["labels"]["new"], "yes");
}

TEST_F(ResourceApiTest, AMergePatchChangesAndRemoves) {
  call("POST", kPods, pod("a"));
  const json patch = {{"metadata", {{"labels", {{"app", nullptr}, {"tier", "front"}}}}}};
  const Reply now = call("PATCH", kPods + "/a", patch, {}, "application/merge-patch+json");
  EXPECT_EQ(now.status, 200);
  EXPECT_EQ(now.body["metadata"]["labels"], (json{{"tier", "front"}}));
}

TEST_F(ResourceApiTest, AJsonPatchIsTaken) {
  call("POST", kPods, pod("a"));
  const json patch = {{{"op", "replace"}, {"path", "/metadata/labels/app"}, {"value", "api"}}};
  EXPECT_EQ(
      call("PATCH", kPods + "/a", patch, {}, "application/json-patch+json").body["metadata"]["labels"]["app"],
      "api");
  const json wrong = {{{"op", "remove"}, {"path", "/metadata/none"}}};
  EXPECT_EQ(call("PATCH", kPods + "/a", wrong, {}, "application/json-patch+json").status, 422);
}

TEST_F(ResourceApiTest, AStrategicPatchIsTakenWhereItMeansTheSame) {
  call("POST", kPods, pod("a"));
  const std::string type = "application/strategic-merge-patch+json";
  EXPECT_EQ(call("PATCH", kPods + "/a", {{"metadata", {{"labels", {{"x", "y"}}}}}}, {}, type).status, 200);
  const Reply refused = call("PATCH", kPods + "/a", {{"spec", {{"containers", json::array()}}}}, {}, type);
  EXPECT_EQ(refused.status, 415);
  EXPECT_TRUE(refused.body["details"].contains("hint"));
}

TEST_F(ResourceApiTest, ConditionsMergeByTypeInAStrategicPatch) {
  call("POST", kPods, pod("a"));
  const std::string status = kPods + "/a/status";
  const std::string type = "application/strategic-merge-patch+json";
  const auto patch = [](json conditions) {
    return json{{"status", {{"conditions", std::move(conditions)}}}};
  };
  call("PATCH", status, patch({{{"type", "Ready"}, {"status", "False"}, {"reason", "X"}}}));
  json now =
      call("PATCH", status,
           patch({{{"type", "example.org/up"}, {"status", "True"}}, {{"type", "Ready"}, {"status", "True"}}}),
           {}, type)
          .body["status"]["conditions"];
  EXPECT_EQ(now, (json{{{"type", "Ready"}, {"status", "True"}, {"reason", "X"}},
                       {{"type", "example.org/up"}, {"status", "True"}}}));
  now = call("PATCH", status, patch({{{"type", "Ready"}, {"$patch", "delete"}}}), {}, type).body;
  EXPECT_EQ(now["status"]["conditions"], (json{{{"type", "example.org/up"}, {"status", "True"}}}));
  EXPECT_EQ(call("PATCH", status, patch({{{"status", "True"}}}), {}, type).status, 415);
  EXPECT_EQ(call("PATCH", status, json::array(), {}, type).status, 415);
}

TEST_F(ResourceApiTest, ImmutableFieldsAreInvalid) {
  call("POST", kDeployments, deployment());
  const json patch = {{"spec", {{"selector", {{"matchLabels", {{"app", "api"}}}}}}}};
  const Reply refused = call("PATCH", kDeployments + "/web", patch);
  EXPECT_EQ(refused.status, 422);
  EXPECT_THAT(refused.body["message"].get<std::string>(), HasSubstr("field is immutable"));
}

TEST_F(ResourceApiTest, ScaleIsASubresource) {
  call("POST", kDeployments, deployment());
  const std::string scale = kDeployments + "/web/scale";
  json object = call("GET", scale).body;
  EXPECT_EQ(object["kind"], "Scale");
  EXPECT_EQ(object["spec"]["replicas"], 2);
  object["spec"]["replicas"] = 7;
  EXPECT_EQ(call("PUT", scale, object).body["spec"]["replicas"], 7);
  EXPECT_EQ(call("GET", kDeployments + "/web").body["spec"]["replicas"], 7);
  EXPECT_EQ(call("PUT", scale, object).status, 409);
  EXPECT_EQ(call("PATCH", scale, {{"spec", {{"replicas", 3}}}}).body["spec"]["replicas"], 3);
  EXPECT_EQ(call("PATCH", scale, {{"spec", {{"replicas", -3}}}}).status, 422);
}

TEST_F(ResourceApiTest, DeleteOfAnUnplacedPodSaysSuccess) {
  call("POST", kPods, pod("a"));
  const Reply gone = call("DELETE", kPods + "/a");
  EXPECT_EQ(gone.status, 200);
  EXPECT_EQ(gone.body["kind"], "Status");
  EXPECT_EQ(gone.body["status"], "Success");
  EXPECT_EQ(call("DELETE", kPods + "/a").status, 404);
}

TEST_F(ResourceApiTest, DeleteOfARunningPodReturnsItMarked) {
  call("POST", kPods, pod("a"));
  store.modify({"pods", "default", "a"}, [](json& object) {
    object["spec"]["nodeName"] = "node-1";
    object["status"]["podIP"] = "10.244.1.2";
  });
  const Reply marked = call("DELETE", kPods + "/a", {{"gracePeriodSeconds", 4}});
  EXPECT_EQ(marked.body["kind"], "Pod");
  EXPECT_EQ(marked.body["metadata"]["deletionGracePeriodSeconds"], 4);
  EXPECT_EQ(call("DELETE", kPods + "/a", nullptr, {{"gracePeriodSeconds", "1"}})
                .body["metadata"]["deletionGracePeriodSeconds"],
            1);
}

TEST_F(ResourceApiTest, DeleteKeepsPreconditions) {
  call("POST", kPods, pod("a"));
  EXPECT_EQ(call("DELETE", kPods + "/a", {{"preconditions", {{"uid", "other"}}}}).status, 409);
  EXPECT_EQ(call("GET", kPods + "/a").status, 200);
}

TEST_F(ResourceApiTest, DeleteOfACollectionTakesWhatMatches) {
  call("POST", kPods, pod("a"));
  call("POST", kPods, pod("b", "api"));
  EXPECT_EQ(call("DELETE", kPods, nullptr, {{"labelSelector", "app=web"}}).body["items"].size(), 1U);
  EXPECT_EQ(call("GET", kPods).body["items"].size(), 1U);
}

TEST_F(ResourceApiTest, NodesAndStandardNamespacesAreNotDeleted) {
  EXPECT_EQ(call("DELETE", "/api/v1/nodes/node-1").status, 403);
  EXPECT_EQ(call("DELETE", "/api/v1/namespaces/default").status, 403);
  EXPECT_EQ(call("POST", "/api/v1/nodes", {{"metadata", {{"name", "node-9"}}}}).status, 403);
}

TEST_F(ResourceApiTest, ADryRunChangesNothing) {
  const std::map<std::string, std::string> dry{{"dryRun", "All"}};
  EXPECT_EQ(call("POST", kPods, pod("a"), dry).status, 201);
  EXPECT_EQ(call("GET", kPods + "/a").status, 404);
  call("POST", kPods, pod("a"));
  EXPECT_EQ(call("POST", kPods, pod("a"), dry).status, 409);
  const std::uint64_t version = store.version();
  EXPECT_EQ(call("PATCH", kPods + "/a", {{"metadata", {{"labels", {{"x", "y"}}}}}}, dry).status, 200);
  EXPECT_EQ(call("DELETE", kPods + "/a", nullptr, dry).status, 200);
  EXPECT_EQ(store.version(), version);
}

TEST_F(ResourceApiTest, AWatchIsAStream) {
  api::Request request;
  request.method = "GET";
  request.path = kPods;
  request.query = {{"watch", "1"}, {"resourceVersion", std::to_string(store.version())}};
  EXPECT_TRUE(resources.answer(request).stream);
  request.query["resourceVersion"] = std::to_string(store.version() + 100);
  EXPECT_EQ(resources.answer(request).status, 410);
  request.query["resourceVersion"] = "x";
  EXPECT_EQ(resources.answer(request).status, 400);
}

TEST_F(ResourceApiTest, TheStoreIsTouchedThroughItsOwnerOnly) {
  const int before = owner_calls;
  call("GET", kPods);
  EXPECT_EQ(owner_calls, before + 1);
}

TEST_F(ResourceApiTest, AnOwnerThatIsGoneIsAnErrorReply) {
  ResourceApi dead(
      store, {[](const std::function<void()>&) { throw Error(ErrorKind::Busy, "the lab is ending"); }, {}});
  api::Request request;
  request.method = "GET";
  request.path = kPods;
  EXPECT_EQ(dead.answer(request).status, 409);
}

}  // namespace
}  // namespace labctl::apiserver
