#include "labctl/api/request_reader.hpp"

#include "topology/base/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace labctl::api {
namespace {

using nlohmann::json;
using testing::HasSubstr;

std::string refusal_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::InvalidInput);
    return error.message();
  }
  return "no error";
}

TEST(ParseJson, RefusesWhatIsNoneAndWhatIsNestedTooDeep) {
  EXPECT_EQ(parse_json(R"({"a": [1, "\u00e4"]})", "body")["a"][1], "\xc3\xa4");
  EXPECT_EQ(refusal_of([] { parse_json("{\"a\": }", "body"); }), "body: no JSON: wrong at byte 7");
  for (const char* text : {"", "nul", "{", "\"\xff\xfe\"", "\"\xc3\"", "[1,]", "1 2", "\x01"}) {
    EXPECT_THAT(refusal_of([&] { parse_json(text, "body"); }), HasSubstr("body: no JSON")) << text;
  }
  EXPECT_THAT(refusal_of([] { parse_json("1e999", "body"); }), HasSubstr("body: "));
  EXPECT_NO_THROW(parse_json(std::string(60, '[') + std::string(60, ']'), "body"));
  for (const char* open : {"[", "{\"a\":"}) {
    std::string deep;
    for (int i = 0; i < 200'000; ++i) {
      deep += open;
    }
    EXPECT_THAT(refusal_of([&] { parse_json(deep, "body"); }), HasSubstr("deep"));
  }
}

TEST(Fields, SayEveryMistakeWithItsPath) {
  const json body = json::parse(R"({"name": 5, "port": 65616, "big": 18446744073709551615, "real": 1e300,
      "flag": "yes", "list": ["a", {}], "map": {"x": 1}, "in": {"port": -1}, "many": [{"port": "80"}, 3],
      "prot": 1})");
  Mistakes mistakes;
  Fields fields(body, "", mistakes);
  EXPECT_EQ(fields.text("name", "otherwise"), "otherwise");
  EXPECT_EQ(fields.number("port", kPort, 80), 80);
  fields.number("big", kPort, 0);
  fields.number("real", {0, 9}, 0);
  fields.flag("flag");
  fields.texts("list");
  fields.text_map("map");
  fields.object("in")->number("port", kPort, 0);
  auto many = fields.objects("many");
  ASSERT_EQ(many.size(), 2u);
  many[0].number("port", kPort, 0);
  fields.required_text("missing");
  fields.close();
  const std::string said = refusal_of([&] { mistakes.throw_if_any(); });
  for (const char* one : {"name: 5: must be a string", "port: 65616: a port is 1 to 65535",
                          "big: 18446744073709551615: a port is 1 to 65535", "real: 1e+300: it is 0 to 9",
                          "flag: \"yes\": must be true or false", "list[1]: {}: must be a string",
                          "map.x: 1: must be a string", "in.port: -1: a port is 1 to 65535", "and 4 more"}) {
    EXPECT_THAT(said, HasSubstr(one));
  }
}

TEST(Fields, AnUnknownFieldIsToldWithTheOneThatWasMeant) {
  const json body{{"prot", 1}};
  Mistakes mistakes;
  Fields fields(body, "probes[3]", mistakes);
  fields.text("proto");
  fields.close();
  EXPECT_EQ(refusal_of([&] { mistakes.throw_if_any(); }), "probes[3].prot: 1: no such field, but proto");
}

TEST(Fields, NullIsAbsentAndLongValuesAreCut) {
  const json body{{"name", nullptr}, {"long", std::string(100, 'x')}};
  Mistakes mistakes;
  Fields fields(body, "", mistakes);
  EXPECT_EQ(fields.text("name", "b"), "b");
  EXPECT_EQ(fields.find("name"), nullptr);
  fields.flag("long");
  fields.close();
  const std::string said = refusal_of([&] { mistakes.throw_if_any(); });
  EXPECT_LT(said.size(), 120u);
  EXPECT_THAT(said, HasSubstr("...: must be true or false"));
}

TEST(Fields, WhatIsNoObjectHasNoFields) {
  for (const json& body : {json(), json(1), json("x"), json::array()}) {
    Mistakes mistakes;
    Fields fields(body, "", mistakes);
    EXPECT_EQ(fields.required_text("name"), "");
    EXPECT_EQ(fields.number("port", kPort, 7), 7);
    fields.close();
    EXPECT_THAT(refusal_of([&] { mistakes.throw_if_any(); }), HasSubstr("must be an object"));
  }
}

}  // namespace
}  // namespace labctl::api
