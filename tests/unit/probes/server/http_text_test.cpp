#include "probes/server/http_text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

namespace labctl::server {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(HttpText, TargetHasPathAndFirstValues) {
  const Target target = parse_target("/a%2Fb+c?x=1&x=2&y&=z&bad=%&k=a=b#part");
  EXPECT_EQ(target.path, "/a/b+c");
  EXPECT_EQ(target.get("x"), "1");
  EXPECT_EQ(target.get("y"), "");
  EXPECT_EQ(target.get("k"), "a=b");
  EXPECT_EQ(target.get("bad"), "");
}

TEST(HttpText, AbsoluteTargetLosesItsHost) {
  EXPECT_EQ(parse_target("http://host:80/p?q=r").path, "/p");
  EXPECT_EQ(parse_target("http://host").path, "/");
}

TEST(HttpText, MultipartFieldIsFoundByName) {
  const std::string body =
      "preamble\r\n--xx\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--xx\r\n"
      "content-disposition: form-data; name=\"file\"; filename=\"f\"\r\nContent-Type: "
      "text/plain\r\n\r\nhi\r\nyou"
      "\r\n--xx--\r\n";
  EXPECT_EQ(multipart_field("multipart/form-data; boundary=xx", body, "file"), "hi\r\nyou");
  EXPECT_EQ(multipart_field("multipart/form-data; charset=utf-8; boundary=\"xx\"", body, "a"), "1");
  EXPECT_FALSE(multipart_field("multipart/form-data; boundary=xx", body, "b"));
  EXPECT_FALSE(multipart_field("multipart/form-data", body, "a"));
  EXPECT_FALSE(multipart_field("text/plain; boundary=xx", body, "a"));
}

TEST(HttpText, MultipartWithoutAnEndIsNothing) {
  const std::string begin = "--xx\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1";
  for (std::size_t i = 0; i <= begin.size(); ++i) {
    EXPECT_FALSE(multipart_field("multipart/form-data; boundary=xx", begin.substr(0, i), "a"));
  }
}

TEST(HttpText, JsonStringsAreEscapedAsGoDoes) {
  EXPECT_EQ(json_string("a\"b\\c\n\t\r"), R"("a\"b\\c\n\t\r")");
  EXPECT_EQ(json_string("<&>"), R"("\u003c\u0026\u003e")");
  EXPECT_EQ(json_string(std::string("\0\x1b", 2)), R"("\u0000\u001b")");
  EXPECT_EQ(json_string("\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"),
            "\"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80\"");
}

TEST(HttpText, BytesThatAreNotUtf8AreReplaced) {
  EXPECT_EQ(json_string("a\xff"
                        "b"),
            R"("a\ufffdb")");
  EXPECT_EQ(json_string("\xc3"), R"("\ufffd")");
  EXPECT_EQ(json_string("\xed\xa0\x80"), R"("\ufffd\ufffd\ufffd")");
  EXPECT_EQ(json_string("\xc0\x80"), R"("\ufffd\ufffd")");
}

TEST(HttpText, ArraysOfStrings) {
  EXPECT_EQ(json_array({}), "[]");
  EXPECT_EQ(json_array({"a", "b"}), R"(["a","b"])");
}

TEST(HttpText, ReplyCarriesItsLength) {
  HttpReply reply;
  reply.body = "hello";
  const std::string bytes = to_bytes(reply, false, true, {});
  EXPECT_THAT(bytes, HasSubstr("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(bytes, HasSubstr("Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"));
  EXPECT_THAT(bytes, HasSubstr("Content-Length: 5\r\n"));
  EXPECT_TRUE(bytes.ends_with("\r\n\r\nhello"));
  EXPECT_THAT(bytes, Not(HasSubstr("Connection")));
  EXPECT_TRUE(to_bytes(reply, true, false, {}).ends_with("Connection: close\r\n\r\n"));
}

TEST(HttpText, HeaderValuesCannotEndTheLine) {
  HttpReply reply;
  reply.headers.emplace_back("Location", "a\r\nSet-Cookie: b");
  EXPECT_THAT(to_bytes(reply, false, true, {}), HasSubstr("Location: a  Set-Cookie: b\r\n"));
}

TEST(HttpText, ErrorsAndQuotesAsGoPrintsThem) {
  EXPECT_EQ(go_error_text(ECONNREFUSED), "connection refused");
  EXPECT_EQ(go_error_text(EADDRINUSE), "address already in use");
  EXPECT_EQ(go_quoted("a\"b\n\x01\xff"), R"("a\"b\n\x01\xff")");
}

}  // namespace
}  // namespace labctl::server
