#include "topology/manifest/yaml/json_text.hpp"

#include "topology/manifest/loader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace labctl::manifest {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(JsonText, ValuesThatFollowEachOtherAreToldApart) {
  EXPECT_THAT(split_json_values("{\"a\": 1}"), ElementsAre("{\"a\": 1}"));
  EXPECT_THAT(split_json_values("{\"a\": \"}{\"}{\"b\": [{}]}\n{}\n"),
              ElementsAre("{\"a\": \"}{\"}", "{\"b\": [{}]}", "{}\n"));
  EXPECT_THAT(split_json_values(" {\"a\": \"\\\"}\"} "), ElementsAre("{\"a\": \"\\\"}\"} "));
}

TEST(JsonText, WhatIsNoneIsLeftToYaml) {
  for (const char* text :
       {"", "a: 1\n", "[1]", "{\"a\": 1", "{\"a\": \"", "{a: 1} # one", "{} x", "{}\n---\n"}) {
    EXPECT_THAT(split_json_values(text), IsEmpty()) << text;
  }
}

TEST(JsonText, PairsOfSurrogatesAreOneCharacter) {
  EXPECT_EQ(join_surrogates(R"({"a": "\ud83d\ude00"})").text, R"({"a": "\U0001f600"})");
  EXPECT_EQ(join_surrogates(R"({"a\uD83D\uDE00": "\uDBFF\uDFFF"})").text, R"({"a\U0001f600": "\U0010ffff"})");
  for (const char* same : {R"({"a": "\\ud83d\\ude00"})", R"({"a": "\ud83d"})", R"({"a": "\ude00\ud83d"})",
                           R"({"a": "\ud83d \ude00"})", R"({"a": "\u00e4\u20ac"})", R"({"a": "\ud83d\u"})"}) {
    EXPECT_EQ(join_surrogates(same).text, same);
  }
}

TEST(JsonText, PlacesBehindAPairAreThoseOfTheFile) {
  const Loaded loaded =
      load({{"t.json",
             "{\"apiVersion\": \"v1\", \"kind\": \"Namespace\",\n"
             " \"metadata\": {\"annotations\": {\"a\": \"\\ud83d\\ude00\"}, \"name\": \"Big\"}}"}},
           {});
  ASSERT_EQ(loaded.diagnostics.size(), 1U);
  EXPECT_EQ(loaded.diagnostics[0].where, (SourcePosition{"t.json", 2, 61}));
}

TEST(JsonText, ObjectsOfOneLineEachAreObjects) {
  const std::string text =
      "{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{\"name\":\"a\"}}\n"
      "{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{\"name\":\"b\",\"annotations\":"
      "{\"x\":\"\\ud83d\\ude00\"}}}{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{\"name\":"
      "\"C\"}}\n";
  const Loaded loaded = load({{"t.json", text}}, {});
  ASSERT_EQ(loaded.objects.size(), 2U);
  EXPECT_EQ(loaded.objects[1].json["metadata"]["annotations"]["x"], "\xf0\x9f\x98\x80");
  ASSERT_EQ(loaded.diagnostics.size(), 1U);
  EXPECT_EQ(loaded.diagnostics[0].where.line, 2);
  EXPECT_EQ(static_cast<size_t>(loaded.diagnostics[0].where.column), text.find("\"C\"") - text.find('\n'));
}

TEST(JsonText, ALoneSurrogateIsAMistakeWithItsPlace) {
  const Loaded loaded = load({{"t.json", "{\"apiVersion\": \"v1\",\n \"kind\": \"\\ud83d\"}"}}, {});
  ASSERT_EQ(loaded.diagnostics.size(), 1U);
  EXPECT_EQ(loaded.diagnostics[0].where.line, 2);
  EXPECT_THAT(loaded.diagnostics[0].message, HasSubstr("no Unicode character"));
}

TEST(JsonText, InYamlTheEscapesOfABlockAreText) {
  const Loaded loaded =
      load({{"t.yaml",
             "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: a\n  annotations:\n    x: |\n"
             "      {\"a\": \"\\ud83d\\ude00\"}\n"}},
           {});
  ASSERT_EQ(loaded.objects.size(), 1U);
  EXPECT_EQ(loaded.objects[0].json["metadata"]["annotations"]["x"], "{\"a\": \"\\ud83d\\ude00\"}\n");
}

}  // namespace
}  // namespace labctl::manifest
