#include "probes/protocol/target.hpp"

#include "topology/base/error.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <utility>

namespace labctl::protocol {
namespace {

constexpr std::string_view kForms =
    "write IP:PORT, NAME:PORT, pod/NS/NAME[:PORT], node/NAME:PORT, svc/NS/NAME:PORT, http://HOST/PATH, "
    "icmp:IP or "
    "dns:NAME/TYPE[@SERVER]";

struct Cursor {
  std::string_view whole;  // for messages

  Error bad(std::string_view cause, std::string_view hint = kForms) const {
    return Error(ErrorKind::InvalidInput, "target \"" + std::string(whole) + "\": " + std::string(cause),
                 std::string(hint));
  }
};

bool is_alnum(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

// RFC 1123 label or, with dots, subdomain, in lower case, as Kubernetes wants names.
bool is_dns_name(std::string_view name, std::size_t longest, bool dots) {
  if (name.empty() || name.size() > longest || !is_alnum(name.front()) || !is_alnum(name.back())) {
    return false;
  }
  return std::all_of(name.begin(), name.end(),
                     [&](char c) { return is_alnum(c) || c == '-' || (dots && c == '.'); });
}

std::string name_of(const Cursor& text, std::string_view name, std::string_view what, bool dots = true) {
  if (!is_dns_name(name, dots ? 253 : 63, dots)) {
    throw text.bad(
        "\"" + std::string(name) + "\" is no " + std::string(what),
        "names are lower-case letters, digits and dashes, and begin and end with a letter or digit");
  }
  return std::string(name);
}

// A name that may be looked up. One that ends in a number is a mistyped address.
bool may_be_looked_up(std::string_view name) {
  const std::string_view bare = name.ends_with('.') ? name.substr(0, name.size() - 1) : name;
  const std::string_view last = bare.substr(bare.rfind('.') + 1);
  return !bare.empty() && bare.size() <= 253 && !bare.starts_with('-') && !bare.starts_with('.') &&
         bare.find("..") == std::string_view::npos &&
         std::all_of(bare.begin(), bare.end(),
                     [](unsigned char c) {
                       return c < 0x80 && (std::isalnum(c) || c == '-' || c == '.' || c == '_');
                     }) &&
         !std::all_of(last.begin(), last.end(), [](unsigned char c) { return std::isdigit(c); });
}

std::optional<std::uint16_t> number_of(std::string_view port) {
  std::uint16_t value = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), value);
  if (error != std::errc() || end != port.data() + port.size() || value == 0) {
    return std::nullopt;
  }
  return value;
}

std::uint16_t port_of(const Cursor& text, std::string_view port) {
  const auto value = number_of(port);
  if (!value) {
    throw text.bad("port \"" + std::string(port) + "\" is not a number from 1 to 65535");
  }
  return *value;
}

// "name" or "name:port": cuts the port off.
std::optional<std::uint16_t> take_port(const Cursor& text, std::string_view& rest) {
  const std::size_t colon = rest.find(':');
  if (colon == std::string_view::npos) {
    return std::nullopt;
  }
  const std::uint16_t port = port_of(text, rest.substr(colon + 1));
  rest = rest.substr(0, colon);
  return port;
}

Error missing_namespace(const Cursor& text, std::string_view form) {
  return text.bad("the namespace is missing", "write " + std::string(form));
}

std::string_view what_is_named(model::PlaceKind kind) {
  switch (kind) {
    case model::PlaceKind::Pod:
      return "pod name";
    case model::PlaceKind::Node:
      return "node name";
    case model::PlaceKind::Outside:
      return "outside host";
  }
  return "name";
}

// Nothing if it does not begin as a place does.
std::optional<PlaceTarget> parse_place_target(const Cursor& text) {
  std::string_view rest = text.whole;
  if (!model::split_place(rest)) {
    return std::nullopt;
  }
  PlaceTarget target;
  target.port = take_port(text, rest);
  const model::PlaceParts parts = *model::split_place(rest);
  target.place.kind = parts.kind;
  if (parts.kind == model::PlaceKind::Pod) {
    if (!parts.ns) {
      throw missing_namespace(text, "pod/NAMESPACE/NAME[:PORT], as in pod/default/web-0:80");
    }
    target.place.ns = name_of(text, *parts.ns, "namespace", false);
  }
  target.place.name = name_of(text, parts.name, what_is_named(parts.kind));
  return target;
}

Target parse_service(const Cursor& text, std::string_view rest) {
  constexpr std::string_view kForm = "svc/NAMESPACE/NAME:PORT, as in svc/default/web:80";
  const std::size_t slash = rest.find('/');
  if (slash == std::string_view::npos) {
    throw missing_namespace(text, kForm);
  }
  const std::string_view name_and_port = rest.substr(slash + 1);
  const std::size_t colon = name_and_port.find(':');
  if (colon == std::string_view::npos) {
    throw text.bad("the port is missing", "write " + std::string(kForm));
  }
  ServiceTarget service;
  service.ns = name_of(text, rest.substr(0, slash), "namespace", false);
  service.name = name_of(text, name_and_port.substr(0, colon), "Service name");
  const std::string_view port = name_and_port.substr(colon + 1);
  // A port's name has at least one letter (the API's rule), so that digits
  // alone are a number, even a bad one.
  if (std::any_of(port.begin(), port.end(), [](char c) { return c >= 'a' && c <= 'z'; })) {
    service.port_name = name_of(text, port, "port name", false);
  } else {
    service.port = port_of(text, port);
  }
  return service;
}

// "IP", "IP:PORT" or "[IP]:PORT".
std::optional<std::pair<IpAddress, std::optional<std::uint16_t>>> parse_endpoint(const Cursor& text,
                                                                                 std::string_view rest) {
  if (const auto address = IpAddress::parse(rest)) {
    return std::pair{*address, std::optional<std::uint16_t>()};
  }
  std::string_view host = rest;
  std::string_view port;
  if (rest.starts_with('[')) {
    const std::size_t end = rest.find(']');
    if (end == std::string_view::npos) {
      throw text.bad("the bracket is not closed", "write [IPv6]:PORT, as in [2001:db8::7]:80");
    }
    host = rest.substr(1, end - 1);
    port = rest.substr(end + 1);
    if (!port.empty() && port.front() != ':') {
      throw text.bad("something other than a port after the bracket");
    }
  } else if (const std::size_t colon = rest.find(':'); colon != std::string_view::npos) {
    host = rest.substr(0, colon);
    port = rest.substr(colon);
  }
  const auto address = IpAddress::parse(host);
  if (!address) {
    return std::nullopt;
  }
  if (port.empty()) {
    return std::pair{*address, std::optional<std::uint16_t>()};
  }
  return std::pair{*address, std::optional(port_of(text, port.substr(1)))};
}

Target parse_address(const Cursor& text) {
  const auto endpoint = parse_endpoint(text, text.whole);
  if (!endpoint) {
    std::string_view name = text.whole;
    const std::size_t colon = name.find(':');
    if (colon == std::string_view::npos || !may_be_looked_up(name.substr(0, colon))) {
      throw text.bad("neither an address, a name with a port nor a known kind of target");
    }
    return NameTarget{std::string(name.substr(0, colon)), port_of(text, name.substr(colon + 1))};
  }
  const auto& [address, port] = *endpoint;
  if (!port) {
    throw text.bad("the port is missing",
                   "write " + labctl::to_string(address, 80) + " or icmp:" + labctl::to_string(address));
  }
  return AddressTarget{address, *port};
}

Target parse_dns(const Cursor& text, std::string_view rest) {
  DnsTarget dns;
  if (const std::size_t at = rest.rfind('@'); at != std::string_view::npos) {
    const auto endpoint = parse_endpoint(text, rest.substr(at + 1));
    if (!endpoint) {
      throw text.bad("the server is no address",
                     "write dns:NAME/TYPE@IP, as in dns:www.example.org/A@10.96.0.10");
    }
    dns.server = endpoint->first;
    dns.server_port = endpoint->second.value_or(53);
    rest = rest.substr(0, at);
  }
  // Names may hold a slash in zones for classless delegation (RFC 2317): the type is after the last.
  const std::size_t slash = rest.rfind('/');
  dns.name = std::string(rest.substr(0, slash));
  dns.type = slash == std::string_view::npos ? "A" : std::string(rest.substr(slash + 1));
  std::transform(dns.type.begin(), dns.type.end(), dns.type.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  const bool type_is_word = !dns.type.empty() && dns.type.size() <= 16 &&
                            std::all_of(dns.type.begin(), dns.type.end(),
                                        [](unsigned char c) { return std::isalnum(c) || c == '-'; });
  if (dns.name.empty() || dns.name.size() > 1024) {
    throw text.bad("the name to look up is missing or too long",
                   "write dns:NAME/TYPE, as in dns:www.example.org/A");
  }
  if (!type_is_word) {
    throw text.bad("\"" + dns.type + "\" is no record type",
                   "write a type such as A, AAAA, SRV, PTR, TXT or CNAME");
  }
  return dns;
}

std::string with_port(std::string text, const std::optional<std::uint16_t>& port) {
  return port ? std::move(text) + ':' + std::to_string(*port) : text;
}

struct Printer {
  std::string operator()(const AddressTarget& target) const {
    return labctl::to_string(target.address, target.port);
  }
  std::string operator()(const NameTarget& target) const {
    return target.port == 0 ? "icmp:" + target.name : target.name + ':' + std::to_string(target.port);
  }
  std::string operator()(const PlaceTarget& target) const {
    return with_port(to_string(target.place), target.port);
  }
  std::string operator()(const ServiceTarget& target) const {
    return "svc/" + target.ns + '/' + target.name + ':' +
           (target.port_name.empty() ? std::to_string(target.port) : target.port_name);
  }
  std::string operator()(const UrlTarget& target) const { return to_string(target.url); }
  std::string operator()(const IcmpTarget& target) const {
    return "icmp:" + labctl::to_string(target.address);
  }
  std::string operator()(const DnsTarget& target) const {
    std::string text = "dns:" + target.name + '/' + target.type;
    if (target.server) {
      text += '@' + (target.server_port == 53 ? labctl::to_string(*target.server)
                                              : labctl::to_string(*target.server, target.server_port));
    }
    return text;
  }
};

}  // namespace

Target parse_target(std::string_view whole) {
  const Cursor text{whole};
  const auto after = [&](std::string_view prefix) { return whole.substr(prefix.size()); };
  if (whole.empty()) {
    throw text.bad("it is empty");
  }
  if (whole.starts_with("http://") || whole.starts_with("https://")) {
    return UrlTarget{parse_url(whole)};
  }
  if (const auto target = parse_place_target(text)) {
    return *target;
  }
  if (whole.starts_with("svc/")) {
    return parse_service(text, after("svc/"));
  }
  if (whole.starts_with("icmp:")) {
    if (const auto address = IpAddress::parse(after("icmp:"))) {
      return IcmpTarget{*address};
    }
    if (!may_be_looked_up(after("icmp:"))) {
      throw text.bad("no address or name after icmp:",
                     "write icmp:IP; for a pod, --to pod/NS/NAME --proto icmp");
    }
    return NameTarget{std::string(after("icmp:")), 0};
  }
  if (whole.starts_with("dns:")) {
    return parse_dns(text, after("dns:"));
  }
  return parse_address(text);
}

std::string to_string(const Target& target) { return std::visit(Printer{}, target); }

}  // namespace labctl::protocol
