#include "probes/protocol/http.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <initializer_list>

namespace labctl::protocol {
namespace {

using probes::Outcome;
using State = HttpResponseParser::State;

HttpResponseParser parse(const std::string& text, bool close = false) {
  HttpResponseParser parser;
  parser.feed(text);
  if (close) {
    parser.finish();
  }
  return parser;
}

TEST(HttpRequest, IsWrittenWithHostAndClose) {
  HttpRequest request;
  request.path = "/hostname";
  request.host = "web";
  request.headers = {{"X-Test", "1"}};
  EXPECT_EQ(encode_http_request(request),
            "GET /hostname HTTP/1.1\r\nHost: web\r\nX-Test: 1\r\nUser-Agent: labctl\r\nAccept: */*\r\n"
            "Connection: close\r\n\r\n");
}

TEST(HttpRequest, GivenHeadersReplaceOurs) {
  HttpRequest request;
  request.method = "POST";
  request.host = "web";
  request.body = "hello";
  request.headers = {{"host", "other"}, {"connection", "keep-alive"}, {"accept", "x"}, {"user-agent", "y"}};
  EXPECT_EQ(encode_http_request(request),
            "POST / HTTP/1.1\r\nhost: other\r\nconnection: keep-alive\r\naccept: x\r\nuser-agent: y\r\n"
            "Content-Length: 5\r\n\r\nhello");
}

TEST(HttpRequest, WhatWouldBecomeAnotherRequestIsRefused) {
  const auto with = [](auto change) {
    HttpRequest request;
    change(request);
    return request_error(request);
  };
  EXPECT_EQ(with([](auto&) {}), "");
  EXPECT_NE(with([](auto& r) { r.method = "GET /x"; }), "");
  EXPECT_NE(with([](auto& r) { r.path = "/a b"; }), "");
  EXPECT_NE(with([](auto& r) { r.path = "x"; }), "");
  EXPECT_NE(with([](auto& r) { r.path = ""; }), "");
  EXPECT_NE(with([](auto& r) { r.host = "a\r\nb"; }), "");
  EXPECT_NE(with([](auto& r) { r.headers = {{"a b", "c"}}; }), "");
  EXPECT_NE(with([](auto& r) { r.headers = {{"a", "c\r\nd: e"}}; }), "");
}

TEST(HttpResponse, WithALengthEndsThere) {
  const auto parser = parse("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A:  b \r\n\r\nokrest");
  ASSERT_EQ(parser.state(), State::Done);
  EXPECT_EQ(parser.response().status, 200);
  EXPECT_EQ(parser.response().reason_phrase, "OK");
  EXPECT_EQ(parser.response().body, "ok");
  EXPECT_EQ(*parser.response().find_header("x-a"), "b");
  EXPECT_EQ(parser.response().find_header("x"), nullptr);
}

TEST(HttpResponse, WithoutALengthEndsWithTheConnection) {
  auto parser = parse("HTTP/1.0 200\r\n\r\nab");
  EXPECT_EQ(parser.state(), State::Body);
  parser.feed("cd");
  EXPECT_EQ(parser.finish(), State::Done);
  EXPECT_EQ(parser.response().body, "abcd");
}

TEST(HttpResponse, ChunksAreJoined) {
  const auto parser = parse(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n"
      "3\r\nabc\r\n0A ; x=y\r\n0123456789\r\n0\r\nTrailer: 1\r\n\r\n");
  ASSERT_EQ(parser.state(), State::Done) << parser.error();
  EXPECT_EQ(parser.response().body, "abc0123456789");
}

TEST(HttpResponse, ComesInAnyPieces) {
  const std::string text =
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: "
      "chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
  for (std::size_t size = 1; size <= text.size(); ++size) {
    HttpResponseParser parser;
    for (std::size_t at = 0; at < text.size(); at += size) {
      parser.feed(std::string_view(text).substr(at, size));
    }
    ASSERT_EQ(parser.state(), State::Done) << size << ": " << parser.error();
    EXPECT_EQ(parser.response().status, 200);
    EXPECT_EQ(parser.response().body, "abc");
  }
}

// What servers in a line of shell or Python write, and curl and Go's client read.
TEST(HttpResponse, IsReadAsSmallServersWriteIt) {
  struct Written {
    const char* text;
    const char* body;
    const char* reason;
  };
  for (const Written& one : std::initializer_list<Written>{
           {"HTTP/1.1 200 OK\n\nhello\n", "hello\n", "OK"},
           {"HTTP/1.1 200 OK\nContent-Length: 2\n\nokrest", "ok", "OK"},
           {"HTTP/1.1 200\n\nx", "x", ""},
           {"HTTP/1.1 200 \r\n\r\nx", "x", ""},
           {"HTTP/1.0  200  It is fine \r\nA: b\n\r\nx", "x", "It is fine"},
           {"HTTP/1.1 100 Continue\n\nHTTP/1.1 103 Early Hints\nLink: </a>\n\nHTTP/1.1 200 OK\n\nx", "x",
            "OK"},
           {"HTTP/1.1 200 OK\nContent-Length: 1\nContent-Length: 1\n\nx", "x", "OK"},
           {"HTTP/1.1 200 OK\nA: one\n two\n\tthree\nServer : old\n\nx", "x", "OK"},
           {"HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n3;a=\"b\"\nabc\n0\nTrailer: 1\n\n", "abc", "OK"},
           {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 9\r\n\r\n1\r\nx\r\n0\r\n\r\n",
            "x", "OK"}}) {
    for (const std::size_t piece : {std::string(one.text).size(), std::size_t{1}, std::size_t{3}}) {
      HttpResponseParser parser;
      for (std::size_t at = 0; at < std::string_view(one.text).size(); at += piece) {
        parser.feed(std::string_view(one.text).substr(at, piece));
      }
      parser.finish();
      ASSERT_EQ(parser.state(), State::Done) << one.text << parser.error();
      EXPECT_EQ(parser.response().status, 200) << one.text;
      EXPECT_EQ(parser.response().body, one.body) << one.text;
      EXPECT_EQ(parser.response().reason_phrase, one.reason) << one.text;
    }
  }
}

TEST(HttpResponse, AFoldedHeaderIsOne) {
  const auto parser = parse("HTTP/1.1 200 OK\nA: one\n  two\n\tthree \nB:\n four\n\n");
  ASSERT_EQ(parser.response().headers.size(), 2U);
  EXPECT_EQ(*parser.response().find_header("a"), "one two three");
  EXPECT_EQ(*parser.response().find_header("b"), "four");
}

TEST(HttpResponse, SomeHaveNoBody) {
  EXPECT_EQ(parse("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n").state(), State::Done);
  EXPECT_EQ(parse("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").state(), State::Done);
  HttpResponseParser head(true);
  EXPECT_EQ(head.feed("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"), State::Done);
}

TEST(HttpResponse, BodyKeptIsBounded) {
  HttpResponseParser parser;
  parser.feed("HTTP/1.1 200 OK\r\n\r\n");
  const std::string megabyte(1 << 20, 'x');
  for (int i = 0; i < 64; ++i) {
    ASSERT_EQ(parser.feed(megabyte), State::Body);
  }
  EXPECT_EQ(parser.response().body.size(), kHttpBodyKept);
  EXPECT_EQ(parser.response().body_size, kHttpBodyLimit);
  EXPECT_EQ(parser.feed("x"), State::Failed);
}

TEST(HttpResponse, AsMuchOfABodyIsKeptAsIsWanted) {
  for (const std::size_t kept : {std::size_t{0}, std::size_t{3}, kHttpBodyWhole}) {
    HttpResponseParser parser(false, kept);
    parser.feed("HTTP/1.1 200 OK\r\nContent-Length: 100003\r\n\r\n");
    parser.feed(std::string(100'000, 'x') + "END");
    ASSERT_EQ(parser.state(), State::Done);
    EXPECT_EQ(parser.response().body.size(), std::min<std::size_t>(kept, 100'003));
    EXPECT_EQ(parser.response().body.ends_with("END"), kept == kHttpBodyWhole);
    EXPECT_EQ(parser.response().body_size, 100'003U);
  }
}

TEST(HttpResponse, HeadIsBounded) {
  HttpResponseParser parser;
  parser.feed("HTTP/1.1 200 OK\r\n");
  const std::string line = "X: " + std::string(1000, 'y') + "\r\n";
  for (int i = 0; i < 100 && parser.state() == State::Head; ++i) {
    parser.feed(line);
  }
  EXPECT_EQ(parser.state(), State::Failed);
}

TEST(HttpResponse, InterimRepliesAreBounded) {
  std::string text;
  for (int i = 0; i < 100; ++i) {
    text += "HTTP/1.1 100 Continue\r\n\r\n";
  }
  EXPECT_EQ(parse(text).state(), State::Failed);
}

TEST(HttpResponse, AnotherProtocolIsKnownByItsFirstByte) {
  EXPECT_EQ(parse("S").state(), State::Failed);
  EXPECT_EQ(parse("H").state(), State::Head);
  EXPECT_EQ(parse("HTTP/2.0 200\r\n").state(), State::Failed);
}

TEST(HttpResponse, MalformedOnesFail) {
  for (const char* text :
       {"HTTP/1.1 20\r\n\r\n", "HTTP/1.1 abc OK\r\n\r\n", "HTTP/1.1 2000\r\n\r\n", "HTTP/1.1200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "HTTP/1.1 200 OK\r\n: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\n folded first: x\r\n\r\n", "HTTP/1.1 200OK\n\n", "HTTP/1.1\t200 OK\n\n",
        "HTTP/1.1 200 OK\nContent-Length: 1\nContent-Length: 2\n\nxy",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n"}) {
    EXPECT_EQ(parse(text).state(), State::Failed) << text;
  }
}

TEST(HttpResponse, AnEarlyCloseFails) {
  EXPECT_EQ(parse("", true).error(), "the connection was closed without a reply");
  EXPECT_EQ(parse("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", true).error(),
            "the connection was closed in the middle of the reply");
}

TEST(HttpResponse, ParserIsUsedAgain) {
  auto parser = parse("HTTP/1.1 500 No\r\nContent-Length: 1\r\n\r\nx");
  parser.reset();
  parser.feed("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  EXPECT_EQ(parser.state(), State::Done);
  EXPECT_EQ(parser.response().status, 200);
  EXPECT_EQ(parser.response().headers.size(), 1u);
  EXPECT_EQ(parser.response().body, "ok");
}

TEST(HttpClassify, WantsSuccessUnlessAStatusIsNamed) {
  HttpRequest request;
  HttpResponse response;
  response.status = 204;
  EXPECT_EQ(classify(response, request), Outcome::Ok);
  response.status = 302;
  EXPECT_EQ(classify(response, request), Outcome::Ok);
  response.status = 404;
  EXPECT_EQ(classify(response, request), Outcome::HttpStatus);
  request.expect_status = 404;
  EXPECT_EQ(classify(response, request), Outcome::Ok);
  response.status = 200;
  EXPECT_EQ(classify(response, request), Outcome::HttpStatus);
}

}  // namespace
}  // namespace labctl::protocol
