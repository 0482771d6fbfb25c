#pragma once

// What a place's /etc/resolv.conf says (resolver(5)), and which names that makes of one.

#include "labctl/kubelet/pod_files.hpp"
#include "probes/protocol/dns.hpp"
#include "topology/base/ip_address.hpp"

#include <string>
#include <vector>

namespace labctl::probing {

struct Resolver {
  std::vector<IpAddress> servers;
  std::vector<std::string> searches;  // with or without the final dot
  int ndots = 1;
};

// Of a file as controllers reads or writes it. A server that is no address is left out, as libc does.
Resolver resolver_of(const kubelet::ResolvConf& conf);

// The questions that res_search(3) asks one after the other until one is answered: with a final dot the name
// alone; with at least ndots dots the name first, then with each search domain; else the name last. Names
// that a search domain makes too long are left out.
std::vector<protocol::DnsQuestion> candidates(const std::string& name, const std::string& type,
                                              const Resolver& resolver);

}  // namespace labctl::probing
