#include "labctl/report/objects/describe_service.hpp"

#include "labctl/report/objects/describe_parts.hpp"
#include "labctl/report/objects/fields.hpp"
#include "labctl/report/objects/service_cells.hpp"
#include "labctl/report/text/table.hpp"
#include "topology/base/printable.hpp"

#include <algorithm>
#include <ostream>
#include <sstream>
#include <string>
#include <utility>

namespace labctl::report {
namespace {

using Json = nlohmann::json;

// A thousand endpoints in one line are no help.
constexpr size_t kEndpointsShown = 10;

void add_addresses(Block& block, const Json& service) {
  block.add("Type", text_or(service, "/spec/type", "ClusterIP"));
  block.add_if("IP Family Policy", text(service, "/spec/ipFamilyPolicy"));
  block.add("IP Families", join_texts(at(service, "/spec/ipFamilies")));
  block.add("IP", text(service, "/spec/clusterIP"));
  block.add("IPs", join_texts(at(service, "/spec/clusterIPs")));
  block.add_if("External IPs", join_texts(at(service, "/spec/externalIPs"), ""));
  block.add_if("Desired LoadBalancer IP", text(service, "/spec/loadBalancerIP"));
  block.add_if("LoadBalancer Class", text(service, "/spec/loadBalancerClass"));
  block.add_if("External Name", text(service, "/spec/externalName"));
  block.add_if("LoadBalancer Ingress", ingress_of(service));
}

void add_ports(Block& block, const Json& service, const std::vector<Json>& slices) {
  for (const Json& port : list(service, "/spec/ports")) {
    const std::string name = text_or(port, "/name", "<unset>");
    const std::string protocol = "/" + text_or(port, "/protocol", "TCP");
    block.add("Port", name + "  " + text(port, "/port") + protocol);
    block.add("TargetPort", text_or(port, "/targetPort", text(port, "/port")) + protocol);
    if (number(port, "/nodePort") != 0) {
      block.add("NodePort", name + "  " + text(port, "/nodePort") + protocol);
    }
    block.add("Endpoints", endpoints_of_port(slices, text(port, "/name")));
  }
}

void add_policies(Block& block, const Json& service) {
  block.add("Session Affinity", text_or(service, "/spec/sessionAffinity", "None"));
  block.add_if("External Traffic Policy", text(service, "/spec/externalTrafficPolicy"));
  block.add_if("Internal Traffic Policy", text(service, "/spec/internalTrafficPolicy"));
  block.add_if("Traffic Distribution", text(service, "/spec/trafficDistribution"));
  if (number(service, "/spec/healthCheckNodePort") != 0) {
    block.add("HealthCheck NodePort", text(service, "/spec/healthCheckNodePort"));
  }
  block.add_if("LoadBalancer Source Ranges", join_texts(at(service, "/spec/loadBalancerSourceRanges"), ""));
}

std::vector<Cell> row_of(const Json& entry) {
  std::vector<std::string> endpoints;
  for (const Json& endpoint : list(entry, "/endpoints")) {
    endpoints.push_back(endpoint.is_string() ? endpoint.get<std::string>() : endpoint.dump());
  }
  return {text(entry, "/address"), text(entry, "/port") + "/" + text_or(entry, "/protocol", "TCP"),
          text(entry, "/verdict"), first_of(endpoints, kEndpointsShown, "<none>"), text(entry, "/note")};
}

void print_entries(std::ostream& out, const std::string& nodes, const Json& entries) {
  if (entries.empty()) {
    out << "  " << printable_line(nodes) << ":  <none>\n";
    return;
  }
  Table table({"Address", "Port", "Verdict", "Endpoints", "Note"});
  table.add({"-------", "----", "-------", "---------", "----"});
  for (const Json& entry : entries) {
    table.add(row_of(entry));
  }
  std::ostringstream body;
  table.print(body);
  out << "  " << printable_line(nodes) << ":\n";
  print_indented(out, body.str(), 4);
}

}  // namespace

void describe_service(std::ostream& out, const Json& service, const std::vector<Json>& slices) {
  Block block(0);
  add_identity(block, service);
  add_metadata(block, service);
  block.add("Selector", join_labels(at(service, "/spec/selector")));
  add_addresses(block, service);
  add_ports(block, service, slices);
  add_policies(block, service);
  block.print(out);
}

void print_programmed(std::ostream& out, const Json& programmed) {
  // Nodes with the same entries, in the order of the first of them.
  std::vector<std::pair<std::string, Json>> groups;
  for (const Json& node : list(programmed, "")) {
    const Json& entries = list(node, "/entries");
    const auto same = std::find_if(groups.begin(), groups.end(),
                                   [&](const auto& group) { return group.second == entries; });
    if (same == groups.end()) {
      groups.emplace_back(text(node, "/node"), entries);
    } else {
      same->first += ", " + text(node, "/node");
    }
  }
  out << "Programmed:" << (groups.empty() ? "  <none>\n" : "\n");
  for (const auto& [nodes, entries] : groups) {
    print_entries(out, nodes, entries);
  }
}

}  // namespace labctl::report
