#include "topology/model/host_programs.hpp"

#include <algorithm>
#include <cstddef>

namespace labctl::model {

bool matches_glob(std::string_view pattern, std::string_view text) {
  // Greedy with one point to come back to: the last '*' is the only one worth trying again.
  std::size_t at = 0;
  std::size_t star = std::string_view::npos;
  std::size_t resume = 0;
  for (std::size_t position = 0; position < text.size();) {
    if (at < pattern.size() && pattern[at] == '*') {
      star = at++;
      resume = position;
    } else if (at < pattern.size() && (pattern[at] == '?' || pattern[at] == text[position])) {
      ++at;
      ++position;
    } else if (star != std::string_view::npos) {
      at = star + 1;
      position = ++resume;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', at) == std::string_view::npos;
}

const ImageRule* rule_for(const std::vector<ImageRule>& rules, std::string_view image) {
  const auto rule = std::find_if(rules.begin(), rules.end(), [&](const ImageRule& candidate) {
    return matches_glob(candidate.match, image);
  });
  return rule == rules.end() ? nullptr : &*rule;
}

std::string_view short_image_name(std::string_view image) {
  image = image.substr(0, image.find('@'));
  const auto slash = image.rfind('/');
  if (slash != std::string_view::npos) {
    image.remove_prefix(slash + 1);
  }
  return image.substr(0, image.find(':'));
}

bool is_agnhost(std::string_view image) {
  const std::string_view name = short_image_name(image);
  return name == "agnhost" || name == "pause";
}

std::optional<HostPrograms> host_programs_named(std::string_view word) {
  const auto* found = std::find(kHostProgramWords.begin(), kHostProgramWords.end(), word);
  return found == kHostProgramWords.end()
             ? std::nullopt
             : std::optional(static_cast<HostPrograms>(found - kHostProgramWords.begin()));
}

std::string_view to_string(HostPrograms which) { return kHostProgramWords[static_cast<std::size_t>(which)]; }

bool HostProgramPolicy::may_run(const std::vector<std::string>& command) const {
  if (which != HostPrograms::Listed || command.empty()) {
    return which == HostPrograms::All;
  }
  const auto is_of_rule = [&](const ImageRule& rule) {
    return rule.root.empty() && !rule.command.empty() && rule.command.front() == command.front();
  };
  return std::find(allowed.begin(), allowed.end(), command.front()) != allowed.end() ||
         std::any_of(images.begin(), images.end(), is_of_rule);
}

bool HostProgramPolicy::runs_execs_of(std::string_view image) const {
  if (const ImageRule* rule = image == kHostImage ? nullptr : rule_for(images, image)) {
    return rule->archive.empty();
  }
  return image == kHostImage || is_agnhost(image) || stand_in_probes == StandInProbes::AsWritten;
}

HostProgramPolicy host_programs_of(const Cluster& cluster) {
  return {cluster.host_programs, cluster.images, cluster.allowed_host_programs, cluster.stand_in_probes};
}

}  // namespace labctl::model
