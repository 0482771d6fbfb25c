#include "labctl/kubelet/image_map.hpp"

#include "labctl/kubelet/archived_image.hpp"

#include <algorithm>
#include <utility>

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

ImageChoice choose_way(const model::Container& container, const std::vector<model::ImageRule>& rules,
                       bool is_init) {
  if (container.image == model::kHostImage) {
    ImageChoice choice;
    choice.way = ImageChoice::Way::Host;
    choice.command = with_args(container.command, container.args);
    return choice.command.empty() ? invalid(container, "runs the container's own command, and it has none")
                                  : choice;
  }
  if (const model::ImageRule* rule = model::rule_for(rules, container.image)) {
    return choose_by_rule(container, *rule);
  }
  ImageChoice choice;
  if (model::is_agnhost(container.image)) {
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

}  // namespace

ImageChoice choose(const model::Container& container, const std::vector<model::ImageRule>& rules,
                   bool is_init) {
  ImageChoice choice = choose_way(container, rules, is_init);
  if (!container.stop_signal.empty()) {
    choice.stop_signal = signal_named(container.stop_signal).value_or(choice.stop_signal);
  }
  return choice;
}

std::string refusal_of(const model::HostProgramPolicy& policy, const std::vector<std::string>& command) {
  return policy.which == model::HostPrograms::None
             ? "hostPrograms: none of the Cluster forbids programs of the host"
             : "hostPrograms: listed of the Cluster forbids programs of the host that it does not list: " +
                   (command.empty() ? "" : command.front());
}

bool may_run(const ImageChoice& choice, const model::HostProgramPolicy& policy,
             const std::vector<std::string>& command) {
  const bool is_of_image = !choice.digest.empty();
  return choice.way == ImageChoice::Way::Root ? is_of_image || policy.may_run_roots()
                                              : policy.may_run(command);
}

ImageChoice permitted(ImageChoice choice, const model::Container& container,
                      const model::HostProgramPolicy& policy) {
  const bool is_program = choice.way == ImageChoice::Way::Host || choice.way == ImageChoice::Way::Root;
  return is_program && !may_run(choice, policy, choice.command)
             ? invalid(container, refusal_of(policy, choice.command))
             : std::move(choice);
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
