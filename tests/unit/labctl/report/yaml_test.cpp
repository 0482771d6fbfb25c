#include "labctl/report/text/yaml.hpp"

#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>
#include <nlohmann/json.hpp>

#include <random>
#include <sstream>

namespace labctl::report {
namespace {

using Json = nlohmann::json;

std::string yaml(const Json& value) {
  std::ostringstream out;
  write_yaml(out, value);
  return out.str();
}

// What another reader makes of it: text stays text (quoted or not), everything else is compared as written.
void expect_same(const YAML::Node& node, const Json& value, const std::string& text) {
  if (value.is_object()) {
    ASSERT_TRUE(node.IsMap()) << text;
    ASSERT_EQ(node.size(), value.size()) << text;
    for (const auto& [key, item] : value.items()) {
      expect_same(node[key], item, text);
    }
  } else if (value.is_array()) {
    ASSERT_TRUE(node.IsSequence()) << text;
    ASSERT_EQ(node.size(), value.size()) << text;
    for (size_t i = 0; i < value.size(); ++i) {
      expect_same(node[i], value[i], text);
    }
  } else if (value.is_string()) {
    ASSERT_TRUE(node.IsScalar()) << text;
    EXPECT_EQ(node.Scalar(), value.get<std::string>()) << text;
  } else if (value.is_null()) {
    EXPECT_TRUE(node.IsNull()) << text;
  } else {
    EXPECT_EQ(node.Scalar(), value.dump()) << text;
  }
}

TEST(Yaml, LooksAsKubectlWritesIt) {
  const Json pod = Json::parse(R"({
    "apiVersion": "v1", "kind": "Pod",
    "metadata": {"name": "web-0", "labels": {"app": "web"}, "creationTimestamp": "2026-01-02T03:04:05Z"},
    "spec": {"containers": [{"name": "app", "args": ["-c", "true"], "ports": [{"containerPort": 80}]}],
             "nodeSelector": {}, "tolerations": []},
    "status": {"podIP": "10.244.1.2", "conditions": null, "ready": true}})");
  EXPECT_EQ(yaml(pod), R"(apiVersion: v1
kind: Pod
metadata:
  creationTimestamp: "2026-01-02T03:04:05Z"
  labels:
    app: web
  name: web-0
spec:
  containers:
  - args:
    - -c
    - "true"
    name: app
    ports:
    - containerPort: 80
  nodeSelector: {}
  tolerations: []
status:
  conditions: null
  podIP: 10.244.1.2
  ready: true
)");
}

TEST(Yaml, QuotesTextThatWouldBeReadAsSomethingElse) {
  for (const char* text : {"",     "true",     "True",
                           "yes",  "no",       "on",
                           "OFF",  "y",        "N",
                           "null", "~",        "Null",
                           "1",    "-1",       "+1",
                           "0x1F", "0o17",     "0b1",
                           "1.5",  ".5",       "1e3",
                           "1.",   "1_000",    "0777",
                           ".inf", "-.Inf",    ".NaN",
                           "1:30", "12:30:45", "2026-01-02",
                           "<<",   "=",        "2026-01-02T03:04:05Z"}) {
    EXPECT_EQ(yaml_scalar(text), "\"" + std::string(text) + "\"");
  }
}

TEST(Yaml, LeavesOtherTextPlain) {
  for (const char* text :
       {"web", "10.244.1.2",  "10.244.0.0/16", "v1.2.3",     "a:b",     "a#b",    "http://x/y",
        "-c",  "--flag",      "1.2.3",         "sha256:abc", "fd00::1", "node-1", "x=1",
        "a]",  "hello world", "it's",          "100m",       "1Gi",     "Grüße"}) {
    EXPECT_EQ(yaml_scalar(text), text);
  }
}

TEST(Yaml, QuotesTextWithAMeaningOfItsOwn) {
  for (const char* text :
       {"*",    "&a",  "!x",  "|",  ">",  "%x", "@x", "`x", "- a", "-",     "? a", ": a",   "a: b",
        "a #b", "{a}", "[a]", "#a", ",a", " a", "a ", "a:", "'a'", "\"a\"", "---", "--- a", "..."}) {
    EXPECT_NE(yaml_scalar(text), text);
    EXPECT_EQ(YAML::Load(yaml_scalar(text)).Scalar(), text);
  }
}

TEST(Yaml, WritesTextOfSeveralLinesAsABlock) {
  EXPECT_EQ(yaml({{"data", {{"a.conf", "one\n  two\n\nthree\n"}}}}),
            "data:\n  a.conf: |\n    one\n      two\n\n    three\n");
  EXPECT_EQ(yaml({{"a", "one\ntwo"}}), "a: |-\n  one\n  two\n");
  EXPECT_EQ(yaml({{"a", "one\ntwo\n\n"}}), "a: |+\n  one\n  two\n\n");
}

TEST(Yaml, EscapesWhatATerminalOrAReaderCouldMisread) {
  EXPECT_EQ(yaml_scalar("a\x1b[31m"), "\"a\\x1B[31m\"");
  EXPECT_EQ(yaml_scalar("a\u0085b"), "\"a\\x85b\"");
  EXPECT_EQ(yaml_scalar("a\u2028b"), "\"a\\u2028b\"");
  EXPECT_EQ(yaml_scalar("\ufeff"), "\"\\uFEFF\"");
  EXPECT_EQ(yaml_scalar("bad \xff byte"), "\"bad \ufffd byte\"");
  EXPECT_EQ(yaml_scalar("tab\there"), "\"tab\\there\"");
}

TEST(Yaml, OfTopLevelValuesIsADocument) {
  EXPECT_EQ(yaml(Json::array()), "[]\n");
  EXPECT_EQ(yaml(Json::object()), "{}\n");
  EXPECT_EQ(yaml("text"), "text\n");
  EXPECT_EQ(yaml({1, {2, 3}}), "- 1\n- - 2\n  - 3\n");
}

TEST(Yaml, IsReadBackTheSameWhateverTheTextIs) {
  std::mt19937 random(7);
  const std::vector<std::string> parts{"a",  "B",  "1",  "0", ".", ":", "-", " ", "\n", "\n", "#", "'",
                                       "\"", "\\", "{",  "]", ",", "&", "*", "!", "|",  ">",  "%", "@",
                                       "`",  "?",  "\t", "é", "=", "~", "e", "x", "_",  "+",  "/"};
  for (int i = 0; i < 20'000; ++i) {
    std::string text;
    for (size_t n = random() % 8; n > 0; --n) {
      text += parts[random() % parts.size()];
    }
    std::string key;
    for (size_t n = 1 + random() % 3; n > 0; --n) {
      key += parts[random() % parts.size()];
    }
    const Json value{{"list", {text, {{key, text}}, {text}}}, {"map", {{"key", text}}}};
    const std::string out = yaml(value);
    ASSERT_NO_THROW(expect_same(YAML::Load(out), value, out)) << out;
    if (testing::Test::HasFailure()) {
      FAIL() << value.dump() << "\n" << out;
    }
  }
}

}  // namespace
}  // namespace labctl::report
