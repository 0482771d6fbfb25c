// How the scenarios of DNS are broken: d1 to d12, and the outside's names.

#include "tests/e2e/broken_scenario.hpp"

namespace labctl::e2e {

const std::vector<Broken>& broken_names() {
  static const std::vector<Broken> kTable{
      {"ANamespaceThatIsNotThere", "d1-cluster-dns", Edit{"manifests/pods.yaml", "name: empty", "name: void"},
       "so is ${name}", "so is empty.svc.cluster.local", "dns_nodata", "dns_nxdomain"},
      {"AnotherAddressOfAName", "d3-service-records",
       Edit{"manifests/objects.yaml", "10.96.100.1", "10.96.100.9"},
       "A of a Service is its ClusterIP, asked at ${server} by ${by}",
       "A of a Service is its ClusterIP, asked at 10.96.0.10 by udp", "10.96.100.1", "10.96.100.9"},
      {"AnEndpointOfAnotherAddress", "reverse-names",
       Edit{"manifests/objects.yaml", "198.51.100.9", "198.51.100.19"}, "${address} is ${name}",
       "198.51.100.9 is db-0.db.default.svc.cluster.local.", "ok", "dns_nxdomain"},
      {"AnotherAddressOfAPartialName", "d4-partial-names",
       Edit{"manifests/objects.yaml", "clusterIP: 10.96.100.1,", "clusterIP: 10.96.100.9,"},
       "in its own namespace a Service is ${name}", "in its own namespace a Service is foo", "10.96.100.1",
       "10.96.100.9"},
      {"AnotherHostnameOfAPod", "d5-d6-hostname-subdomain",
       Edit{"manifests/objects.yaml", "hostname: teller", "hostname: cashier"},
       "the pod with hostname and subdomain is found by them, as ${type}",
       "the pod with hostname and subdomain is found by them, as A", "ok", "dns_nxdomain"},
      {"AnotherExternalName", "d7-external-name",
       Edit{"manifests/objects.yaml", "externalName: www.example.org", "externalName: client.example.org"},
       "the answer has the CNAME and what it leads to, asked at ${server} by ${by}",
       "the answer has the CNAME and what it leads to, asked at 10.96.0.10 by udp", "www.example.org.",
       "client.example.org."},
      {"AnotherOption", "d9-custom-resolver", Edit{"manifests/pods.yaml", "value: \"2\"", "value: \"3\""},
       "the pod's file is what dnsConfig says", "", "ndots:2", "ndots:3"},
      {"APolicyThatIsTheDefault", "d10-dns-policies",
       Edit{"manifests/pods.yaml", "dnsPolicy: Default", "dnsPolicy: ClusterFirst"},
       "the file of ${pod} is as its policy says", "the file of as-the-node is as its policy says", "198",
       "10.96.0.10"},
      {"OneEndpointTooMany", "d11-endpoints-change",
       Edit{"manifests/objects.yaml", "replicas: 2", "replicas: 3"}, "two replicas, two addresses", "",
       "10.244.1.3, 10.244.2.2", "10.244.2.3"},
      {"ASearchDomainThatNobodyHas", "d12-long-search-list",
       Edit{"manifests/pods.yaml", "search-29", "search-30"},
       "a name that only the last of them completes is found", "", "ok", "dns_nxdomain"},
      {"AnotherRecordOutside", "dns-outside", Edit{"scenario.yaml", "A 198.51.100.25\"", "A 198.51.100.26\""},
       "${name} is asked of the outside, at ${server} by ${by}",
       "mail.example.org is asked of the outside, at 10.96.0.10 by udp", "198.51.100.25", "198.51.100.26"},
      {"AnEndpointThatIsNotReady", "dns-large-answers",
       Edit{"manifests/objects.yaml", "[10.244.9.100]}", "[10.244.9.100], conditions: {ready: false}}"},
       "all 100 by TCP", "", "100", "99"},
  };
  return kTable;
}

}  // namespace labctl::e2e
