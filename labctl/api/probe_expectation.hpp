#pragma once

// What a probe is expected to give: `labctl probe --expect`, "expect" in a line of `labctl probe -f`, and
// `expect` of a scenario's probe. One rule for every word, wherever it is said:
//
//   outcome          that of the result: with several tries ok if each was, else the most frequent other one.
//                    Not said: ok, or what the rcode or the status that is said comes with
//   backends         exactly these answered, over all tries
//   source           client (who probes), node (the one it is on), a place, or an address
//
// and as scenarios/README.md has it. All that is said must hold, and all that does not is told.
//
// Pure.

#include "labctl/api/address_book.hpp"
#include "labctl/api/expectation.hpp"
#include "labctl/api/probe_message.hpp"

#include <nlohmann/json_fwd.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace labctl::api {

struct ProbeExpectation {
  struct Dns {
    std::string rcode;                             // empty: any
    std::optional<std::set<std::string>> answers;  // exactly these records, or their data
    std::optional<std::uint64_t> answer_count;
    std::vector<std::string> flags;                       // among the reply's
    std::vector<std::string> authority;                   // types among the reply's
    std::optional<std::uint64_t> queries;                 // how many it took
    std::optional<std::vector<std::string>> query_names;  // in order
  };
  OutcomeExpectation outcome;
  BackendExpectation backends;
  std::map<std::string, TextExpectation> headers;
  std::map<std::string, std::chrono::microseconds> rtts;  // at most: p50, p90, p99, max
  Dns dns;
  std::string source;  // empty: any
  std::optional<int> status;
  TextExpectation body;

  // An rcode or a status alone says which reply is wanted: the outcome is then as it may be.
  bool leaves_outcome_to_reply() const;
  // Whether judge() has to know where the addresses of the lab are.
  bool needs_addresses() const;
  // What the lab is to do for it: keep times and whole bodies, and, where it retries, for which outcome.
  // Throws Error InvalidInput when it retries and there is not one.
  void prepare(ProbeRequest& request) const;
  // `from` is the place that probed.
  Verdict judge(const std::string& from, const ProbeResult& result, const AddressBook& addresses) const;
};

// An object of the fields above as scenarios write them, or an outcome alone: "ok", "refused,reset", a list
// of them. `path` is put before the names of fields. Throws Error InvalidInput.
ProbeExpectation parse_probe_expectation(const nlohmann::json& value, const std::string& path = "expect");

}  // namespace labctl::api
