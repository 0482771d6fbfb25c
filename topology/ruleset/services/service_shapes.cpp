#include "topology/ruleset/services/service_shapes.hpp"

#include "topology/ruleset/common_rules.hpp"
#include "topology/ruleset/services/service_layout.hpp"
#include "topology/ruleset/services/service_maps.hpp"

namespace labctl::ruleset {
namespace {

using service::Traffic;
using service::Verdict;

Prefix loopback_range(Family family) {
  return {IpAddress::loopback(family), family == Family::IPv4 ? 8 : 128};
}

class ChainBuilder {
 public:
  ChainBuilder(const Shape& shape) : shape_(shape), chain_{chain_name(shape), shape.family, {}} {}

  void rule(std::string comment, std::vector<RulePart> parts) {
    chain_.rules.push_back({std::move(parts), nft_comment(comment)});
  }
  // Sends what `match` matches to an endpoint.
  void balance(const std::vector<RulePart>& match, bool is_local) {
    const std::size_t count = is_local ? shape_.local : shape_.backends;
    const auto add = [&](const std::string& comment, RulePart act) {
      std::vector<RulePart> parts = match;
      parts.push_back(std::move(act));
      rule(comment, std::move(parts));
    };
    if (shape_.affinity != 0) {
      const bool is_own = is_local || shape_.is_own;
      add("sessionAffinity", SetConnectionMark{shape_.affinity | (is_own ? kLocalAffinity : 0)});
      add("a client that was here before", SendWhereBefore{affinity_map(shape_.affinity, is_own)});
    }
    const std::string map = "endpoints" + words_of(shape_.family).end;
    const std::uint32_t first = is_local ? kFirstLocalIndex : 0;
    add("one of " + std::to_string(count) + (is_local ? " on this node" : ""),
        SendDrawn{map, static_cast<std::uint32_t>(count), first});
    // A packet may be between its lookups while the endpoints become fewer. Let through, it would be a
    // connection to nowhere for as long as its client tries.
    add("the first: what was drawn has gone meanwhile", SendDrawn{map, 1, first});
    add("all have gone meanwhile", Drop{});
  }
  Chain chain() && { return std::move(chain_); }

 private:
  const Shape& shape_;
  Chain chain_;
};

void add_external_local(ChainBuilder& chain, const Shape& shape, const PodRanges& pods) {
  chain.rule("externalTrafficPolicy Local: source kept", {SetMark{0}});
  if (pods.own) {
    chain.balance({FromPrefix{*pods.own, false}}, false);
  }
  chain.rule("from this host: masquerade", {FromSelf{}, SetMark{kMasqueradeMark}});
  if (shape.local == 0 && pods.all) {
    // Their answers must come back this way. Where there are endpoints, they keep to those and their source.
    chain.rule("from a pod of another node: masquerade",
               {FromPrefix{*pods.all, false}, SetMark{kMasqueradeMark}});
  }
  chain.balance({Marked{kMasqueradeMark}}, false);
  if (shape.local > 0) {
    chain.balance({}, true);
  } else {
    chain.rule("externalTrafficPolicy Local, and no endpoint on this node", {Drop{}});
  }
}

void add_rules(ChainBuilder& chain, const Shape& shape, const PodRanges& pods) {
  switch (shape.traffic) {
    case Traffic::Internal:
      chain.rule("from a pod: source kept", {SetMark{0}});
      if (pods.all) {
        chain.rule("from elsewhere: masquerade", {FromPrefix{*pods.all, true}, SetMark{kMasqueradeMark}});
      }
      chain.balance({}, false);
      return;
    case Traffic::ExternalCluster:
      chain.rule("externalTrafficPolicy Cluster: masquerade", {SetMark{kMasqueradeMark}});
      chain.balance({}, false);
      return;
    case Traffic::ExternalLocal:
      add_external_local(chain, shape, pods);
      return;
    case Traffic::HostPort:
      chain.rule("hostPort: source kept", {SetMark{0}});
      chain.rule("from a loopback address: masquerade",
                 {FromPrefix{loopback_range(shape.family), false}, SetMark{kMasqueradeMark}});
      chain.balance({}, false);
      return;
  }
}

std::string traffic_name(Traffic traffic) {
  switch (traffic) {
    case Traffic::Internal:
      return "cluster";
    case Traffic::ExternalCluster:
      return "external";
    case Traffic::ExternalLocal:
      return "external-local";
    case Traffic::HostPort:
      return "hostport";
  }
  return {};
}

}  // namespace

Shape shape_of(const service::Entry& entry, std::uint32_t affinity) {
  Shape shape;
  shape.family = entry.vip.address.family();
  shape.verdict = entry.verdict;
  shape.has_source_ranges = !entry.source_ranges.empty();
  if (entry.verdict == Verdict::Balance) {
    shape.traffic = entry.traffic;
    shape.backends = entry.backends.size();
    shape.local = entry.local.size();
    shape.affinity = affinity;
    shape.is_own = affinity != 0 && entry.is_own;
  }
  return shape;
}

std::string chain_name(const Shape& shape) {
  std::string name = shape.verdict == Verdict::Reject ? "reject"
                     : shape.verdict == Verdict::Drop
                         ? "drop"
                         : traffic_name(shape.traffic) + (shape.is_own ? "-own" : "");
  name += words_of(shape.family).end;
  if (shape.verdict == Verdict::Balance) {
    name += "-" + std::to_string(shape.backends);
    name += shape.traffic == Traffic::ExternalLocal ? "-" + std::to_string(shape.local) : "";
    name += shape.affinity != 0 ? "-affinity" + std::to_string(shape.affinity) : "";
  }
  return name + (shape.has_source_ranges ? "-ranges" : "");
}

Chain shape_chain(const Shape& shape, const PodRanges& pods) {
  ChainBuilder chain(shape);
  if (shape.has_source_ranges) {
    chain.rule("not from loadBalancerSourceRanges", {NotIn{"ranges" + words_of(shape.family).end}, Drop{}});
  }
  if (shape.verdict == Verdict::Reject) {
    chain.rule("no endpoint", {Reset{}});
    chain.rule("no endpoint", {Reject{}});
  } else if (shape.verdict == Verdict::Drop) {
    chain.rule("none of the endpoints may be used from this node", {Drop{}});
  } else {
    add_rules(chain, shape, pods);
  }
  return std::move(chain).chain();
}

std::string affinity_map(std::uint32_t number, bool is_local) {
  return "affinity" + std::to_string(number) + (is_local ? "-local" : "");
}

Structure affinity_structure(std::uint32_t number, Family family, std::chrono::seconds timeout,
                             const std::string& name) {
  Structure structure;
  for (const bool is_local : {false, true}) {
    const std::string map = affinity_map(number, is_local);
    structure.maps.push_back({map, family, timeout});
    structure.chains.push_back({"learn-" + map, family, {{{Remember{map}}, nft_comment(name)}}});
    structure.ways.push_back({"learn", number | (is_local ? kLocalAffinity : 0), "learn-" + map, true});
  }
  return structure;
}

}  // namespace labctl::ruleset
