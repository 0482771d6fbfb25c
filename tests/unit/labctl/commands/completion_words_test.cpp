#include "labctl/commands/completion_words.hpp"

#include "fake_lab.hpp"
#include "labctl/commands/commands.hpp"
#include "labctl/commands/session.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace labctl::commands {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::StartsWith;

api::Response answer_get(const api::Request& request) {
  api::Response response;
  if (request.path == "/api/v1/namespaces/default/pods") {
    response.body =
        R"({"items":[{"metadata":{"name":"web-0","namespace":"default"}},{"metadata":{"name":"client"}}]})";
  } else if (request.path == "/api/v1/pods") {
    response.body = R"({"items":[{"metadata":{"name":"web-0","namespace":"shop"}}]})";
  } else if (request.path == "/api/v1/nodes") {
    response.body = R"({"items":[{"metadata":{"name":"node-1"}}]})";
  } else {
    response.body = R"({"outside":[{"name":"www"}],"items":[]})";
  }
  return response;
}

class Completion : public testing::Test {
 protected:
  Completion() { add_commands(app_, globals_); }
  std::vector<std::string> words(const std::vector<std::string>& typed) {
    return completion_words(app_, typed);
  }

  RuntimeFolder folder_;
  Globals globals_;
  CLI::App app_{"", "labctl"};
};

TEST_F(Completion, OfTheFirstWordIsCommands) {
  EXPECT_THAT(words({"de"}), ElementsAre(StartsWith("describe\t"), StartsWith("delete\t")));
}

TEST_F(Completion, OfADashIsFlags) {
  EXPECT_THAT(words({"up", "--dr"}), ElementsAre(StartsWith("--dry-run\t")));
}

TEST_F(Completion, OfAnOutputFlagIsItsFormats) {
  EXPECT_THAT(words({"up", "-o", ""}), ElementsAre("table", "name", "json", "yaml", "jsonl"));
}

TEST_F(Completion, OfNamesAsksTheLab) {
  const FakeLab lab("shop", answer_get);
  EXPECT_THAT(words({"down", ""}), ElementsAre("shop"));
  EXPECT_THAT(words({"-n", "s"}), ElementsAre("shop"));
  EXPECT_THAT(words({"get", "pods", "w"}), ElementsAre("web-0"));
  EXPECT_THAT(words({"get", "pod/"}), ElementsAre("pod/web-0", "pod/client"));
  EXPECT_THAT(words({"logs", ""}), ElementsAre("web-0", "client"));
  EXPECT_THAT(words({"exec", ""}),
              ElementsAre("web-0", "client", "pod/shop/web-0", "node/node-1", "outside/www"));
}

TEST_F(Completion, OfFilesIsLeftToTheShell) {
  EXPECT_THAT(words({"apply", "-f", ""}), ElementsAre(":files"));
  EXPECT_THAT(words({"up", "x"}), ElementsAre(":files"));
}

TEST_F(Completion, HasNoAnswerWithoutALab) {
  EXPECT_THAT(words({"get", "pods", ""}), IsEmpty());
  EXPECT_THAT(words({"frob", ""}), Contains(StartsWith("up\t")));
}

}  // namespace
}  // namespace labctl::commands
