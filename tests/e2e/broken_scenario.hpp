#pragma once

// A scenario and how to break it, for the tables of broken_test.cpp.

#include <ostream>
#include <string>
#include <variant>
#include <vector>

namespace labctl::e2e {

// Run as root of that place's network, as a step of its own.
struct Sabotage {
  std::string place;
  std::string shell;
};

// Another text in a manifest, everywhere it stands.
struct Edit {
  std::string file;
  std::string text;
  std::string instead;
};

struct Broken {
  std::string name;  // of the test
  std::string scenario;
  std::variant<Sabotage, Edit> how;
  std::string step;   // as its file has it
  std::string check;  // as the report has it, when a case fills in the step's name
  std::string wanted;
  std::string seen;
};

inline void PrintTo(const Broken& broken, std::ostream* out) {
  *out << broken.scenario << ", " << broken.name;
}

// No answer comes from the address: its neighbour entry on the node names a MAC address that nobody has.
inline Sabotage deaf(const std::string& node, const std::string& address) {
  return {"node/" + node, "ip neigh replace " + address + " lladdr 02:00:00:00:de:ad dev cbr0 nud permanent"};
}

// Packets of that kind vanish on their way through the place.
inline Sabotage swallow(const std::string& place, const std::string& match) {
  return {place,
          "nft add table inet thief && for hook in input forward; do nft add chain inet thief $hook \"{ type "
          "filter "
          "hook $hook priority -10; }\" && nft add rule inet thief $hook " +
              match + " drop; done"};
}

inline Sabotage translate(const std::string& node, const std::string& match) {
  return {"node/" + node, "nft insert rule inet labctl postrouting " + match + " masquerade"};
}

// Those vanish before the place has looked at where they go.
inline Sabotage lose(const std::string& place, const std::string& match) {
  return {place,
          "nft add table inet thief && nft add chain inet thief raw \"{ type filter hook prerouting priority "
          "-300; }\" && nft add rule inet thief raw " +
              match + " drop"};
}

// Servers of the next version listen where nobody asks.
inline Edit elsewhere(const std::string& file) { return {file, "8080", "8088"}; }

// Those of Services (broken_services.cpp) and of DNS (broken_names.cpp).
const std::vector<Broken>& broken_services();
const std::vector<Broken>& broken_names();

}  // namespace labctl::e2e
