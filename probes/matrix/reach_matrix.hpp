#pragma once

// Wanted against seen, source by destination: what should become of each probe, and what did. A value; who
// probes and who decides what is wanted is not known here.

#include "probes/outcome/outcome.hpp"
#include "probes/outcome/outcome_counts.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace labctl::matrix {

// "pod/default/a" is of group "pod/default", "node/node-1" of "node": all but the last part.
std::string group_of(std::string_view vantage);

class ReachMatrix {
 public:
  // The names of rows and columns; both lists may be the same. Every cell is wanted ok, and not seen.
  ReachMatrix(std::vector<std::string> sources, std::vector<std::string> destinations);

  const std::vector<std::string>& sources() const noexcept { return sources_; }
  const std::vector<std::string>& destinations() const noexcept { return destinations_; }

  // Preconditions of all four: source < sources().size(), destination < destinations().size().
  void want(std::size_t source, std::size_t destination, probes::Outcome outcome);
  void see(std::size_t source, std::size_t destination, probes::Outcome outcome);
  probes::Outcome wanted(std::size_t source, std::size_t destination) const;
  // Nothing for a cell that was not probed, such as a pod's own.
  std::optional<probes::Outcome> seen(std::size_t source, std::size_t destination) const;

  struct Failure {
    std::size_t source = 0;
    std::size_t destination = 0;
    probes::Outcome wanted = probes::Outcome::Ok;
    probes::Outcome seen = probes::Outcome::Ok;
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
  static constexpr std::uint8_t kNotSeen = 0xff;
  std::size_t at(std::size_t source, std::size_t destination) const;

  std::vector<std::string> sources_;
  std::vector<std::string> destinations_;
  std::vector<std::uint8_t> wanted_;
  std::vector<std::uint8_t> seen_;
};

}  // namespace labctl::matrix
