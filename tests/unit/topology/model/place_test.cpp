#include "topology/model/place.hpp"

#include <gtest/gtest.h>

namespace labctl::model {
namespace {

TEST(Place, TextParsesBack) {
  for (const Place& place : {Place::pod("default", "web-0"), Place::node("node-1"), Place::outside("www")}) {
    EXPECT_EQ(parse_place(to_string(place)), place);
  }
  EXPECT_EQ(to_string(Place::pod(PodKey{"shop", "web-0"})), "pod/shop/web-0");
  EXPECT_EQ(to_string(Place::node("node-1")), "node/node-1");
  EXPECT_EQ(to_string(Place::outside("www")), "outside/www");
}

TEST(Place, HasAllItsPartsAndNoMore) {
  for (const char* text :
       {"", "/", "a", "pod", "pod/", "pod/a", "pod//a", "pod/a/", "pod/a/b/c", "node", "node/", "node/a/b",
        "outside/", "outside/a/b", "svc/default/web", "po/default/a", "Pod/default/a", "/pod/default/a"}) {
    EXPECT_FALSE(parse_place(text)) << text;
  }
}

TEST(Place, ShortFormsGetTheirNamespace) {
  const Place pod = Place::pod("shop", "a");
  for (const char* text :
       {"a", "pod/a", "po/a", "pods/a", "pod/shop/a", "po/shop/a", "shop/pod/a", "shop/po/a"}) {
    EXPECT_EQ(parse_short_place(text, "shop"), pod) << text;
  }
  for (const char* text : {"node/n", "no/n", "nodes/n"}) {
    EXPECT_EQ(parse_short_place(text, "shop"), Place::node("n")) << text;
  }
  EXPECT_EQ(parse_short_place("outside/www", "shop"), Place::outside("www"));
}

TEST(Place, ANamespaceCalledAsAKindLosesToTheKind) {
  EXPECT_EQ(parse_short_place("pod/pod/a", "shop"), Place::pod("pod", "a"));
  EXPECT_EQ(parse_short_place("node/pod/a", "shop"), Place::pod("node", "a"));
}

TEST(Place, OtherShapesAreNoShortForms) {
  for (const char* text : {"", "pod/", "/a", "svc/web", "shop/a", "node/a/b", "shop/node/a", "pod//a", "a//b",
                           "pod/a/b/c", "shop/pod/a/b"}) {
    EXPECT_FALSE(parse_short_place(text, "shop")) << text;
  }
}

TEST(SplitPlace, CutsWhateverStandsInThePartsOfAPlace) {
  const auto pod = split_place("pod/default/web/0:80");
  ASSERT_TRUE(pod);
  EXPECT_EQ(pod->ns, "default");
  EXPECT_EQ(pod->name, "web/0:80");
  const auto without_namespace = split_place("pod/web-0");
  ASSERT_TRUE(without_namespace);
  EXPECT_FALSE(without_namespace->ns);
  EXPECT_EQ(without_namespace->name, "web-0");
  const auto node = split_place("node/a/b");
  ASSERT_TRUE(node);
  EXPECT_FALSE(node->ns);
  EXPECT_EQ(node->name, "a/b");
  EXPECT_FALSE(split_place("svc/default/web"));
  EXPECT_FALSE(split_place("pod"));
}

TEST(NearestPlace, IsOfTheSameKindAndNamespace) {
  constexpr std::string_view kKnown[] = {"deployment/default/web-1", "pod/default/web-0", "pod/shop/web-1"};
  EXPECT_EQ(nearest_place("pod/default/wbe-0", kKnown), "pod/default/web-0");
  EXPECT_EQ(nearest_place("pod/default/web-1", kKnown), "pod/default/web-0");
}

TEST(NearestPlace, IsElseTheSameNameInAnotherNamespace) {
  constexpr std::string_view kKnown[] = {"deployment/shop/cart", "pod/default/web-0", "pod/shop/cart"};
  EXPECT_EQ(nearest_place("pod/default/cart", kKnown), "pod/shop/cart");
  EXPECT_EQ(nearest_place("pod/default/database", kKnown), "");
}

}  // namespace
}  // namespace labctl::model
