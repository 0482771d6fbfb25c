#include "labctl/kubelet/image_map.hpp"

#include "labctl/kubelet/archived_image.hpp"
#include "probes/server/role.hpp"

#include <algorithm>

namespace labctl::kubelet {
namespace {

std::vector<std::string> with_args(std::vector<std::string> command, const std::vector<std::string>& args) {
  command.insert(command.end(), args.begin(), args.end());
  return command;
}

std::string command_text(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) {
    text += (text.empty() ? "" : " ") + word;
  }
  return text;
}

ImageChoice invalid(const model::Container& container, const std::string& why) {
  ImageChoice choice;
  choice.way = ImageChoice::Way::Invalid;
  choice.reason = "CreateContainerConfigError";
  choice.message = "container " + container.name + ": image " + container.image + ": " + why;
  return choice;
}

ImageChoice choose_by_rule(const model::Container& container, const model::ImageRule& rule) {
  if (!rule.archive.empty()) {
    return choose_archived(container, rule);
  }
  ImageChoice choice;
  choice.command = with_args(container.command.empty() ? rule.command : container.command, container.args);
  choice.root = rule.root;
  choice.way = rule.root.empty() ? ImageChoice::Way::Host : ImageChoice::Way::Root;
  if (choice.command.empty()) {
    return invalid(container,
                   "neither the images entry \"" + rule.match + "\" nor the container says what to run");
  }
  choice.notice = "image " + container.image + ": runs \"" + command_text(choice.command) + "\" from " +
                  (rule.root.empty() ? "the host" : rule.root) + ", by the images entry \"" + rule.match +
                  "\"";
  return choice;
}

}  // namespace

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

ImageChoice choose(const model::Container& container, const std::vector<model::ImageRule>& rules,
                   bool is_init) {
  if (container.image == "host") {
    ImageChoice choice;
    choice.way = ImageChoice::Way::Host;
    choice.command = with_args(container.command, container.args);
    return choice.command.empty() ? invalid(container, "runs the container's own command, and it has none")
                                  : choice;
  }
  const auto rule = std::find_if(rules.begin(), rules.end(), [&](const model::ImageRule& candidate) {
    return matches_glob(candidate.match, container.image);
  });
  if (rule != rules.end()) {
    return choose_by_rule(container, *rule);
  }
  ImageChoice choice;
  if (server::is_agnhost(container.image)) {
    choice.notice = "image " + container.image + ": its role is played by the built-in server";
    return choice;
  }
  if (is_init || container.is_of_job) {
    choice.way = ImageChoice::Way::Skip;
    choice.notice = "image " + container.image + ": not mapped, so this " +
                    (is_init ? "init container" : "container of a Job") + " is taken as succeeded";
    return choice;
  }
  choice.way = ImageChoice::Way::StandIn;
  choice.notice = "image " + container.image + ": not mapped, so the built-in server stands in for it";
  return choice;
}

bool runs_programs(const model::Pod& pod, const std::vector<model::ImageRule>& rules) {
  const auto is_program = [&](const model::Container& container) {
    const ImageChoice::Way way = choose(container, rules, false).way;
    return way == ImageChoice::Way::Host || way == ImageChoice::Way::Root;
  };
  return std::any_of(pod.containers.begin(), pod.containers.end(), is_program) ||
         std::any_of(pod.init_containers.begin(), pod.init_containers.end(), is_program);
}

}  // namespace labctl::kubelet
