// What probes make of redirects on the real network, as the kubelet does.

#include "tests/netns/kubelet/probed_host.hpp"
#include "tests/netns/process/capsule_fixture.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace labctl::kubelet::testing {
namespace {

using kernel::IdMapping;
using kernel::testing::run_in_capsule;
using ::testing::Contains;
using ::testing::HasSubstr;

TEST(ProbeRedirects, RedirectsThatStayOnTheHostAreFollowed) {
  run_in_capsule(IdMapping::Single, [] {
    ProbedHost host;
    const TextServer first(host, Family::IPv4, 80,
                           http_reply(302, "Location: http://10.1.0.2:8080/next?a=b\r\n"));
    TextServer second(host, Family::IPv4, 8080, http_reply(503));
    model::Pod pod = idle_pod();
    pod.containers[0].readiness_probe = every_second(model::ContainerAction::Kind::HttpGet);
    host.start(pod);
    EXPECT_EQ(host.wait_event("Unhealthy"),
              "Unhealthy: Readiness probe failed: HTTP probe failed with statuscode: 503");
    EXPECT_THAT(second.last_request, ::testing::StartsWith("GET /next?a=b HTTP/1.1\r\n"
                                                           "Host: 10.1.0.2:8080\r\n"));
    EXPECT_THAT(second.last_request, HasSubstr("\r\nReferer: http://10.1.0.2/\r\n"));
    second.text = "HTTP/1.1 200 OK\n\nhello\n";
    EXPECT_TRUE(host.wait_ready(pod));
    EXPECT_THAT(host.events, ::testing::Not(Contains(HasSubstr("ProbeWarning"))));
  });
}

TEST(ProbeRedirects, ARedirectToAnotherHostPassesWithAWarning) {
  run_in_capsule(IdMapping::Single, [] {
    ProbedHost host;
    const TextServer server(host, Family::IPv4, 80, http_reply(302, "Location: http://10.1.0.9/\r\n"));
    model::Pod pod = idle_pod();
    pod.containers[0].readiness_probe = every_second(model::ContainerAction::Kind::HttpGet);
    host.start(pod);
    ASSERT_TRUE(host.wait_ready(pod));
    EXPECT_THAT(host.events, Contains("ProbeWarning: Readiness probe warning: Probe terminated redirects, "
                                      "Response body: ok"));
  });
}

TEST(ProbeRedirects, RedirectsInACircleFail) {
  run_in_capsule(IdMapping::Single, [] {
    ProbedHost host;
    const TextServer server(host, Family::IPv4, 80, http_reply(307, "Location: /again\r\n"));
    model::Pod pod = idle_pod();
    pod.containers[0].readiness_probe = every_second(model::ContainerAction::Kind::HttpGet);
    host.start(pod);
    EXPECT_EQ(host.wait_event("Unhealthy"),
              "Unhealthy: Readiness probe failed: Get \"http://10.1.0.2/again\": stopped after 10 redirects");
  });
}

}  // namespace
}  // namespace labctl::kubelet::testing
