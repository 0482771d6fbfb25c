#pragma once

// Where a probe goes, as users write it. Text only: nothing here knows which pods or Services there are.
//
//   IP:PORT                 192.0.2.7:80, [2001:db8::7]:80
//   NAME:PORT               www.example.org:80: what the name stands for where the probe begins
//   pod/NS/NAME[:PORT]      without a port: the first port that the pod declares
//   node/NAME[:PORT]        without a port: icmp only
//   outside/NAME[:PORT]     a host of the outside world; without a port as for a node
//   svc/NS/NAME:PORT        the port's number or name
//   http(s)://HOST[:PORT]/PATH
//   icmp:IP or icmp:NAME
//   dns:NAME[/TYPE][@SERVER]   type A if none is given; SERVER is IP or IP:PORT

#include "probes/protocol/url.hpp"
#include "topology/base/ip_address.hpp"
#include "topology/model/place.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace labctl::protocol {

struct AddressTarget {
  IpAddress address;
  std::uint16_t port = 0;
  bool operator==(const AddressTarget&) const = default;
};

struct PlaceTarget {
  model::Place place;
  std::optional<std::uint16_t> port;
  bool operator==(const PlaceTarget&) const = default;
};

struct ServiceTarget {
  std::string ns;
  std::string name;
  std::uint16_t port = 0;  // 0 if the port is given by its name
  std::string port_name;   // empty if the port is given by its number
  bool operator==(const ServiceTarget&) const = default;
};

struct UrlTarget {
  Url url;
  bool operator==(const UrlTarget&) const = default;
};

// A domain name, to be looked up.
struct NameTarget {
  std::string name;        // as written; a trailing dot is the user's to give
  std::uint16_t port = 0;  // 0: icmp
  bool operator==(const NameTarget&) const = default;
};

struct IcmpTarget {
  IpAddress address;
  bool operator==(const IcmpTarget&) const = default;
};

struct DnsTarget {
  std::string name;                 // as written; a trailing dot is the user's to give
  std::string type;                 // upper case: "A", "SRV"
  std::optional<IpAddress> server;  // none: the one that the vantage would ask
  std::uint16_t server_port = 53;
  bool operator==(const DnsTarget&) const = default;
};

using Target =
    std::variant<AddressTarget, NameTarget, PlaceTarget, ServiceTarget, UrlTarget, IcmpTarget, DnsTarget>;

// Throws Error InvalidInput: the message says which part is wrong, the hint how to write it.
Target parse_target(std::string_view text);

// The text that parses to the same target.
std::string to_string(const Target& target);

}  // namespace labctl::protocol
