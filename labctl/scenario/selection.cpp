#include "labctl/scenario/selection.hpp"

#include "topology/base/error.hpp"
#include "topology/base/pattern.hpp"

#include <algorithm>
#include <charconv>

namespace labctl::scenario {
namespace {

Pattern pattern_of(const std::string& flag, const std::string& text) {
  try {
    return Pattern(text);
  } catch (Error& error) {
    throw error.add_frame(flag);
  }
}

bool has_tag(const Scenario& scenario, const std::string& tag) {
  const auto labels = heading_of(scenario).labels;
  return std::any_of(labels.begin(), labels.end(), [&](const auto& label) {
    return tag == label.first || tag == label.second || tag == label.first + "=" + label.second;
  });
}

int number_in(const std::string& source, std::string_view text) {
  int number = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) {
    throw Error(ErrorKind::InvalidInput, source + " \"" + std::string(text) + "\": not a number");
  }
  return number;
}

Shard checked(Shard shard) {
  if (shard.total < 1 || shard.index < 1 || shard.index > shard.total) {
    throw Error(ErrorKind::InvalidInput,
                shard.source + ": there is no shard " + std::to_string(shard.index) + " of " +
                    std::to_string(shard.total),
                "--shard 2/5 is the second of five");
  }
  return shard;
}

}  // namespace

std::vector<Scenario> select(std::vector<Scenario> all, const Selection& selection) {
  const Pattern run = pattern_of("--run", selection.run);
  const Pattern skip = pattern_of("--skip", selection.skip);
  std::erase_if(all, [&](const Scenario& scenario) {
    const bool is_tagged = std::any_of(selection.tags.begin(), selection.tags.end(),
                                       [&](const std::string& tag) { return has_tag(scenario, tag); });
    return !run.is_found_in(scenario.name) || (!selection.skip.empty() && skip.is_found_in(scenario.name)) ||
           (!selection.tags.empty() && !is_tagged) ||
           (selection.only && !selection.only->contains(scenario.name));
  });
  return all;
}

// std::shuffle and std::uniform_int_distribution may differ from library to
// library; the order of a seed must not.
void shuffle(std::vector<Scenario>& scenarios, std::uint64_t seed) {
  for (size_t left = scenarios.size(); left > 1; --left) {
    seed += 0x9e3779b97f4a7c15;  // splitmix64
    std::uint64_t mixed = (seed ^ (seed >> 30)) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
    mixed ^= mixed >> 31;
    std::swap(scenarios[left - 1], scenarios[mixed % left]);
  }
}

std::optional<Shard> shard_of(const std::string& flag, const Environment& environment) {
  const auto said = [&](const char* name) {
    const char* value = environment(name);
    return std::string(value == nullptr ? "" : value);
  };
  if (const size_t slash = flag.find('/'); slash != std::string::npos) {
    return checked({number_in("--shard", flag.substr(0, slash)), number_in("--shard", flag.substr(slash + 1)),
                    "--shard"});
  }
  if (!flag.empty()) {
    const std::string index = said("JOB_COMPLETION_INDEX");
    if (index.empty()) {
      throw Error(ErrorKind::InvalidInput, "--shard " + flag + ": which one of them?",
                  "--shard 1/" + flag + ", or JOB_COMPLETION_INDEX in the environment");
    }
    return checked(
        {number_in("JOB_COMPLETION_INDEX", index) + 1, number_in("--shard", flag), "JOB_COMPLETION_INDEX"});
  }
  if (const std::string total = said("CI_NODE_TOTAL"); !said("CI_NODE_INDEX").empty() && !total.empty()) {
    return checked({number_in("CI_NODE_INDEX", said("CI_NODE_INDEX")), number_in("CI_NODE_TOTAL", total),
                    "CI_NODE_INDEX"});
  }
  if (const std::string total = said("TEST_TOTAL_SHARDS");
      !said("TEST_SHARD_INDEX").empty() && !total.empty()) {
    return checked({number_in("TEST_SHARD_INDEX", said("TEST_SHARD_INDEX")) + 1,
                    number_in("TEST_TOTAL_SHARDS", total), "TEST_SHARD_INDEX"});
  }
  return std::nullopt;
}

std::vector<Scenario> take_shard(std::vector<Scenario> scenarios, const Shard& shard) {
  std::vector<Scenario> taken;
  for (size_t i = static_cast<size_t>(shard.index - 1); i < scenarios.size();
       i += static_cast<size_t>(shard.total)) {
    taken.push_back(std::move(scenarios[i]));
  }
  return taken;
}

}  // namespace labctl::scenario
