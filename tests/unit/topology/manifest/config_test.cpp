// ConfigMaps, Secrets, ServiceAccounts, claims, volumes and their classes in files.

#include "topology/manifest/loader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace labctl::manifest {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

std::vector<std::string> said_of_config(const std::string& kind, const std::string& rest) {
  std::vector<std::string> out;
  const std::string version = kind == "StorageClass" ? "storage.k8s.io/v1" : "v1";
  const std::string text =
      "apiVersion: " + version + "\nkind: " + kind + "\nmetadata: {name: a}\n" + rest + "\n";
  for (const Diagnostic& d : load({{"t.yaml", text}}, {}).diagnostics) {
    out.push_back((d.severity == Severity::Error ? "E " : "W ") + to_string(d));
  }
  return out;
}

nlohmann::json config_object(const std::string& kind, const std::string& rest) {
  const std::string text = "apiVersion: v1\nkind: " + kind + "\nmetadata: {name: a}\n" + rest + "\n";
  const Loaded loaded = load({{"t.yaml", text}}, {});
  return loaded.objects.empty() ? nlohmann::json() : loaded.objects.front().json;
}

TEST(ConfigMapRules, KeysAreWhatAFileMayBeCalled) {
  EXPECT_THAT(said_of_config("ConfigMap", "data: {key.name: a, KEY_NAME: b, key-name: c, .hidden: d}"),
              IsEmpty());
  EXPECT_THAT(said_of_config("ConfigMap", "data: {a/b: x}"),
              ElementsAre(HasSubstr(R"(Invalid value: "a/b": a valid config key must consist of)")));
  EXPECT_THAT(said_of_config("ConfigMap", "data: {..: x}"), ElementsAre(HasSubstr("must not be '..'")));
  EXPECT_THAT(said_of_config("ConfigMap", "data: {..data: x}"),
              ElementsAre(HasSubstr("must not start with '..'")));
}

TEST(ConfigMapRules, AKeyStandsOnce) {
  EXPECT_THAT(said_of_config("ConfigMap", "data: {a: x}\nbinaryData: {a: Zm9v}"),
              ElementsAre(HasSubstr(R"("a": duplicate of key present in data)")));
}

TEST(ConfigMapRules, ValuesAreTextsAndBinaryOnesBase64) {
  EXPECT_THAT(said_of_config("ConfigMap", "data: {a: 5}"), ElementsAre(HasSubstr("got the number 5")));
  EXPECT_THAT(said_of_config("ConfigMap", "binaryData: {a: '*'}"), ElementsAre(HasSubstr("is no base64")));
}

TEST(ConfigMapRules, HoldAMebibyteAtMost) {
  const std::string half(524288, 'x');
  EXPECT_THAT(said_of_config("ConfigMap", "data: {a: " + half + ", b: " + half + "}"), IsEmpty());
  EXPECT_THAT(said_of_config("ConfigMap", "data: {a: " + half + ", b: " + half + "x}"),
              ElementsAre(HasSubstr("must have at most 1048576 bytes, got 1048577")));
}

TEST(SecretRules, TextsBecomeDataAndCountBeforeIt) {
  const nlohmann::json secret = config_object("Secret", "data: {a: Zm9v, b: Zm9v}\nstringData: {b: bar}");
  EXPECT_EQ(secret.at("data"), (nlohmann::json{{"a", "Zm9v"}, {"b", "YmFy"}}));
  EXPECT_FALSE(secret.contains("stringData"));
  EXPECT_EQ(secret.at("type"), "Opaque");
}

TEST(SecretRules, TypesHaveTheirKeys) {
  const auto of = [](const std::string& type, const std::string& rest) {
    return said_of_config("Secret", "type: kubernetes.io/" + type + "\n" + rest);
  };
  EXPECT_THAT(of("tls", "stringData: {tls.crt: a}"), ElementsAre(HasSubstr("Required value: data[tls.key]")));
  EXPECT_THAT(of("tls", "stringData: {tls.crt: a, tls.key: b}"), IsEmpty());
  EXPECT_THAT(of("ssh-auth", "data: {}"), ElementsAre(HasSubstr("ssh-privatekey")));
  EXPECT_THAT(of("basic-auth", "data: {}").size(), 2U);
  EXPECT_THAT(of("basic-auth", "stringData: {username: a}"), IsEmpty());
  EXPECT_THAT(of("dockerconfigjson", "stringData: {.dockerconfigjson: '{\"auths\": {}}'}"), IsEmpty());
  EXPECT_THAT(of("dockerconfigjson", "stringData: {.dockerconfigjson: 'pass'}"),
              ElementsAre(AllOf(HasSubstr("<secret contents redacted>"), Not(HasSubstr("pass")))));
  EXPECT_THAT(of("service-account-token", ""), ElementsAre(HasSubstr("Required value")));
}

TEST(SecretRules, NoMessageSaysWhatItHolds) {
  for (const char* rest : {"data: {a: 4711}", "data: {a: '4711*'}", "stringData: {a: 4711}",
                           "stringData: {a: [4711]}", "stringData: {a/b: '4711'}"}) {
    const std::vector<std::string> lines = said_of_config("Secret", rest);
    EXPECT_FALSE(lines.empty()) << rest;
    EXPECT_THAT(lines, Not(Contains(HasSubstr("4711")))) << rest;
  }
}

TEST(ClaimRules, NeedAModeAndAnAmount) {
  EXPECT_THAT(said_of_config("PersistentVolumeClaim", "spec: {}"),
              ElementsAre(HasSubstr("at least 1 access mode is required"), HasSubstr("storage")));
  EXPECT_THAT(said_of_config("PersistentVolumeClaim",
                             "spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}"),
              IsEmpty());
  EXPECT_THAT(said_of_config("PersistentVolumeClaim",
                             "spec: {accessModes: [RWO], resources: {requests: {storage: 512MB}}}"),
              ElementsAre(HasSubstr("Unsupported value"), HasSubstr("is no quantity")));
}

TEST(StorageRules, WhatVolumesAreMadeOfIsNotLookedAt) {
  EXPECT_THAT(
      said_of_config(
          "PersistentVolume",
          "spec: {capacity: {storage: 1Gi}, accessModes: [ReadWriteOnce], nfs: {server: a, path: /}}"),
      IsEmpty());
  EXPECT_THAT(said_of_config("StorageClass", "provisioner: example.com/disk"), IsEmpty());
}

}  // namespace
}  // namespace labctl::manifest
