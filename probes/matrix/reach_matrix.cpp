#include "probes/matrix/reach_matrix.hpp"

#include <cassert>
#include <utility>

namespace labctl::matrix {

using probes::Outcome;

ReachMatrix::ReachMatrix(std::vector<std::string> sources, std::vector<std::string> destinations)
    : sources_(std::move(sources)),
      destinations_(std::move(destinations)),
      wanted_(sources_.size() * destinations_.size(), static_cast<std::uint8_t>(Outcome::Ok)),
      seen_(sources_.size() * destinations_.size(), kNotSeen) {}

std::size_t ReachMatrix::at(std::size_t source, std::size_t destination) const {
  assert(source < sources_.size() && destination < destinations_.size());
  return source * destinations_.size() + destination;
}

void ReachMatrix::want(std::size_t source, std::size_t destination, Outcome outcome) {
  const std::size_t cell = at(source, destination);
  assert(seen_[cell] == kNotSeen);
  wanted_[cell] = static_cast<std::uint8_t>(outcome);
}

void ReachMatrix::see(std::size_t source, std::size_t destination, const Finding& finding) {
  const std::size_t cell = at(source, destination);
  if (seen_[cell] != kNotSeen && seen_[cell] != wanted_[cell]) {
    return;
  }
  seen_[cell] = static_cast<std::uint8_t>(finding.outcome);
  if (seen_[cell] != wanted_[cell]) {
    failures_.emplace(cell, Evidence{finding.backend, finding.reason});
  }
}

Outcome ReachMatrix::wanted(std::size_t source, std::size_t destination) const {
  return static_cast<Outcome>(wanted_[at(source, destination)]);
}

std::optional<Outcome> ReachMatrix::seen(std::size_t source, std::size_t destination) const {
  const std::uint8_t value = seen_[at(source, destination)];
  return value == kNotSeen ? std::nullopt : std::optional(static_cast<Outcome>(value));
}

std::vector<ReachMatrix::Failure> ReachMatrix::failures(std::size_t limit) const {
  std::vector<Failure> found;
  for (const auto& [cell, evidence] : failures_) {
    if (found.size() == limit) {
      break;
    }
    found.push_back({cell / destinations_.size(), cell % destinations_.size(),
                     static_cast<Outcome>(wanted_[cell]), static_cast<Outcome>(seen_[cell]), evidence.backend,
                     evidence.reason});
  }
  return found;
}

ReachMatrix::Summary ReachMatrix::summary() const {
  Summary summary;
  for (const std::uint8_t seen : seen_) {
    if (seen != kNotSeen) {
      ++summary.probed;
      summary.seen.add(static_cast<Outcome>(seen));
    }
  }
  summary.as_wanted = summary.probed - failures_.size();
  return summary;
}

}  // namespace labctl::matrix
