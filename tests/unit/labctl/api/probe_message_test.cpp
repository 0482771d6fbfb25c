#include "labctl/api/probe_message.hpp"

#include "labctl/api/matrix_message.hpp"
#include "topology/base/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace labctl::api {
namespace {

using nlohmann::json;
using testing::HasSubstr;

// What is read and written again is the same.
void expect_kept_request(const char* text) {
  const json body = json::parse(text);
  EXPECT_EQ(to_json(parse_probe(body)), body) << text;
}
void expect_kept_result(const char* text) {
  EXPECT_EQ(to_json(parse_probe_line(text)), json::parse(text)) << text;
}

TEST(ProbeMessage, ARequestIsSentAsItWasRead) {
  expect_kept_request(R"({"from": "pod/a/b", "to": "x:1", "timeout_ms": 1000, "count": 1})");
  expect_kept_request(R"({"id": {"n": 1}, "from": "pod/a/b", "to": "10.0.0.1:80", "proto": "tcp",
      "timeout_ms": 5, "count": 2, "source_port": 9, "percentiles": true, "retry_within_ms": 5,
      "expect": "refused", "http": {"method": "GET", "path": "", "host": "h", "body": "b", "status": 200,
      "headers": {"A": "b"}}})");
  expect_kept_request(R"({"from": "pod/a/b", "timeout_ms": 1, "count": 1,
      "dns": {"name": "n", "type": "SRV", "server": "10.0.0.1", "tcp": true, "recurse": false, "edns": false}})");
  expect_kept_request(R"({"from": "pod/a/b", "to": "dns:n", "timeout_ms": 1, "count": 1,
      "dns": {"tcp": true, "recurse": true, "edns": true}})");
}

TEST(ProbeMessage, WhatIsAskedForIsTheTargetOrSaidByDns) {
  const auto target = [](const char* text) { return parse_probe(json::parse(text)).target(); };
  EXPECT_EQ(target(R"({"from": "a", "to": "x:1"})"), "x:1");
  EXPECT_EQ(target(R"({"from": "a", "dns": {"name": "n"}})"), "dns:n/A");
  EXPECT_EQ(target(R"({"from": "a", "dns": {"name": "n", "type": "TXT", "server": "::1"}})"),
            "dns:n/TXT@::1");
}

TEST(ProbeMessage, AResultIsToldAsItWasRead) {
  expect_kept_result(R"({"id": 7, "outcome": "inconclusive", "error": "no pod", "hint": "look"})");
  expect_kept_result(
      R"({"outcome": "ok", "tries": 1, "backend": "pod/a/b", "source": "fd00::1", "rtt_us": 61})");
  expect_kept_result(R"({"id": "x", "outcome": "timeout", "tries": 10, "rtt_us_min": 1, "rtt_us_max": 9,
      "outcomes": {"ok": 9, "timeout": 1}, "responses": {"pod/a/b": 4, "pod/a/c": 5}, "reason": "no answer",
      "rtt_percentiles_us": {"p50": 1, "p90": 2, "p99": 3, "max": 9}})");
  expect_kept_result(R"({"outcome": "ok", "tries": 1, "status": 200, "body": "b", "headers": {"A": "b"}})");
  expect_kept_result(
      R"({"outcome": "ok", "tries": 1, "dns": {"server": "10.96.0.10", "rtt_us": 5, "tcp": true,
      "rcode": "NOERROR", "flags": ["qr"], "answer": ["a. 5 IN A 1.2.3.4"], "authority": [], "additional": [],
      "queries": [{"name": "a", "type": "A", "server": "10.96.0.10", "outcome": "ok", "rtt_us": 5,
                   "rcode": "NOERROR"}]}})");
  expect_kept_result(R"({"outcome": "timeout", "tries": 1, "dns": {"server": "10.96.0.10", "rtt_us": 0,
      "queries": [{"name": "a", "type": "A", "server": "10.96.0.10", "outcome": "timeout", "rtt_us": 0}]}})");
}

TEST(ProbeMessage, AnAnswerThatNoLabGivesIsNoMistakeOfTheUsers) {
  for (const char* text :
       {"", "5", "[]", "{}", R"({"outcome": 5})", R"({"outcome": "okay"})",
        R"({"outcome": "ok", "tries": -1})", R"({"outcome": "ok", "tries": 1e300})",
        R"({"outcome": "ok", "source": "here"})", R"({"outcome": "ok", "responses": {"a": -1}})",
        R"({"outcome": "ok", "responses": [1]})", R"({"outcome": "ok", "outcomes": {"okay": 1}})",
        R"({"outcome": "ok", "status": "200"})", R"({"outcome": "ok", "headers": 1, "status": 200})",
        R"({"outcome": "ok", "dns": []})", R"({"outcome": "ok", "dns": {"answer": [1]}})",
        R"({"outcome": "ok", "dns": {"queries": [null]}})"}) {
    try {
      parse_probe_line(text);
      ADD_FAILURE() << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::Internal) << text;
      EXPECT_THAT(error.message(), HasSubstr("reply of the lab: ")) << text;
    }
  }
}

TEST(MatrixMessage, ARequestIsSentAsItWasRead) {
  const json body =
      json::parse(R"({"proto": "udp", "port": 53, "timeout_ms": 5, "from": ["pod/a/b"], "to": []})");
  EXPECT_EQ(to_json(parse_matrix(body)), body);
}

constexpr const char* kMatrix = R"({"sources": ["a", "b"], "destinations": ["c", "c"],
    "rows": [["ok", "timeout"], ["ok", "wrong_answer"]], "wanted": [["ok", "timeout"], ["unreachable", "ok"]],
    "ok": 2, "total": 4, "elapsed_ms": 1.5, "failures": [
    {"from": "b", "to": "c", "outcome": "ok", "wanted": "unreachable", "backend": "", "reason": ""},
    {"from": "b", "to": "c", "outcome": "wrong_answer", "wanted": "ok", "backend": "d", "reason": "it was d"}]})";

TEST(MatrixMessage, AReplyIsToldAsItWasRead) {
  for (const char* text :
       {kMatrix, R"({"sources": ["a"], "destinations": [], "rows": [], "wanted": [], "ok": 0,
                                        "total": 0, "elapsed_ms": 0.0, "failures": []})"}) {
    EXPECT_EQ(json::parse(to_text(parse_matrix_reply(json::parse(text)))), json::parse(text));
  }
}

TEST(MatrixMessage, WhatWasNotProbedIsADash) {
  MatrixReply reply{{{"a"}, {"b", "c"}}, 0};
  reply.reach.see(0, 1, {probes::Outcome::Ok, "", ""});
  const json body = json::parse(to_text(reply));
  EXPECT_EQ(body["rows"], json::parse(R"([["-", "ok"]])"));
  EXPECT_EQ(body["total"], 1);
  EXPECT_FALSE(parse_matrix_reply(body).reach.seen(0, 0));
}

TEST(MatrixMessage, NobodyWaitsForAReplyThatNobodyWants) {
  Cancel gone;
  gone.request();
  EXPECT_THROW(to_text(parse_matrix_reply(json::parse(kMatrix)), &gone), Error);
}

TEST(MatrixMessage, AReplyThatNoLabGivesIsNoMistakeOfTheUsers) {
  const json right = json::parse(kMatrix);
  for (const char* pointer : {"", "/sources", "/destinations", "/destinations/0", "/rows", "/rows/1",
                              "/rows/1/0", "/wanted/0", "/failures", "/failures/0", "/elapsed_ms"}) {
    for (const json& wrong : {json("x"), json(5), json::array({1, 2, 3}), json{{"x", 1}}}) {
      json body = right;
      body[json::json_pointer(pointer)] = wrong;
      try {
        parse_matrix_reply(body);
        EXPECT_TRUE(std::string(pointer) == "/destinations/0" || std::string(pointer) == "/elapsed_ms")
            << pointer << " " << wrong;  // a text, a number
      } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::Internal) << pointer << " " << wrong;
      }
    }
  }
}

}  // namespace
}  // namespace labctl::api
