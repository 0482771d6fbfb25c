#pragma once

// Wanted against seen, source by destination: what should become of each probe, and what did. A value; who
// probes is not known here, and what is wanted says wanted.hpp.

#include "probes/outcome/outcome.hpp"
#include "probes/outcome/outcome_counts.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace labctl::matrix {

class ReachMatrix {
 public:
  // The names of rows and columns; both lists may be the same. Every cell is wanted ok, and not seen.
  ReachMatrix(std::vector<std::string> sources, std::vector<std::string> destinations);

  const std::vector<std::string>& sources() const noexcept { return sources_; }
  const std::vector<std::string>& destinations() const noexcept { return destinations_; }

  // What a probe showed. Who answered and why are kept where the outcome is not as wanted.
  struct Finding {
    probes::Outcome outcome = probes::Outcome::Inconclusive;
    std::string backend;  // who answered instead; empty: nobody
    std::string reason;
  };
  // Preconditions of all four: source < sources().size(), destination < destinations().size().
  // What is wanted of a cell is said before it is seen.
  void want(std::size_t source, std::size_t destination, probes::Outcome outcome);
  // Of several probes of a cell, such as one a family, the first that is not as wanted counts.
  void see(std::size_t source, std::size_t destination, const Finding& finding);
  probes::Outcome wanted(std::size_t source, std::size_t destination) const;
  // Nothing for a cell that was not probed.
  std::optional<probes::Outcome> seen(std::size_t source, std::size_t destination) const;

  struct Failure {
    std::size_t source = 0;
    std::size_t destination = 0;
    probes::Outcome wanted = probes::Outcome::Ok;
    probes::Outcome seen = probes::Outcome::Ok;
    std::string backend;
    std::string reason;
    bool operator==(const Failure&) const = default;
  };
  // Cells seen other than wanted, row by row; the first `limit`.
  std::vector<Failure> failures(std::size_t limit = SIZE_MAX) const;

  struct Summary {
    std::size_t probed = 0;
    std::size_t as_wanted = 0;
    probes::OutcomeCounts seen;
    bool operator==(const Summary&) const = default;
  };
  Summary summary() const;

 private:
  // There may be millions of cells: a byte for each, and more only for those that are not as wanted.
  struct Evidence {
    std::string backend;
    std::string reason;
  };
  static constexpr std::uint8_t kNotSeen = 0xff;
  std::size_t at(std::size_t source, std::size_t destination) const;

  std::vector<std::string> sources_;
  std::vector<std::string> destinations_;
  std::vector<std::uint8_t> wanted_;
  std::vector<std::uint8_t> seen_;
  std::map<std::size_t, Evidence> failures_;  // by cell
};

}  // namespace labctl::matrix
