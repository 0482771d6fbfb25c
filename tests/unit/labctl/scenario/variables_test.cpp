#include "labctl/scenario/variables.hpp"

#include "topology/base/error.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace labctl::scenario {
namespace {

using nlohmann::json;

const Variables kVariables{{"port", "8080"}, {"name", "web"}, {"version", "2"}};

TEST(Variables, StandAnywhereInAText) {
  EXPECT_EQ(expand("pod/default/${name}:${port}", kVariables), "pod/default/web:8080");
  EXPECT_EQ(expand(json{"ip", "${name}"}, kVariables), (json{"ip", "web"}));
}

TEST(Variables, BecomeANumberInAFieldThatHoldsOne) {
  EXPECT_EQ(expand(json{{"port", "${port}"}}, kVariables), (json{{"port", 8080}}));
  EXPECT_EQ(expand(json{{"replicas", "${version}"}}, kVariables), (json{{"replicas", 2}}));
}

TEST(Variables, StayATextWhereATextIsWanted) {
  const json expect{{"body", {{"equals", "${port}"}}}, {"source", "${version}"}};
  EXPECT_EQ(expand(expect, kVariables), (json{{"body", {{"equals", "8080"}}}, {"source", "2"}}));
}

TEST(Variables, StayATextInAMapWhoseKeysTheUserChooses) {
  for (const char* map : {"labels", "annotations", "selector", "env", "headers"}) {
    const json step{{map, {{"port", "${port}"}, {"count", "${version}"}}}};
    EXPECT_EQ(expand(step, kVariables), (json{{map, {{"port", "8080"}, {"count", "2"}}}}));
  }
}

TEST(Variables, BecomeANumberInAPatchToo) {
  const json patch{
      {"merge", {{"spec", {{"ports", {{{"nodePort", "${port}"}, {"targetPort", "${name}"}}}}}}}}};
  const json filled{{"merge", {{"spec", {{"ports", {{{"nodePort", 8080}, {"targetPort", "web"}}}}}}}}};
  EXPECT_EQ(expand(patch, kVariables), filled);
}

TEST(Variables, AreRefusedInANumbersFieldWhenTheyAreNone) {
  EXPECT_THROW(expand(json{{"port", "${name}"}}, kVariables), Error);
}

TEST(Variables, ADollarMoreMakesItStandForItself) {
  EXPECT_EQ(expand("echo $${HOME} ${name} $${name}", kVariables), "echo ${HOME} web ${name}");
  EXPECT_EQ(expand("$${", kVariables), "${");
  EXPECT_EQ(expand("${name}$${a}${version}", kVariables), "web${a}2");
  EXPECT_EQ(expand("$$ $1 $name 5$", kVariables), "$$ $1 $name 5$");
  EXPECT_EQ(expand(json{{"nodePort", "$${port}"}}["nodePort"], kVariables), "${port}");
}

TEST(Variables, MustBeThere) { EXPECT_THROW(expand("${nobody}", kVariables), Error); }

}  // namespace
}  // namespace labctl::scenario
