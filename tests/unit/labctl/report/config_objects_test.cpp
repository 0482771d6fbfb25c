// ConfigMaps, Secrets and claims as `get` and `describe` show them.

#include "labctl/report/objects/config_objects.hpp"

#include "labctl/report/objects/describe.hpp"
#include "labctl/report/objects/resources.hpp"
#include "topology/base/timestamp.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <sstream>

namespace labctl::report {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

nlohmann::json config_of(const std::string& kind, const std::string& rest) {
  nlohmann::json object = nlohmann::json::parse(rest);
  object["kind"] = kind;
  object["apiVersion"] = "v1";
  object["metadata"]["name"] = "a";
  object["metadata"]["namespace"] = "default";
  object["metadata"]["creationTimestamp"] = "2026-01-02T03:04:05Z";
  return object;
}

std::string config_table(const nlohmann::json& object) {
  ResourceView how;
  how.now = *parse_timestamp("2026-01-02T03:04:35Z");
  std::ostringstream out;
  print_resources(out, {object}, how);
  return out.str();
}

std::string config_description(const nlohmann::json& object) {
  std::ostringstream out;
  print_description(out, object, {}, {}, *parse_timestamp("2026-01-02T03:04:35Z"), nullptr);
  return out.str();
}

const char* const kSecretText = R"({"type":"Opaque","data":{"password":"czNjcmV0","user":"bWU="}})";

TEST(ConfigTable, HasKubectlsColumns) {
  EXPECT_EQ(config_table(config_of("ConfigMap", R"({"data":{"a":"1","b":"2"},"binaryData":{"c":"Zg=="}})")),
            "NAME   DATA   AGE\na      3      30s\n");
  EXPECT_EQ(config_table(config_of("Secret", kSecretText)),
            "NAME   TYPE     DATA   AGE\na      Opaque   2      30s\n");
  EXPECT_EQ(config_table(config_of("ServiceAccount", "{}")), "NAME   SECRETS   AGE\na      0         30s\n");
}

TEST(ConfigTable, AClaimSaysWhatItIsBoundTo) {
  EXPECT_THAT(config_table(config_of("PersistentVolumeClaim",
                                     R"({"spec":{"volumeName":"pvc-1","storageClassName":"standard"},
      "status":{"phase":"Bound","capacity":{"storage":"1Gi"},"accessModes":["ReadWriteOnce","ReadWriteMany"]}})")),
              AllOf(HasSubstr("Bound    pvc-1    1Gi        RWO,RWX        standard"), HasSubstr("30s")));
}

TEST(ConfigTable, TheDefaultClassIsMarked) {
  EXPECT_THAT(
      config_table(config_of(
          "StorageClass",
          R"({"provisioner":"p","metadata":{"annotations":{"storageclass.kubernetes.io/is-default-class":"true"}}})")),
      HasSubstr("a (default)"));
}

TEST(ConfigDescription, OfASecretSaysSizesOnly) {
  EXPECT_THAT(config_description(config_of("Secret", kSecretText)),
              AllOf(HasSubstr("password: 6 bytes\nuser: 2 bytes\n"), Not(HasSubstr("s3cret")),
                    Not(HasSubstr("czNjcmV0"))));
}

TEST(ConfigDescription, OfAConfigMapCannotSteerATerminal) {
  EXPECT_THAT(config_description(config_of("ConfigMap", R"({"data":{"a":"one\n\u001b[2Jtwo"}})")),
              AllOf(HasSubstr("a:\n----\none\n"), Not(HasSubstr("\x1b"))));
}

}  // namespace
}  // namespace labctl::report
