#include "labctl/api/resource_kinds.hpp"

#include "topology/base/error.hpp"

#include <gtest/gtest.h>

namespace labctl::api {
namespace {

TEST(ResourceKinds, AreFoundByAnyOfTheirNames) {
  for (const char* word :
       {"deployments", "deployment", "deploy", "Deployment", "deployments.apps", "deployments.v1.apps"}) {
    ASSERT_NE(find_resource(word), nullptr) << word;
    EXPECT_EQ(find_resource(word)->kind, "Deployment");
  }
  EXPECT_EQ(find_resource("deployments.batch"), nullptr);
  EXPECT_EQ(find_resource(""), nullptr);
  EXPECT_EQ(find_resource("."), nullptr);
}

TEST(ResourceKinds, HaveTheirPathsInTheirGroup) {
  EXPECT_EQ(object_path(*find_resource("pods"), "default", "web-0"), "/api/v1/namespaces/default/pods/web-0");
  EXPECT_EQ(collection_path(*find_resource("deploy"), "shop"), "/apis/apps/v1/namespaces/shop/deployments");
  EXPECT_EQ(collection_path(*find_resource("pods")), "/api/v1/pods");
  EXPECT_EQ(object_path(*find_resource("nodes"), "ignored", "node-1"), "/api/v1/nodes/node-1");
  EXPECT_EQ(object_path(*find_resource("pods"), "a", "x/y?"), "/api/v1/namespaces/a/pods/x%2Fy%3F");
}

TEST(ResourceKinds, PathsOfEveryKindAreReadBack) {
  for (const ResourceKind& kind : resource_kinds()) {
    const auto path = parse_resource_path(object_path(kind, "ns-1", "name-1"));
    ASSERT_TRUE(path) << kind.kind;
    EXPECT_EQ(path->kind, find_kind(kind.api_version, kind.kind));
    EXPECT_EQ(path->name, "name-1");
    EXPECT_EQ(path->ns, kind.namespaced ? "ns-1" : "");
  }
}

TEST(ResourcePath, TellsANamespaceFromWhatIsInIt) {
  EXPECT_EQ(parse_resource_path("/api/v1/namespaces/shop")->kind->kind, "Namespace");
  EXPECT_EQ(parse_resource_path("/api/v1/namespaces/shop/status")->subresource, "status");
  EXPECT_EQ(parse_resource_path("/api/v1/namespaces/shop/pods")->kind->kind, "Pod");
  EXPECT_EQ(parse_resource_path("/apis/apps/v1/namespaces/a/deployments/b/scale")->subresource, "scale");
}

TEST(ResourcePath, IsNothingForOtherPaths) {
  for (const char* path :
       {"", "/", "/api", "/api/v1", "/api/v1/", "/api/v2/pods", "/apis/apps/v1/pods", "/api/v1/pods/web-0",
        "/api/v1/namespaces//pods", "/api/v1/namespaces/a/nodes", "/api/v1/namespaces/a/pods/b/c/d",
        "/api/v1/nodes/", "/lab/v1/status", "api/v1/pods"}) {
    EXPECT_FALSE(parse_resource_path(path)) << path;
  }
}

TEST(ResourceRef, IsReadInTheFormsPeopleWrite) {
  const auto check = [](const char* text, const char* kind, const char* ns, const char* name) {
    const ResourceRef ref = parse_resource_ref(text);
    EXPECT_EQ(ref.kind->kind, kind) << text;
    EXPECT_EQ(ref.ns, ns) << text;
    EXPECT_EQ(ref.name, name) << text;
  };
  check("pod/web-0", "Pod", "default", "web-0");
  check("deploy/web", "Deployment", "default", "web");
  check("shop/pod/web-0", "Pod", "shop", "web-0");
  check("pod/shop/web-0", "Pod", "shop", "web-0");
  check("node/node-1", "Node", "", "node-1");
}

TEST(ResourceRef, RefusesOtherShapes) {
  for (const char* text : {"", "pod", "pod/", "/x", "a/b/c/d", "frob/x", "pod//x"}) {
    EXPECT_THROW(parse_resource_ref(text), Error) << text;
  }
}

TEST(Vantage, IsCompletedToItsId) {
  EXPECT_EQ(parse_vantage("client"), "pod/default/client");
  EXPECT_EQ(parse_vantage("client", "shop"), "pod/shop/client");
  EXPECT_EQ(parse_vantage("pod/a"), "pod/default/a");
  EXPECT_EQ(parse_vantage("pod/shop/a"), "pod/shop/a");
  EXPECT_EQ(parse_vantage("shop/pod/a"), "pod/shop/a");
  EXPECT_EQ(parse_vantage("no/node-1"), "node/node-1");
  EXPECT_EQ(parse_vantage("outside/www"), "outside/www");
  EXPECT_THROW(parse_vantage("svc/web"), Error);
  EXPECT_THROW(parse_vantage(""), Error);
  EXPECT_THROW(parse_vantage("node/a/b"), Error);
}

}  // namespace
}  // namespace labctl::api
