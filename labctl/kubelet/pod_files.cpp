#include "labctl/kubelet/pod_files.hpp"

#include <algorithm>
#include <utility>

namespace labctl::kubelet {
namespace {

// resolv.conf(5) and core/v1 PodDNSConfig.
constexpr std::size_t kNameserversMax = 3;
constexpr std::size_t kSearchesMax = 32;
constexpr std::size_t kSearchCharactersMax = 2048;

std::string aliases(const model::Pod& pod) {
  std::string text;
  if (!pod.host_aliases.empty()) {
    text += "\n# Entries added by HostAliases.\n";
  }
  for (const model::HostAlias& alias : pod.host_aliases) {
    text += to_string(alias.ip);
    for (const std::string& name : alias.hostnames) {
      text += "\t" + name;
    }
    text += "\n";
  }
  return text;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) {
    text += (text.empty() ? "" : " ") + word;
  }
  return text;
}

void add_new(std::vector<std::string>& list, const std::vector<std::string>& more) {
  for (const std::string& word : more) {
    if (std::find(list.begin(), list.end(), word) == list.end()) {
      list.push_back(word);
    }
  }
}

// "ndots:5" and "ndots:2" are the same option.
std::string option_name(const std::string& option) { return option.substr(0, option.find(':')); }

void set_options(std::vector<std::string>& list, const std::vector<std::string>& more) {
  for (const std::string& option : more) {
    const auto same = std::find_if(list.begin(), list.end(), [&](const std::string& other) {
      return option_name(other) == option_name(option);
    });
    if (same == list.end()) {
      list.push_back(option);
    } else {
      *same = option;
    }
  }
}

ResolvConf cluster_conf(const model::Pod& pod, const PodDns& dns) {
  ResolvConf conf;
  for (const IpAddress& server : dns.cluster_dns) {
    conf.nameservers.push_back(to_string(server));
  }
  const std::string& domain = dns.cluster_domain;
  conf.searches = {pod.key.ns + ".svc." + domain, "svc." + domain, domain};
  add_new(conf.searches, dns.node.searches);
  conf.options = {"ndots:5"};
  return conf;
}

ResolvConf conf_of_policy(const model::Pod& pod, const PodDns& dns) {
  switch (pod.dns_policy) {
    case model::DnsPolicy::ClusterFirst:
      return pod.host_network ? dns.node : cluster_conf(pod, dns);
    case model::DnsPolicy::ClusterFirstWithHostNet:
      return cluster_conf(pod, dns);
    case model::DnsPolicy::Default:
      return dns.node;
    case model::DnsPolicy::None:
      return {};
  }
  return {};
}

std::vector<std::string> cut_to_limits(ResolvConf& conf) {
  std::vector<std::string> notices;
  if (conf.nameservers.size() > kNameserversMax) {
    conf.nameservers.resize(kNameserversMax);
    notices.push_back(
        "Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line "
        "is: " +
        joined(conf.nameservers));
  }
  const std::size_t wanted = conf.searches.size();
  conf.searches.resize(std::min(wanted, kSearchesMax));
  while (joined(conf.searches).size() > kSearchCharactersMax) {
    conf.searches.pop_back();
  }
  if (conf.searches.size() < wanted) {
    notices.push_back(
        "Search Line limits were exceeded, some search paths have been omitted, the applied search line "
        "is: " +
        joined(conf.searches));
  }
  return notices;
}

}  // namespace

std::string hosts_file(const model::Pod& pod, const std::string& hostname,
                       const std::string& cluster_domain) {
  std::string text =
      "# Kubernetes-managed hosts file.\n"
      "127.0.0.1\tlocalhost\n"
      "::1\tlocalhost ip6-localhost ip6-loopback\n"
      "fe00::0\tip6-localnet\n"
      "fe00::0\tip6-mcastprefix\n"
      "fe00::1\tip6-allnodes\n"
      "fe00::2\tip6-allrouters\n";
  std::string names = hostname;
  if (!pod.subdomain.empty() && pod.hostname_override.empty()) {
    // With setHostnameAsFQDN the kernel's name is long already; the file keeps both forms.
    const std::string short_name = model::short_hostname_of(pod);
    names =
        short_name + "." + pod.subdomain + "." + pod.key.ns + ".svc." + cluster_domain + "\t" + short_name;
  }
  for (const IpAddress& ip : pod.ips) {
    text += to_string(ip) + "\t" + names + "\n";
  }
  return text + aliases(pod);
}

std::string hosts_file_of_node(const std::string& node_hosts, const model::Pod& pod) {
  std::string text = "# Kubernetes-managed hosts file (host network).\n" + node_hosts;
  if (!text.ends_with('\n')) {
    text += '\n';
  }
  return text + aliases(pod);
}

std::string to_text(const ResolvConf& conf) {
  std::string text;
  if (!conf.searches.empty()) {
    text += "search " + joined(conf.searches) + "\n";
  }
  for (const std::string& server : conf.nameservers) {
    text += "nameserver " + server + "\n";
  }
  if (!conf.options.empty()) {
    text += "options " + joined(conf.options) + "\n";
  }
  return text;
}

PodResolvConf pod_resolv_conf(const model::Pod& pod, const PodDns& dns) {
  PodResolvConf result{conf_of_policy(pod, dns), {}};
  std::vector<std::string> servers;
  for (const IpAddress& server : pod.dns_config.nameservers) {
    servers.push_back(to_string(server));
  }
  add_new(result.conf.nameservers, servers);
  add_new(result.conf.searches, pod.dns_config.searches);
  set_options(result.conf.options, pod.dns_config.options);
  result.notices = cut_to_limits(result.conf);
  return result;
}

}  // namespace labctl::kubelet
