#include "topology/ruleset/services/kube_proxy.hpp"

#include "topology/ruleset/node_ruleset.hpp"

#include <algorithm>
#include <utility>

namespace labctl::ruleset {
namespace {

const std::string kInTable = "inet " + std::string(kTable) + " ";
// The owner of what is not a Service's.
constexpr const char* kNode = "node";

std::string add_element(const KubeProxyPart::Place& place, const std::string& owner,
                        const std::string& verdict) {
  return "add element " + kInTable + place.first + " { " + place.second + " comment \"" + nft_comment(owner) +
         "\"" + (verdict.empty() ? "" : " : " + verdict) + " }\n";
}

std::string delete_element(const KubeProxyPart::Place& place) {
  return "delete element " + kInTable + place.first + " { " + place.second + " }\n";
}

std::string add_rules(const std::string& chain, const std::vector<std::string>& rules) {
  std::string text;
  for (const std::string& rule : rules) {
    text += "add rule " + kInTable + chain + " " + rule + "\n";
  }
  return text;
}

// What is claimed as a whole: all that is done with packets to one address, or to one NodePort.
std::string destination_of(const KubeProxyPart::Place& place) {
  const std::string& set = place.first;
  const bool is_by_ip = set.starts_with("service-ips") || set.starts_with("no-endpoint-services") ||
                        set.starts_with("firewall-ips");
  const bool is_by_port = set.starts_with("service-nodeports") || set.starts_with("no-endpoint-nodeports");
  return (is_by_ip ? "ip" : is_by_port ? "port" + set.substr(set.size() - 1) : set) + " " + place.second;
}

// All that elements lead to, before any of the rules that name each other.
std::string add_names(const KubeProxyPart& part, const KubeProxyPart& there) {
  std::string text;
  for (const auto& [set, declaration] : part.sets) {
    text += there.sets.contains(set) ? "" : "add set " + kInTable + set + " " + declaration + "\n";
  }
  for (const auto& [chain, rules] : part.chains) {
    // Flushed: a commit that failed may have left it behind.
    const std::string made = kInTable + chain + "\n";
    text += there.chains.contains(chain) ? "" : "add chain " + made + "flush chain " + made;
  }
  return text;
}

std::string change_rules(const KubeProxyPart& before, const KubeProxyPart& after) {
  std::string flushed, added;
  for (const auto& [chain, rules] : before.chains) {
    const auto now = after.chains.find(chain);
    const bool is_same = now != after.chains.end() && now->second == rules;
    flushed += is_same ? "" : "flush chain " + kInTable + chain + "\n";
  }
  for (const auto& [chain, rules] : after.chains) {
    const auto was = before.chains.find(chain);
    const bool is_same = was != before.chains.end() && was->second == rules;
    added += is_same ? "" : add_rules(chain, rules);
  }
  return flushed + added;
}

std::string delete_names(const KubeProxyPart& before, const KubeProxyPart& after) {
  std::string text;
  for (const auto& [chain, rules] : before.chains) {
    text += after.chains.contains(chain) ? "" : "delete chain " + kInTable + chain + "\n";
  }
  for (const auto& [set, declaration] : before.sets) {
    text += after.sets.contains(set) ? "" : "delete set " + kInTable + set + "\n";
  }
  return text;
}

}  // namespace

KubeProxyTable::KubeProxyTable(KubeProxyNode node) : node_(std::move(node)) {}

KubeProxyPart KubeProxyTable::own_addresses() const {
  KubeProxyPart part;
  for (const IpAddress& address : node_.addresses) {
    KubeProxyPart::Element element;
    element.key.add_address(address);
    part.elements[{address.family() == Family::IPv4 ? "nodeport-ips4" : "nodeport-ips6",
                   to_string(address)}] = element;
  }
  return part;
}

void KubeProxyTable::set(const std::string& owner, const service::NodeProgram& wanted,
                         TableChanges& changes) {
  if (!std::exchange(has_begun_, true)) {
    changes.text += change_elements(kNode, {}, own_addresses());
  }
  KubeProxyPart after = kube_proxy_part(wanted, node_);
  const auto [at, is_new] = parts_.try_emplace(owner);
  const KubeProxyPart before = std::exchange(at->second, {});
  changes.text += add_names(after, before);
  changes.text += change_rules(before, after);
  changes.text += change_elements(owner, before, after);
  changes.text += delete_names(before, after);
  if (after.empty()) {
    parts_.erase(at);
  } else {
    at->second = std::move(after);
  }
}

const KubeProxyTable::Claim* KubeProxyTable::active(const std::string& destination) const {
  const auto claims = claims_.find(destination);
  return claims == claims_.end() ? nullptr : &claims->second.front();
}

// Puts what `part` has there in the place of what the owner had.
void KubeProxyTable::claim(const std::string& destination, const std::string& owner, Elements elements) {
  std::vector<Claim>& claims = claims_[destination];
  const auto own =
      std::find_if(claims.begin(), claims.end(), [&](const Claim& claim) { return claim.owner == owner; });
  if (elements.empty()) {
    if (own != claims.end()) {
      claims.erase(own);
    }
  } else if (own == claims.end()) {
    claims.push_back({owner, std::move(elements)});
  } else {
    own->elements = std::move(elements);
  }
  if (claims.empty()) {
    claims_.erase(destination);
  }
}

std::string KubeProxyTable::change_elements(const std::string& owner, const KubeProxyPart& before,
                                            const KubeProxyPart& after) {
  std::map<std::string, Elements> concerned;
  for (const auto& [place, element] : before.elements) {
    concerned[destination_of(place)];
  }
  for (const auto& [place, element] : after.elements) {
    concerned[destination_of(place)][place] = element;
  }
  std::string removals, additions;
  for (auto& [destination, elements] : concerned) {
    const Claim* active_claim = active(destination);
    const Elements was = active_claim == nullptr ? Elements{} : active_claim->elements;
    claim(destination, owner, std::move(elements));
    active_claim = active(destination);
    const Elements now = active_claim == nullptr ? Elements{} : active_claim->elements;
    for (const auto& [place, element] : was) {
      const auto same = now.find(place);
      removals += same != now.end() && same->second == element ? "" : delete_element(place);
    }
    for (const auto& [place, element] : now) {
      const auto same = was.find(place);
      const bool is_same = same != was.end() && same->second == element;
      additions += is_same ? "" : add_element(place, active_claim->owner, element.verdict);
    }
  }
  return removals + additions;
}

std::map<std::string, std::vector<ElementChange>> KubeProxyTable::expected() const {
  std::map<std::string, std::vector<ElementChange>> by_set;
  for (const Prefix& pods : node_.all_pods) {
    for (const std::string& set : kube_proxy_sets(pods.family())) {
      by_set[set];
    }
  }
  for (const auto& [destination, claims] : claims_) {
    for (const auto& [place, element] : claims.front().elements) {
      ElementChange change;
      change.key = element.key;
      by_set[place.first].push_back(std::move(change));
    }
  }
  return by_set;
}

// One part after the other, each with what it and no other owner has claimed first.
std::vector<std::string> KubeProxyTable::renewal(const PresentKeys& present) const {
  const auto elements_of = [&](const std::string& owner, const KubeProxyPart& part) {
    std::string text;
    for (const auto& [place, element] : part.elements) {
      if (active(destination_of(place))->owner != owner) {
        continue;
      }
      const auto keys = present.find(place.first);
      const auto bytes = element.key.span();
      const bool is_there =
          keys != present.end() && keys->second.contains(std::vector<std::byte>(bytes.begin(), bytes.end()));
      text += (is_there ? delete_element(place) : "") + add_element(place, owner, element.verdict);
    }
    return text;
  };
  std::vector<std::string> texts;
  if (has_begun_) {
    texts.push_back(elements_of(kNode, own_addresses()));
  }
  for (const auto& [owner, part] : parts_) {
    texts.push_back(add_names(part, {}) + change_rules({}, part) + elements_of(owner, part));
  }
  return texts;
}

}  // namespace labctl::ruleset
