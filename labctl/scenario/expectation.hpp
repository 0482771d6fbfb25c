#pragma once

// What a step wants to see, held against what was seen. Pure.

#include <nlohmann/json.hpp>

#include <map>
#include <set>
#include <string>
#include <vector>

namespace labctl::scenario {

// What one try of a step came to.
struct Attempt {
  bool passed = true;
  bool broken = false;  // could not be done at all: nothing was learnt
  std::string message;  // why not: wanted and seen, one line
  std::string details;  // evidence, any number of lines

  // Adds a reason; the attempt has then failed.
  void fail(const std::string& wanted, const std::string& seen);
};

// {contains, equals, matches} on a text; `what` names it in the message.
void check_text(const nlohmann::json& expect, const std::string& what, const std::string& seen,
                Attempt& attempt);

// `expect.outcome` is one name or a list of them; `otherwise` counts when there is none.
void check_outcome(const nlohmann::json& expect, const std::string& otherwise, const std::string& seen,
                   const std::string& reason, Attempt& attempt);

// Where the addresses of the lab are, to tell whose source a server saw.
struct AddressBook {
  // of a vantage, and of the node it is on
  std::map<std::string, std::set<std::string>> own, node;
};
AddressBook address_book(const nlohmann::json& graph);

// A probe's result line against its expectation: outcome, backends, source, status, body, answers.
Attempt check_probe(const nlohmann::json& probe, const nlohmann::json& result, const AddressBook& addresses);

}  // namespace labctl::scenario
