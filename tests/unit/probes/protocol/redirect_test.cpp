#include "probes/protocol/redirect.hpp"

#include "topology/base/error.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

namespace labctl::protocol {
namespace {

using Kind = Redirect::Kind;

HttpResponse reply_to(int status, const std::string& location) {
  HttpResponse response;
  response.status = status;
  if (!location.empty()) {
    response.headers = {{"location", location}};
  }
  return response;
}

Redirect followed(int status, const std::string& location, std::size_t requests = 1) {
  return redirect_of(reply_to(status, location), parse_url("http://10.0.0.1:8080/a/b?c"), "10.0.0.1",
                     requests);
}

TEST(Redirect, AReplyThatLeadsNowhereIsTheLast) {
  for (const int status : {200, 300, 304, 404, 500}) {
    EXPECT_EQ(followed(status, "/x").kind, Kind::None) << status;
  }
  EXPECT_EQ(followed(302, "").kind, Kind::None);
}

TEST(Redirect, OnOneHostIsFollowedWhateverTheSchemeAndPort) {
  const std::map<std::string, std::string> places{
      {"/x", "http://10.0.0.1:8080/x"},          {"x/y?z", "http://10.0.0.1:8080/a/x/y?z"},
      {"../x", "http://10.0.0.1:8080/x"},        {"../../../x/.", "http://10.0.0.1:8080/x/"},
      {"?q", "http://10.0.0.1:8080/a/b?q"},      {"#part", "http://10.0.0.1:8080/a/b?c"},
      {"//10.0.0.1/x", "http://10.0.0.1/x"},     {"http://10.0.0.1/x#part", "http://10.0.0.1/x"},
      {"https://10.0.0.1", "https://10.0.0.1/"}, {"/a b/\xc3\xa4", "http://10.0.0.1:8080/a%20b/%C3%A4"},
  };
  for (const auto& [location, to] : places) {
    for (const int status : {301, 302, 303, 307, 308}) {
      const Redirect redirect = followed(status, location);
      EXPECT_EQ(redirect.kind, Kind::Follow) << location << ": " << redirect.why;
      EXPECT_EQ(to_string(redirect.to), to) << location;
    }
  }
}

TEST(Redirect, ToAnotherHostIsNotFollowed) {
  for (const char* location : {"http://10.0.0.2/", "//example.org/x", "https://10.0.0.1.example.org/",
                               "ftp://10.0.0.1/x", "mailto:me@example.org"}) {
    EXPECT_EQ(followed(302, location).kind, Kind::Elsewhere) << location;
  }
}

TEST(Redirect, HostsAreComparedWithTheFirstAndWithoutCase) {
  EXPECT_EQ(redirect_of(reply_to(302, "http://Web.Example.org/"), parse_url("http://web.example.org/"),
                        "web.example.org", 1)
                .kind,
            Kind::Follow);
  EXPECT_EQ(redirect_of(reply_to(302, "/x"), parse_url("http://[fd00::1]:80/"), "fd00::1", 1).kind,
            Kind::Follow);
}

TEST(Redirect, AfterTenItIsEnough) {
  EXPECT_EQ(followed(302, "/x", 9).kind, Kind::Follow);
  EXPECT_EQ(followed(302, "/x", 10).kind, Kind::Bad);
  EXPECT_EQ(followed(302, "/x", 10).why, "stopped after 10 redirects");
  EXPECT_EQ(followed(302, "http://10.0.0.2/x", 10).kind, Kind::Elsewhere);
}

TEST(Redirect, APlaceThatIsNoneIsAFailure) {
  for (const char* location : {"http://10.0.0.1:99999/", "http://", "/a\tb", "http://me@10.0.0.1/"}) {
    const Redirect redirect = followed(302, location);
    EXPECT_EQ(redirect.kind, Kind::Bad) << location;
    EXPECT_TRUE(redirect.why.starts_with("failed to parse Location header \"")) << redirect.why;
  }
}

TEST(Redirect, TheNextRequestIsAGetWithTheSameHeaders) {
  HttpRequest request;
  request.method = "POST";
  request.body = "b";
  request.headers = {{"X-A", "1"}, {"content-type", "text/plain"}};
  const Url from = parse_url("http://h/a"), to = parse_url("http://h:81/b?c");
  const HttpRequest next = redirected_request(request, 302, from, to);
  EXPECT_EQ(encode_http_request(next),
            "GET /b?c HTTP/1.1\r\nHost: h:81\r\nX-A: 1\r\nReferer: http://h/a\r\nUser-Agent: labctl\r\n"
            "Accept: */*\r\nConnection: close\r\n\r\n");
  const HttpRequest same = redirected_request(request, 307, from, to);
  EXPECT_EQ(same.method, "POST");
  EXPECT_EQ(same.body, "b");
  const HttpRequest open = redirected_request(next, 301, parse_url("https://h/secret"), to);
  EXPECT_TRUE(std::none_of(open.headers.begin(), open.headers.end(),
                           [](const auto& header) { return header.first == "Referer"; }));
}

}  // namespace
}  // namespace labctl::protocol
