#include "labctl/api/status_error.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace labctl::api {
namespace {

TEST(StatusError, EveryKindComesBackAsItWas) {
  for (const ErrorKind kind : {ErrorKind::InvalidInput, ErrorKind::NotFound, ErrorKind::AlreadyExists,
                               ErrorKind::Permission, ErrorKind::Unsupported, ErrorKind::Timeout,
                               ErrorKind::Busy, ErrorKind::Kernel, ErrorKind::Internal}) {
    const Response response = to_response(Error(kind, "message", "hint"));
    const Error back = to_error(response.status, response.body);
    EXPECT_EQ(back.kind(), kind) << to_string(kind);
    EXPECT_EQ(back.message(), "message");
    EXPECT_EQ(back.hint(), "hint");
  }
}

TEST(StatusError, IsAKubernetesStatusObject) {
  const auto status =
      nlohmann::json::parse(to_response(Error(ErrorKind::NotFound, "pods \"x\" not found")).body);
  EXPECT_EQ(status["kind"], "Status");
  EXPECT_EQ(status["apiVersion"], "v1");
  EXPECT_EQ(status["status"], "Failure");
  EXPECT_EQ(status["reason"], "NotFound");
  EXPECT_EQ(status["code"], 404);
}

TEST(StatusError, TextThatIsNoStatusBecomesTheMessage) {
  EXPECT_EQ(to_error(502, "bad gateway\n").message(), "bad gateway");
  EXPECT_EQ(to_error(404, "").kind(), ErrorKind::NotFound);
  EXPECT_EQ(to_error(500, "[1,2]").message(), "[1,2]");
}

TEST(StatusError, BytesThatAreNoUtf8AreNoObstacle) {
  EXPECT_NO_THROW(to_response(Error(ErrorKind::InvalidInput, "name \xff\xfe")));
}

}  // namespace
}  // namespace labctl::api
