// Services and their endpoints as `get` and `describe` show them.

#include "labctl/report/objects/describe.hpp"
#include "labctl/report/objects/resources.hpp"
#include "topology/base/timestamp.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <sstream>
#include <string>
#include <vector>

namespace labctl::report {
namespace {

using Json = nlohmann::json;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

Json object_of(const std::string& kind, const std::string& name, const std::string& rest) {
  Json object = Json::parse(rest);
  object["kind"] = kind;
  object["apiVersion"] = kind == "EndpointSlice" ? "discovery.k8s.io/v1" : "v1";
  object["metadata"] = {
      {"name", name}, {"namespace", "default"}, {"creationTimestamp", "2026-01-02T03:04:05Z"}};
  return object;
}

std::string table_of(const std::vector<Json>& objects, Format format = Format::Table) {
  ResourceView how;
  how.format = format;
  how.now = *parse_timestamp("2026-01-02T03:04:35Z");
  std::ostringstream out;
  print_resources(out, objects, how);
  return out.str();
}

const std::vector<Json> kServices{
    object_of("Service", "web",
              R"({"spec":{"type":"ClusterIP","clusterIP":"10.96.0.20","selector":{"app":"web"},
        "ports":[{"port":80,"protocol":"TCP"},{"port":53,"protocol":"UDP"}]}})"),
    object_of("Service", "node", R"({"spec":{"type":"NodePort","clusterIP":"10.96.0.21",
        "externalIPs":["192.0.2.7"],"ports":[{"port":80,"protocol":"TCP","nodePort":30080}]}})"),
    object_of("Service", "lb", R"({"spec":{"type":"LoadBalancer","clusterIP":"10.96.0.22",
        "ports":[{"port":80,"protocol":"TCP","nodePort":30081}]},
        "status":{"loadBalancer":{"ingress":[{"ip":"203.0.113.1"},{"ip":"2001:db8:113::1"}]}}})"),
    object_of("Service", "soon", R"({"spec":{"type":"LoadBalancer","clusterIP":"10.96.0.23",
        "ports":[{"port":80,"protocol":"TCP"}]}})"),
    object_of("Service", "none", R"({"spec":{"type":"ClusterIP","clusterIP":"None"}})"),
    object_of("Service", "away", R"({"spec":{"type":"ExternalName","externalName":"www.example.com"}})"),
};

TEST(ServiceTable, HasKubectlsColumns) {
  EXPECT_EQ(table_of(kServices),
            "NAME   TYPE           CLUSTER-IP   EXTERNAL-IP        PORT(S)         AGE\n"
            "web    ClusterIP      10.96.0.20   <none>             80/TCP,53/UDP   30s\n"
            "node   NodePort       10.96.0.21   192.0.2.7          80:30080/TCP    30s\n"
            "lb     LoadBalancer   10.96.0.22   2001:db8:113:...   80:30081/TCP    30s\n"
            "soon   LoadBalancer   10.96.0.23   <pending>          80/TCP          30s\n"
            "none   ClusterIP      None         <none>             <none>          30s\n"
            "away   ExternalName   <none>       www.example.com    <none>          30s\n");
}

TEST(ServiceTable, WideShowsWholeAddressesAndTheSelector) {
  const std::string wide = table_of(kServices, Format::Wide);
  EXPECT_THAT(wide, HasSubstr("AGE   SELECTOR\n"));
  EXPECT_THAT(wide, HasSubstr("30s   app=web\n"));
  EXPECT_THAT(wide, HasSubstr("2001:db8:113::1,203.0.113.1   80:30081/TCP"));
}

const Json kSlice = object_of("EndpointSlice", "web-1", R"({"addressType":"IPv4",
    "ports":[{"name":"http","port":8080,"protocol":"TCP"}],
    "endpoints":[{"addresses":["10.244.1.2"],"conditions":{"ready":true}},{"addresses":["10.244.2.2"]},
                 {"addresses":["10.244.2.3"],"conditions":{"ready":false}},{"addresses":["10.244.2.4"]},
                 {"addresses":["10.244.2.5"]}]})");

TEST(EndpointSliceTable, HasKubectlsColumns) {
  EXPECT_EQ(table_of({kSlice, object_of("EndpointSlice", "none", R"({"addressType":"IPv6"})")}),
            "NAME    ADDRESSTYPE   PORTS     ENDPOINTS                                      AGE\n"
            "web-1   IPv4          8080      10.244.1.2,10.244.2.2,10.244.2.3 + 2 more...   30s\n"
            "none    IPv6          <unset>   <unset>                                        30s\n");
}

TEST(EndpointsTable, HasKubectlsColumns) {
  EXPECT_EQ(table_of({object_of("Endpoints", "web", R"({"subsets":[{"addresses":[{"ip":"10.0.0.1"},
                          {"ip":"fd00::1"}],"ports":[{"port":80},{"port":81}]}]})"),
                      object_of("Endpoints", "none", "{}")}),
            "NAME   ENDPOINTS                                          AGE\n"
            "web    10.0.0.1:80,[fd00::1]:80,10.0.0.1:81 + 1 more...   30s\n"
            "none   <none>                                             30s\n");
}

std::string service_described(const Json& service, const std::vector<Json>& slices,
                              const Json* programmed = nullptr) {
  std::ostringstream out;
  print_description(out, service, {}, slices, *parse_timestamp("2026-01-02T03:05:05Z"), programmed);
  return out.str();
}

const Json kBalancer = object_of("Service", "lb", R"({"spec":{"type":"LoadBalancer","clusterIP":"10.96.0.22",
    "clusterIPs":["10.96.0.22"],"ipFamilies":["IPv4"],"ipFamilyPolicy":"SingleStack","selector":{"app":"web"},
    "ports":[{"name":"http","port":80,"protocol":"TCP","targetPort":"web","nodePort":30081}],
    "sessionAffinity":"None","externalTrafficPolicy":"Local","internalTrafficPolicy":"Cluster",
    "healthCheckNodePort":32000,"loadBalancerSourceRanges":["10.0.0.0/8"]},
    "status":{"loadBalancer":{"ingress":[{"ip":"203.0.113.1","ipMode":"VIP"}]}}})");

TEST(DescribeService, TellsWhatKubectlTells) {
  EXPECT_EQ(service_described(kBalancer, {kSlice}),
            "Name:                        lb\n"
            "Namespace:                   default\n"
            "Labels:                      <none>\n"
            "Annotations:                 <none>\n"
            "Selector:                    app=web\n"
            "Type:                        LoadBalancer\n"
            "IP Family Policy:            SingleStack\n"
            "IP Families:                 IPv4\n"
            "IP:                          10.96.0.22\n"
            "IPs:                         10.96.0.22\n"
            "LoadBalancer Ingress:        203.0.113.1 (VIP)\n"
            "Port:                        http  80/TCP\n"
            "TargetPort:                  web/TCP\n"
            "NodePort:                    http  30081/TCP\n"
            "Endpoints:                   10.244.1.2:8080,10.244.2.2:8080,10.244.2.4:8080 + 1 more...\n"
            "Session Affinity:            None\n"
            "External Traffic Policy:     Local\n"
            "Internal Traffic Policy:     Cluster\n"
            "HealthCheck NodePort:        32000\n"
            "LoadBalancer Source Ranges:  10.0.0.0/8\n"
            "Events:  <none>\n");
}

TEST(DescribeService, OfOnePortWithoutANameAndNoEndpoints) {
  const std::string text = service_described(kServices[0], {});
  EXPECT_THAT(text, HasSubstr("Port:              <unset>  80/TCP\n"
                              "TargetPort:        80/TCP\n"
                              "Endpoints:         <none>\n"
                              "Port:              <unset>  53/UDP\n"));
  EXPECT_THAT(text, Not(HasSubstr("NodePort")));
  EXPECT_THAT(text, Not(HasSubstr("Programmed")));
}

TEST(DescribeService, SaysWhatIsProgrammedOncePerKindOfNode) {
  const Json programmed = Json::parse(R"([
    {"node":"node-1","entries":[{"address":"10.96.0.22","protocol":"TCP","port":80,"verdict":"dnat",
      "endpoints":["10.244.1.2:8080","10.244.2.2:8080"]}]},
    {"node":"node-2","entries":[{"address":"10.96.0.22","protocol":"TCP","port":80,"verdict":"drop",
      "endpoints":[],"note":"no local endpoint"}]},
    {"node":"node-3","entries":[{"address":"10.96.0.22","protocol":"TCP","port":80,"verdict":"dnat",
      "endpoints":["10.244.1.2:8080","10.244.2.2:8080"]}]},
    {"node":"node-4","entries":[]}])");
  EXPECT_THAT(service_described(kBalancer, {kSlice}, &programmed),
              EndsWith("Events:  <none>\n"
                       "Programmed:\n"
                       "  node-1, node-3:\n"
                       "    Address      Port     Verdict   Endpoints                         Note\n"
                       "    -------      ----     -------   ---------                         ----\n"
                       "    10.96.0.22   80/TCP   dnat      10.244.1.2:8080,10.244.2.2:8080\n"
                       "  node-2:\n"
                       "    Address      Port     Verdict   Endpoints   Note\n"
                       "    -------      ----     -------   ---------   ----\n"
                       "    10.96.0.22   80/TCP   drop      <none>      no local endpoint\n"
                       "  node-4:  <none>\n"));
}

TEST(DescribeService, SurvivesObjectsOfAnyShape) {
  for (const char* text :
       {"{}", R"({"spec":[]})", R"({"spec":{"ports":{"a":1},"clusterIPs":7}})",
        R"({"spec":{"ports":[1,{"nodePort":[]}]},"status":{"loadBalancer":{"ingress":[3]}}})"}) {
    const Json odd = Json::parse(R"([1,{"node":{},"entries":[2,{"endpoints":[{"a":1}]}]}])");
    const Json slice = object_of("EndpointSlice", "x", R"({"ports":[1],"endpoints":[2,{"addresses":[3]}]})");
    EXPECT_NO_THROW(service_described(object_of("Service", "x", text), {slice}, &odd)) << text;
    for (const char* kind : {"Service", "EndpointSlice", "Endpoints"}) {
      EXPECT_NO_THROW(table_of({object_of(kind, "x", text)})) << text;
    }
  }
}

TEST(DescribePod, TellsOfProbes) {
  const Json pod = object_of("Pod", "web", R"({"spec":{"containers":[{"name":"a","image":"b",
      "livenessProbe":{"tcpSocket":{"port":80}},"startupProbe":{"exec":{"command":["cat","/tmp/x"]}},
      "readinessProbe":{"httpGet":{"port":"http","path":"/ok","scheme":"HTTPS"},"periodSeconds":2}}]}})");
  const std::string text = service_described(pod, {});
  EXPECT_THAT(
      text, HasSubstr("Liveness:     tcp-socket :80 delay=0s timeout=1s period=10s #success=1 #failure=3\n"));
  EXPECT_THAT(text, HasSubstr("Readiness:    http-get https://:http/ok delay=0s timeout=1s period=2s "));
  EXPECT_THAT(text, HasSubstr("Startup:      exec [cat /tmp/x] delay=0s"));
}

}  // namespace
}  // namespace labctl::report
