#include "labctl/apiserver/apply.hpp"

#include "tests/unit/labctl/apiserver/apply_lab.hpp"

#include <gmock/gmock.h>

namespace labctl::apiserver {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

class Apply : public ApplyLab {};

// `more` stands in metadata, `spec` in front of the rest of the spec.
std::string deployment(const std::string& more, const std::string& spec = "",
                       const std::string& container = "ports: [{containerPort: 80}]") {
  return "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web" + more + "}\nspec:\n" + spec +
         "  selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n"
         "    spec: {containers: [{name: c, image: nginx, " +
         container + "}]}\n";
}

TEST_F(Apply, LeavesWhatTheFileNeverSaid) {
  ASSERT_EQ(apply(deployment("")), "created");
  change("deployments", "web", [](json& web) {
    web["spec"]["replicas"] = 3;
    web["metadata"]["annotations"]["deployment.kubernetes.io/revision"] = "1";
    web["metadata"]["labels"]["by"] = "hand";
  });
  EXPECT_EQ(apply(deployment("")), "unchanged");
  EXPECT_EQ(object("deployments", "web")["spec"]["replicas"], 3);
  EXPECT_EQ(object("deployments", "web")["metadata"]["labels"]["by"], "hand");
  ASSERT_EQ(apply(deployment(", annotations: {note: x}")), "configured");
  EXPECT_EQ(object("deployments", "web")["metadata"]["annotations"]["deployment.kubernetes.io/revision"],
            "1");
}

TEST_F(Apply, TakesAwayWhatTheFileDropped) {
  boot(deployment(", annotations: {note: x}, labels: {extra: y}"));
  EXPECT_EQ(apply(deployment(", annotations: {note: x}, labels: {extra: y}")), "unchanged");
  EXPECT_EQ(apply(deployment("")), "configured");
  const json& metadata = object("deployments", "web")["metadata"];
  EXPECT_FALSE(metadata["annotations"].contains("note"));
  EXPECT_FALSE(metadata.contains("labels"));
  EXPECT_EQ(apply(deployment("")), "unchanged");
}

TEST_F(Apply, TakesTheLastLabelOfAnyKind) {
  const std::vector<std::pair<std::string, std::string>> kinds{
      {"services", "apiVersion: v1\nkind: Service\nspec: {selector: {app: a}, ports: [{port: 80}]}\n"},
      {"pods", "apiVersion: v1\nkind: Pod\nspec: {containers: [{name: c, image: nginx}]}\n"},
      {"endpoints",
       "apiVersion: v1\nkind: Endpoints\nsubsets: [{addresses: [{ip: 192.0.2.1}], ports: [{port: 80}]}]\n"},
      {"endpointslices",
       "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\naddressType: IPv4\nports: [{port: 80}]\n"
       "endpoints: [{addresses: [192.0.2.1]}]\n"},
      {"daemonsets",
       "apiVersion: apps/v1\nkind: DaemonSet\nspec: {selector: {matchLabels: {a: b}}, template: {metadata: "
       "{labels: "
       "{a: b}}, spec: {containers: [{name: c, image: nginx}]}}}\n"},
  };
  for (const auto& [resource, text] : kinds) {
    ASSERT_EQ(apply(text + "metadata: {name: x, labels: {tier: db}}\n"), "created") << resource;
    EXPECT_EQ(apply(text + "metadata: {name: x, labels: {tier: db}}\n"), "unchanged") << resource;
    EXPECT_EQ(apply(text + "metadata: {name: x}\n"), "configured") << resource;
    EXPECT_FALSE(object(resource, "x")["metadata"].contains("labels")) << resource;
    EXPECT_EQ(apply(text + "metadata: {name: x}\n"), "unchanged") << resource;
  }
}

TEST_F(Apply, OfANamespaceKeepsItsOwnLabel) {
  ASSERT_EQ(apply("apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {tier: db}}\n"),
            "created");
  EXPECT_EQ(apply("apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n"), "configured");
  EXPECT_EQ(object("namespaces", "shop", "")["metadata"]["labels"],
            json({{"kubernetes.io/metadata.name", "shop"}}));
}

TEST_F(Apply, NotesWhatItAppliedAsKubectlDoes) {
  ASSERT_EQ(apply("apiVersion: v1\nkind: Service\nmetadata: {name: s, creationTimestamp: null, annotations: "
                  "{a: <b>}}\n"
                  "spec: {ports: [{port: 80}]}\n"),
            "created")
      << last;
  // As kubectl 1.32 create --save-config writes it of the same file.
  EXPECT_EQ(
      object("services", "s")["metadata"]["annotations"][model::kLastAppliedAnnotation],
      "{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"annotations\":{\"a\":\"\\u003cb\\u003e\"},"
      "\"creationTimestamp\":null,\"name\":\"s\",\"namespace\":\"default\"},\"spec\":{\"ports\":[{\"port\":"
      "80}]}}\n");
}

TEST_F(Apply, NotesNothingOfItsOwnAnnotation) {
  ASSERT_EQ(apply(deployment("")), "created");
  const json exported = object("deployments", "web");
  EXPECT_EQ(apply(exported.dump()), "configured");  // it now says what was filled in, too
  const json before =
      json::parse(object("deployments", "web")["metadata"]["annotations"][model::kLastAppliedAnnotation]
                      .get<std::string>());
  EXPECT_EQ(before["metadata"]["annotations"], json::object());
  EXPECT_EQ(apply(exported.dump()), "unchanged");
}

TEST_F(Apply, TellsOfAnObjectThatWasNotApplied) {
  lab::create_objects(store, services,
                      manifest::load({{"m.yaml",
                                       "apiVersion: v1\nkind: Pod\nmetadata: {name: p, labels: {a: b}}\n"
                                       "spec: {containers: [{name: c, image: nginx}]}\n"}},
                                     {})
                          .objects);
  const std::string text =
      "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: c, image: nginx}]}\n";
  EXPECT_EQ(apply(text), "configured");
  EXPECT_THAT(warnings(),
              HasSubstr("resource pods/p is missing the kubectl.kubernetes.io/last-applied-configuration "
                        "annotation which is required by labctl apply."));
  EXPECT_EQ(object("pods", "p")["metadata"]["labels"], json({{"a", "b"}}));
  EXPECT_EQ(apply(text), "unchanged");
  EXPECT_EQ(warnings(), "");
}

TEST_F(Apply, NullTakesAwayWhatOthersSet) {
  ASSERT_EQ(apply(deployment("")), "created");
  change("deployments", "web", [](json& web) { web["spec"]["replicas"] = 3; });
  EXPECT_EQ(apply(deployment("", "  replicas: null\n")), "configured");
  EXPECT_EQ(object("deployments", "web")["spec"]["replicas"], 1);  // the API's default
}

TEST_F(Apply, OfAnotherStrategyLeavesNothingOfTheOldOne) {
  ASSERT_EQ(apply(deployment("")), "created");
  ASSERT_TRUE(object("deployments", "web")["spec"]["strategy"].contains("rollingUpdate"));
  EXPECT_EQ(apply(deployment("", "  strategy: {type: Recreate}\n")), "configured") << last;
  EXPECT_EQ(object("deployments", "web")["spec"]["strategy"], json({{"type", "Recreate"}}));
}

TEST_F(Apply, KeepsContainersAndVariablesOfOthers) {
  ASSERT_EQ(apply(deployment("", "", "env: [{name: A, value: a}, {name: B, value: b}]")), "created");
  change("deployments", "web", [](json& web) {
    json& spec = web["spec"]["template"]["spec"];
    spec["containers"][0]["env"].push_back({{"name", "PROXY"}, {"value", "p"}});
    spec["containers"].push_back({{"name", "sidecar"}, {"image", "envoy"}});
  });
  EXPECT_EQ(apply(deployment("", "", "env: [{name: B, value: c}]")), "configured");
  const json& spec = object("deployments", "web")["spec"]["template"]["spec"];
  EXPECT_EQ(spec["containers"][0]["env"],
            json::parse(R"([{"name":"B","value":"c"},{"name":"PROXY","value":"p"}])"));
  EXPECT_EQ(spec["containers"][1]["name"], "sidecar");
}

TEST_F(Apply, KeepsNodePortsAndAddressesOfAService) {
  const std::string head =
      "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec:\n  type: NodePort\n  selector: {app: a}\n";
  ASSERT_EQ(
      apply(head + "  ports: [{name: a, port: 53, protocol: TCP}, {name: b, port: 53, protocol: UDP}]\n"),
      "created");
  const json before = object("services", "s")["spec"];
  EXPECT_EQ(apply(head + "  clusterIP: \"\"\n  ports: [{name: a, port: 53, protocol: TCP}, {name: b, port: "
                         "53, protocol: UDP}, {name: c, port: 80}]\n"),
            "configured");
  const json& after = object("services", "s")["spec"];
  EXPECT_EQ(after["clusterIPs"], before["clusterIPs"]);
  EXPECT_EQ(after["ports"][0], before["ports"][0]);
  EXPECT_EQ(after["ports"][1], before["ports"][1]);
  EXPECT_EQ(apply("apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec:\n  selector: {app: a}\n  ports: "
                  "[{port: 80}]\n"),
            "configured");
  EXPECT_EQ(object("services", "s")["spec"]["type"], "ClusterIP");
  EXPECT_EQ(object("services", "s")["spec"]["ports"].size(), 1u);
  EXPECT_FALSE(object("services", "s")["spec"]["ports"][0].contains("nodePort"));
}

TEST_F(Apply, RefusesWhatMayNotChangeAndChangesNothing) {
  ASSERT_EQ(apply(deployment("")), "created");
  const json before = object("deployments", "web");
  std::string other = deployment(", labels: {new: label}");
  for (std::size_t at = 0; (at = other.find("app: web", at)) != std::string::npos;) {
    other.replace(at, 8, "app: bew");
  }
  EXPECT_THROW(apply(other), Error);
  EXPECT_EQ(object("deployments", "web"), before);
}

TEST_F(Apply, RefusesAnAnnotationThatIsNoObject) {
  ASSERT_EQ(apply(deployment("")), "created");
  for (const char* text : {"{", "[]", "3", "\xff", "{\"a\":"}) {
    if (std::string(text) == "\xff") {
      continue;  // the store takes no such text
    }
    change("deployments", "web",
           [&](json& web) { web["metadata"]["annotations"][model::kLastAppliedAnnotation] = text; });
    EXPECT_THROW(apply(deployment("")), Error) << text;
  }
}

TEST_F(Apply, RefusesAnObjectTooLongToNote) {
  const std::string text =
      "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: c, image: nginx, args: [" +
      std::string(300'000, 'x') + "]}]}\n";
  EXPECT_THROW(apply(text), Error);
  boot(text);  // nobody applies it: it is made without
  EXPECT_EQ(object("pods", "p")["metadata"].value("annotations", json::object()), json::object());
}

TEST_F(Apply, OfADryRunShowsBothAndWritesNothing) {
  ASSERT_EQ(apply(deployment("")), "created");
  const json before = object("deployments", "web");
  api::ApplyRequest request = request_of(deployment("", "  replicas: 4\n") +
                                         "---\napiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: "
                                         "{selector: {a: b}, ports: [{port: 1}]}\n");
  request.is_dry_run = true;
  const json results = apply(request)["results"];
  EXPECT_EQ(results[0]["live"], before);
  EXPECT_EQ(results[0]["merged"]["spec"]["replicas"], 4);
  EXPECT_TRUE(results[1]["live"].is_null());
  EXPECT_TRUE(results[1]["merged"]["spec"].contains("clusterIP"));
  EXPECT_EQ(object("deployments", "web"), before);
  EXPECT_TRUE(object("services", "s").is_null());
}

// ---- Namespaces -------------------------------------------------------------------------------------

constexpr const char* kRendered =
    "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {selector: {app: web}, ports: [{port: "
    "80}]}\n";

TEST_F(Apply, PutsObjectsIntoTheNamespaceThatWasAskedFor) {
  api::ApplyRequest request = request_of(kRendered);
  request.ns = "shop";
  const json results = apply(request)["results"];
  ASSERT_EQ(results.size(), 2u);
  EXPECT_EQ(results[0]["kind"], "Namespace");
  EXPECT_FALSE(object("services", "web", "shop").is_null());
  EXPECT_THAT(object("services", "web", "shop")["metadata"]["annotations"][model::kLastAppliedAnnotation]
                  .get<std::string>(),
              HasSubstr("\"namespace\":\"shop\""));
  EXPECT_EQ(apply(request)["results"].size(), 1u);  // it is there
}

TEST_F(Apply, RefusesObjectsOfAnotherNamespaceThanWasAskedFor) {
  api::ApplyRequest request = request_of(
      "apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: default}\nspec: {ports: [{port: "
      "80}]}\n");
  request.ns = "kube-system";
  const json answer = apply(request);
  EXPECT_TRUE(answer["results"].empty());
  EXPECT_THAT(
      answer["diagnostics"][0]["message"].get<std::string>(),
      HasSubstr(
          "the namespace from the provided object \"default\" does not match the namespace \"kube-system\""));
}

// ---- Prune ------------------------------------------------------------------------------------------

TEST_F(Apply, PrunesWhatWasAppliedOnceAndIsNoLongerSaid) {
  const std::string one =
      "apiVersion: v1\nkind: Service\nmetadata: {name: one, labels: {app: a}}\nspec: {ports: [{port: 80}]}\n";
  const std::string two =
      "apiVersion: v1\nkind: Service\nmetadata: {name: two, labels: {app: a}}\nspec: {ports: [{port: 80}]}\n";
  const std::string other =
      "apiVersion: v1\nkind: Service\nmetadata: {name: other, labels: {app: b}}\nspec: {ports: [{port: "
      "80}]}\n";
  apply(request_of(one + "---\n" + two + "---\n" + other));
  services.create({"services", "default", "made"}, json::parse(R"({"apiVersion":"v1","kind":"Service",
    "metadata":{"name":"made","namespace":"default","labels":{"app":"a"}},"spec":{"type":"ClusterIP","ports":[{"port":80,"protocol":"TCP"}]}})"));
  api::ApplyRequest request = request_of(one + "---\n" + other);
  request.selector = "app=a";
  request.prune.emplace();
  request.is_dry_run = true;
  EXPECT_EQ(apply(request)["results"][1]["action"], "pruned");
  EXPECT_FALSE(object("services", "two").is_null());
  request.is_dry_run = false;
  const json results = apply(request)["results"];
  ASSERT_EQ(results.size(), 2u) << results;  // `other` is not selected, so it is not applied either
  EXPECT_EQ(results[0]["action"], "unchanged");
  EXPECT_EQ(results[1]["name"], "two");
  EXPECT_TRUE(object("services", "two").is_null());
  EXPECT_FALSE(object("services", "made").is_null());
  EXPECT_FALSE(object("services", "other").is_null());
}

TEST_F(Apply, PrunesNothingWithoutBeingToldWhat) {
  api::ApplyRequest request = request_of(kRendered);
  request.prune.emplace();
  EXPECT_THROW(apply(request), Error);
  request.prune->is_all = true;
  request.prune->allowlist = {"apps/v1/Deplyment"};
  EXPECT_THROW(apply(request), Error);
  request.prune->allowlist = {"core/v1/Service"};
  EXPECT_EQ(apply(request)["results"].size(), 1u);
}

// ---- Deletion ---------------------------------------------------------------------------------------

TEST_F(Apply, DeletesWhomTheFilesNameAndReadsNothingElse) {
  boot(
      "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: c, image: nginx}]}\n---\n" +
      std::string(kRendered));
  api::DeleteRequest request;
  request.sources.push_back(
      {"del.yaml",
       "apiVersion: v1\nkind: Service\nmetadata: {name: web}\n---\n"
       "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: 3}\n---\n"
       "apiVersion: example.org/v1\nkind: Nothing\nmetadata: {name: n}\n---\n"
       "apiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: Pod, metadata: {name: q}}]\n"});
  const json answer = delete_objects(objects, request);
  ASSERT_EQ(answer["results"].size(), 3u) << answer;
  EXPECT_EQ(answer["results"][0]["action"], "notfound");
  EXPECT_EQ(answer["results"][1]["action"], "deleted");
  EXPECT_EQ(answer["results"][2]["action"], "deleted");
  EXPECT_EQ(answer["diagnostics"].size(), 1u);
  EXPECT_TRUE(object("services", "web").is_null());
}

TEST_F(Apply, DeletesNothingWhenAFileDoesNotSayWhom) {
  boot(kRendered);
  for (const char* text :
       {"apiVersion: v1\nkind: Service\n", "kind: Service\nmetadata: {name: web}\n", "[a]\n", "a: {\n"}) {
    api::DeleteRequest request;
    request.sources.push_back({"del.yaml", std::string(kRendered) + "---\n" + text});
    EXPECT_THROW(delete_objects(objects, request), Error) << text;
    EXPECT_FALSE(object("services", "web").is_null()) << text;
  }
}

TEST_F(Apply, DeletesNeitherNodesNorTheNamespacesOfEveryCluster) {
  for (const char* who :
       {"kind: Node\nmetadata: {name: node-1}\n", "kind: Namespace\nmetadata: {name: default}\n"}) {
    api::DeleteRequest request;
    request.sources.push_back({"del.yaml", std::string("apiVersion: v1\n") + who});
    EXPECT_THROW(delete_objects(objects, request), Error) << who;
  }
}

}  // namespace
}  // namespace labctl::apiserver
