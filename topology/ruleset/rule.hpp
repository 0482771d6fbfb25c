#pragma once

// Chains that come and go while a lab lives, as data: apply/service_table makes kernel expressions of them.
// What stays is nft text (node_ruleset.hpp).

#include "topology/base/ip_address.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace labctl::ruleset {

// ---- What a packet must be ----
struct FromPrefix {
  Prefix prefix;
  bool is_negated = false;
  bool operator==(const FromPrefix&) const = default;
};
// From an address of the node itself.
struct FromSelf {
  bool operator==(const FromSelf&) const = default;
};
struct Marked {
  std::uint32_t mark = 0;
  bool operator==(const Marked&) const = default;
};
// Its destination, protocol, port and source are no element of the set.
struct NotIn {
  std::string set;
  bool operator==(const NotIn&) const = default;
};

// ---- What is done with it ----
struct SetMark {
  std::uint32_t mark = 0;
  bool operator==(const SetMark&) const = default;
};
struct SetConnectionMark {
  std::uint32_t mark = 0;
  bool operator==(const SetConnectionMark&) const = default;
};
// Keeps where it goes under where it comes from.
struct Remember {
  std::string map;
  bool operator==(const Remember&) const = default;
};
// Where that client was sent before; goes on if it is not known.
struct SendWhereBefore {
  std::string map;
  bool operator==(const SendWhereBefore&) const = default;
};
// To what the map holds under destination, protocol, port, and a number drawn from `count` ones.
struct SendDrawn {
  std::string map;
  std::uint32_t count = 0;
  std::uint32_t first = 0;
  bool operator==(const SendDrawn&) const = default;
};
struct Drop {
  bool operator==(const Drop&) const = default;
};
// Of TCP only; other packets go on. See refuse() in common_rules.hpp.
struct Reset {
  bool operator==(const Reset&) const = default;
};
struct Reject {
  bool operator==(const Reject&) const = default;
};

using RulePart = std::variant<FromPrefix, FromSelf, Marked, NotIn, SetMark, SetConnectionMark, Remember,
                              SendWhereBefore, SendDrawn, Drop, Reset, Reject>;

struct Rule {
  std::vector<RulePart> parts;
  std::string comment;
  bool operator==(const Rule&) const = default;
};

struct Chain {
  std::string name;
  Family family = Family::IPv4;  // of all packets that come here
  std::vector<Rule> rules;
  bool operator==(const Chain&) const = default;
};

// An element of a map of marks to chains.
struct Way {
  std::string map;
  std::uint32_t mark = 0;
  std::string chain;
  bool is_jump = false;
  bool operator==(const Way&) const = default;
};

// A map that rules fill (Remember), and that forgets after `timeout`.
struct ClientMap {
  std::string name;
  Family family = Family::IPv4;
  std::chrono::seconds timeout{0};
  bool operator==(const ClientMap&) const = default;
};

}  // namespace labctl::ruleset
