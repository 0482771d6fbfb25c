#include "topology/plan/step.hpp"

namespace labctl::plan {
namespace {

std::string link(int ifindex) { return "link " + std::to_string(ifindex); }

struct Describe {
  std::string operator()(const AddBridge& c) const { return "add bridge " + c.name; }
  std::string operator()(const AddVeth& c) const {
    std::string text = "add veth " + c.peer_name + ", other end " + c.near_name + " in " + c.near_namespace;
    return c.master != 0 ? text + " on bridge " + std::to_string(c.master) : text;
  }
  std::string operator()(const AddVxlan& c) const {
    return "add VXLAN link " + c.name + " from " + to_string(c.local);
  }
  std::string operator()(const SetLink& c) const { return link(c.ifindex) + (c.up ? " up" : " down"); }
  std::string operator()(const SetMaster& c) const {
    return link(c.ifindex) + " onto bridge " + std::to_string(c.master);
  }
  std::string operator()(const AddAddress& c) const {
    return "add address " + to_string(c.address) + "/" + std::to_string(c.prefix_length) + " on " +
           link(c.ifindex);
  }
  std::string operator()(const AddRoute& c) const {
    const std::string to = "add route " + to_string(c.destination);
    return (c.gateway ? to + " via " + to_string(*c.gateway) : to) + " on " + link(c.oif);
  }
  std::string operator()(const ReplaceRoute& c) const {
    std::string text = "replace route " + to_string(c.destination);
    for (const NextHop& hop : c.hops) {
      text += " via " + to_string(hop.gateway) + " on " + link(hop.oif);
    }
    return text;
  }
  std::string operator()(const DeleteRoute& c) const { return "delete route " + to_string(c.destination); }
  std::string operator()(const AddNeighbour& c) const {
    return "add permanent neighbour " + to_string(c.address) + " at " + to_string(c.mac) + " on " +
           link(c.ifindex);
  }
  std::string operator()(const DeleteNeighbour& c) const {
    return "delete neighbour " + to_string(c.address) + " on " + link(c.ifindex);
  }
  std::string operator()(const AddFdb& c) const {
    return "add forwarding entry " + to_string(c.mac) + " to " + to_string(c.remote) + " on " +
           link(c.ifindex);
  }
  std::string operator()(const DeleteLink& c) const { return "delete " + link(c.ifindex); }
};

}  // namespace

std::string describe(const LinkChange& change) { return std::visit(Describe{}, change); }

std::string describe(const Step& step) {
  std::string text = step.ns + (step.makes_namespace ? ": make the namespace\n" : ":\n");
  for (const Sysctl& sysctl : step.sysctls) {
    text += "  set " + sysctl.name + " = " + sysctl.value + "\n";
  }
  for (const LinkChange& change : step.changes) {
    text += "  " + describe(change) + "\n";
  }
  if (!step.ruleset.empty()) {
    text += "  load nftables ruleset:\n";
    size_t begin = 0;
    while (begin < step.ruleset.size()) {
      const size_t end = step.ruleset.find('\n', begin);
      text += "    " + step.ruleset.substr(begin, end - begin) + "\n";
      begin = end == std::string::npos ? step.ruleset.size() : end + 1;
    }
  }
  return text;
}

}  // namespace labctl::plan
