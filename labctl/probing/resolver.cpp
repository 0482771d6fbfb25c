#include "labctl/probing/resolver.hpp"

#include <algorithm>
#include <charconv>
#include <string_view>

namespace labctl::probing {
namespace {

protocol::DnsQuestion question_for(const std::string& name, const std::string& type) {
  protocol::DnsQuestion question;
  question.name = name;
  question.type = type;
  return question;
}

}  // namespace

Resolver resolver_of(const kubelet::ResolvConf& conf) {
  constexpr std::string_view kNdots = "ndots:";
  constexpr int kNdotsMax = 15;  // more is taken as this (resolv.conf(5))
  Resolver resolver;
  resolver.searches = conf.searches;
  for (const std::string& server : conf.nameservers) {
    if (const auto address = IpAddress::parse(server)) {
      resolver.servers.push_back(*address);
    }
  }
  for (const std::string& option : conf.options) {
    if (option.starts_with(kNdots)) {
      int ndots = resolver.ndots;
      std::from_chars(option.data() + kNdots.size(), option.data() + option.size(), ndots);
      resolver.ndots = std::clamp(ndots, 0, kNdotsMax);
    }
  }
  return resolver;
}

std::vector<protocol::DnsQuestion> candidates(const std::string& name, const std::string& type,
                                              const Resolver& resolver) {
  std::vector<protocol::DnsQuestion> questions;
  if (name.ends_with('.')) {
    questions.push_back(question_for(name, type));
    return questions;
  }
  for (const std::string& domain : resolver.searches) {
    const bool is_root = domain.empty() || domain == ".";
    protocol::DnsQuestion question = question_for(is_root ? name : name + "." + domain, type);
    if (protocol::question_error(question).empty()) {
      questions.push_back(std::move(question));
    }
  }
  const bool is_first = std::count(name.begin(), name.end(), '.') >= resolver.ndots;
  questions.insert(is_first ? questions.begin() : questions.end(), question_for(name, type));
  return questions;
}

}  // namespace labctl::probing
