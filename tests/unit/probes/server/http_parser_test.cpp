#include "probes/server/http_parser.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace labctl::server {
namespace {

constexpr std::size_t kMaxBody = 1000;

HttpParser request_parser() { return HttpParser(HttpParser::Kind::Request, kMaxBody); }
HttpParser response_parser() { return HttpParser(HttpParser::Kind::Response, kMaxBody); }

// The status a request is refused with; 0 if it is complete, -1 if more is needed.
int refusal_of(const std::string& bytes) {
  HttpParser parser = request_parser();
  parser.feed(bytes);
  switch (parser.state()) {
    case HttpParser::State::Complete:
      return 0;
    case HttpParser::State::Refused:
      return parser.refusal().status;
    case HttpParser::State::NeedMore:
      return -1;
  }
  return -1;
}

TEST(HttpParser, TakesARequestApart) {
  HttpParser parser = request_parser();
  const std::string bytes = "GET /a?b=c HTTP/1.1\r\nHost: x\r\nX-Key:  v w \r\n\r\n";
  EXPECT_EQ(parser.feed(bytes), bytes.size());
  ASSERT_EQ(parser.state(), HttpParser::State::Complete);
  const HttpMessage request = parser.take();
  EXPECT_EQ(request.method, "GET");
  EXPECT_EQ(request.target, "/a?b=c");
  EXPECT_EQ(request.header("x-kEY"), "v w");
  EXPECT_FALSE(request.header("absent"));
  EXPECT_TRUE(request.keep_alive());
}

TEST(HttpParser, WorksByteByByte) {
  const std::string bytes =
      "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n6\r\n "
      "world\r\n0\r\nX: "
      "y\r\n\r\n";
  HttpParser parser = request_parser();
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    ASSERT_EQ(parser.state(), HttpParser::State::NeedMore) << i;
    EXPECT_EQ(parser.feed(bytes.substr(i, 1)), 1u);
  }
  ASSERT_EQ(parser.state(), HttpParser::State::Complete);
  EXPECT_EQ(parser.take().body, "hello world");
}

TEST(HttpParser, LeavesTheNextRequestAlone) {
  HttpParser parser = request_parser();
  const std::string one = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi";
  EXPECT_EQ(parser.feed(one + "GET / HTTP/1.1\r\n"), one.size());
  EXPECT_EQ(parser.take().body, "hi");
  EXPECT_FALSE(parser.started());
}

TEST(HttpParser, BareNewlinesEndLines) { EXPECT_EQ(refusal_of("GET / HTTP/1.1\nHost: x\n\n"), 0); }

TEST(HttpParser, ConnectionHeaderDecidesKeepAlive) {
  const auto keeps = [](const std::string& version, const std::string& connection) {
    HttpParser parser = request_parser();
    parser.feed("GET / HTTP/" + version + "\r\nHost: x\r\nConnection: " + connection + "\r\n\r\n");
    return parser.take().keep_alive();
  };
  EXPECT_TRUE(keeps("1.1", "upgrade"));
  EXPECT_FALSE(keeps("1.1", "Upgrade, Close"));
  EXPECT_FALSE(keeps("1.0", "upgrade"));
  EXPECT_TRUE(keeps("1.0", "Keep-Alive"));
}

TEST(HttpParser, RefusesWhatIsNoRequest) {
  const std::string host = "Host: x\r\n";
  EXPECT_EQ(refusal_of("\r\n\r\n\r\n\r\n\r\n\r\n"), 400);
  EXPECT_EQ(refusal_of("GET\r\n"), 400);
  EXPECT_EQ(refusal_of("GET /\r\n"), 400);
  EXPECT_EQ(refusal_of("GET / a HTTP/1.1\r\n"), 400);
  EXPECT_EQ(refusal_of("G{T / HTTP/1.1\r\n"), 400);
  EXPECT_EQ(refusal_of("GET /\x01 HTTP/1.1\r\n"), 400);
  EXPECT_EQ(refusal_of("GET / HTTP/2.0\r\n"), 505);
  EXPECT_EQ(refusal_of("GET / FTP/1.1\r\n"), 400);
  EXPECT_EQ(refusal_of("\x16\x03\x01\x02\n"), 400);
  EXPECT_EQ(refusal_of("GET / HTTP/1.1\r\n\r\n"), 400);
  EXPECT_EQ(refusal_of("GET / HTTP/1.1\r\n" + host + host + "\r\n"), 400);
  EXPECT_EQ(refusal_of("GET / HTTP/1.1\r\n" + host + "X : y\r\n\r\n"), 400);
  EXPECT_EQ(refusal_of("GET / HTTP/1.1\r\n" + host + "X: y\r\n folded\r\n\r\n"), 400);
  EXPECT_EQ(refusal_of("GET / HTTP/1.1\r\n" + host + "X: a\rb\r\n\r\n"), 400);
  EXPECT_EQ(refusal_of("GET / HTTP/1.1\r\n" + host + std::string("X: a\0b\r\n\r\n", 10)), 400);
}

TEST(HttpParser, RefusesLengthsThatCanBeReadTwoWays) {
  const std::string begin = "POST / HTTP/1.1\r\nHost: x\r\n";
  EXPECT_EQ(refusal_of(begin + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n"), 400);
  EXPECT_EQ(refusal_of(begin + "Content-Length: +1\r\n\r\n"), 400);
  EXPECT_EQ(refusal_of(begin + "Content-Length: 0x1\r\n\r\n"), 400);
  EXPECT_EQ(refusal_of(begin + "Content-Length: 99999999999999999999999\r\n\r\n"), 400);
  EXPECT_EQ(refusal_of(begin + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"), 400);
  EXPECT_EQ(refusal_of(begin + "Transfer-Encoding: gzip, chunked\r\n\r\n"), 501);
  EXPECT_EQ(refusal_of("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), 400);
  EXPECT_EQ(refusal_of(begin + "Transfer-Encoding: chunked\r\n\r\n-1\r\n"), 400);
  EXPECT_EQ(refusal_of(begin + "Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n"), 400);
}

TEST(HttpParser, BoundsEveryPart) {
  const std::string begin = "POST / HTTP/1.1\r\nHost: x\r\n";
  EXPECT_EQ(refusal_of("GET /" + std::string(HttpParser::kMaxStartLine, 'a')), 414);
  EXPECT_EQ(refusal_of(begin + "X: " + std::string(HttpParser::kMaxHeaderBytes, 'a')), 431);
  std::string many = begin;
  for (std::size_t i = 0; i < HttpParser::kMaxHeaders; ++i) {
    many += "A: b\r\n";
  }
  EXPECT_EQ(refusal_of(many), 431);
  EXPECT_EQ(refusal_of(begin + "Content-Length: 1001\r\n\r\n"), 413);
  EXPECT_EQ(refusal_of(begin + "Transfer-Encoding: chunked\r\n\r\n3e9\r\n"), 413);
  EXPECT_EQ(refusal_of(begin + "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n"), 413);
  std::string trailers = begin + "Transfer-Encoding: chunked\r\n\r\n0\r\n";
  for (int i = 0; i < 4000; ++i) {
    trailers += "Trailer: value\r\n";
  }
  EXPECT_EQ(refusal_of(trailers), 431);
}

TEST(HttpParser, AsksForTheBodyOnce) {
  HttpParser parser = request_parser();
  parser.feed("POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_TRUE(parser.take_expect_continue());
  EXPECT_FALSE(parser.take_expect_continue());
}

TEST(HttpParser, ResponseWithoutALengthEndsWithTheConnection) {
  HttpParser parser = response_parser();
  parser.feed("HTTP/1.1 200 OK\r\n\r\nsome text");
  EXPECT_EQ(parser.state(), HttpParser::State::NeedMore);
  parser.finish();
  ASSERT_EQ(parser.state(), HttpParser::State::Complete);
  EXPECT_EQ(parser.take().body, "some text");
}

TEST(HttpParser, InterimResponsesArePassedOver) {
  HttpParser parser = response_parser();
  parser.feed("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n");
  ASSERT_EQ(parser.state(), HttpParser::State::Complete);
  EXPECT_EQ(parser.take().status, 204);
}

TEST(HttpParser, TruncatedResponseIsRefused) {
  HttpParser parser = response_parser();
  parser.feed("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab");
  parser.finish();
  EXPECT_EQ(parser.state(), HttpParser::State::Refused);
}

TEST(HttpParser, MalformedStatusLinesAreRefused) {
  for (const char* line :
       {"HTTP/1.1 20\r\n", "HTTP/1.1 2000 x\r\n", "HTTP/1.1 -20 x\r\n", "ICY 200 OK\r\n"}) {
    HttpParser parser = response_parser();
    parser.feed(line);
    EXPECT_EQ(parser.state(), HttpParser::State::Refused) << line;
  }
}

}  // namespace
}  // namespace labctl::server
