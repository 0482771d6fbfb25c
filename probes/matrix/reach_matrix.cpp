#include "probes/matrix/reach_matrix.hpp"

#include <cassert>
#include <utility>

namespace labctl::matrix {

using probes::Outcome;

std::string group_of(std::string_view vantage) {
  const std::size_t slash = vantage.rfind('/');
  return std::string(slash == std::string_view::npos ? vantage : vantage.substr(0, slash));
}

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
  wanted_[at(source, destination)] = static_cast<std::uint8_t>(outcome);
}

void ReachMatrix::see(std::size_t source, std::size_t destination, Outcome outcome) {
  seen_[at(source, destination)] = static_cast<std::uint8_t>(outcome);
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
  for (std::size_t i = 0; i < seen_.size() && found.size() < limit; ++i) {
    if (seen_[i] != kNotSeen && seen_[i] != wanted_[i]) {
      found.push_back({i / destinations_.size(), i % destinations_.size(), static_cast<Outcome>(wanted_[i]),
                       static_cast<Outcome>(seen_[i])});
    }
  }
  return found;
}

ReachMatrix::Summary ReachMatrix::summary() const {
  Summary summary;
  for (std::size_t i = 0; i < seen_.size(); ++i) {
    if (seen_[i] != kNotSeen) {
      ++summary.probed;
      summary.as_wanted += seen_[i] == wanted_[i] ? 1 : 0;
      summary.seen.add(static_cast<Outcome>(seen_[i]));
    }
  }
  return summary;
}

}  // namespace labctl::matrix
