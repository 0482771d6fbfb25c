#include "labctl/commands/objects.hpp"

#include "topology/base/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace labctl::commands {
namespace {

std::vector<std::string> flat(const std::vector<std::string>& arguments, bool every = false) {
  std::vector<std::string> out;
  for (const Selection& selection : parse_selections(arguments, "default", every)) {
    std::string text = std::string(selection.kind->plural) + "@" + selection.ns;
    for (const std::string& name : selection.names) {
      text += " " + name;
    }
    out.push_back(text);
  }
  return out;
}

TEST(Selection, IsReadInKubectlsForms) {
  using V = std::vector<std::string>;
  EXPECT_EQ(flat({"pods"}), V{"pods@default"});
  EXPECT_EQ(flat({"po", "a", "b"}), V{"pods@default a b"});
  EXPECT_EQ(flat({"pods,deploy"}), (V{"pods@default", "deployments@default"}));
  EXPECT_EQ(flat({"pod/a", "deploy/b"}), (V{"pods@default a", "deployments@default b"}));
  EXPECT_EQ(flat({"nodes"}), V{"nodes@"});
  EXPECT_EQ(flat({"pods"}, true), V{"pods@"});
}

TEST(Selection, OfAllIsWhatRuns) {
  EXPECT_THAT(flat({"all"}), testing::Contains("pods@default"));
  EXPECT_THAT(flat({"all"}), testing::Not(testing::Contains("events@default")));
}

TEST(Selection, RefusesMixedFormsAndUnknownKinds) {
  EXPECT_THROW(flat({"pods", "deploy/web"}), Error);
  EXPECT_THROW(flat({"pods", "a"}, true), Error);
  EXPECT_THROW(flat({}), Error);
  try {
    flat({"deploymnets"});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.hint(), "did you mean deployments?");
  }
}

}  // namespace
}  // namespace labctl::commands
