#include "labctl/kubelet/archived_image.hpp"

#include "labctl/kubelet/container_env.hpp"
#include "topology/model/image_name.hpp"

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstring>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace labctl::kubelet {
namespace {

const model::ImageFiles* find_image(const model::Container& container, const model::ImageRule& rule) {
  for (const model::ImageFiles& image : rule.files) {
    const bool is_it = std::any_of(image.names.begin(), image.names.end(), [&](const std::string& name) {
      return model::is_image_named(name, container.image);
    });
    if (is_it) {
      return &image;
    }
  }
  // An archive of one image needs no name.
  return rule.files.size() == 1 && rule.files.front().names.empty() ? &rule.files.front() : nullptr;
}

std::string names_of(const model::ImageRule& rule) {
  std::string names;
  for (const model::ImageFiles& image : rule.files) {
    for (const std::string& name : image.names) {
      names += (names.empty() ? "" : ", ") + name;
    }
  }
  return names.empty() ? "images without names" : names;
}

ImageChoice refused(std::string reason, std::string message) {
  ImageChoice choice;
  choice.way = ImageChoice::Way::Invalid;
  choice.reason = std::move(reason);
  choice.message = std::move(message);
  return choice;
}

ImageChoice not_there(const model::Container& container, const model::ImageRule& rule) {
  if (container.image_pull_policy == "Never") {
    return refused("ErrImageNeverPull",
                   "Container image \"" + container.image + "\" is not present with pull policy of Never");
  }
  return refused("ErrImagePull", "Failed to pull image \"" + container.image + "\": not found in " +
                                     rule.archive + ", which has " + names_of(rule));
}

std::vector<std::string> command_of(const model::Container& container, const model::ImageRule& rule,
                                    const model::ImageConfig& config) {
  std::vector<std::string> command = container.command;
  const std::vector<std::string>* rest = &container.args;
  if (command.empty()) {
    command = rule.command.empty() ? config.entrypoint : rule.command;
    if (container.args.empty() && rule.command.empty()) {
      rest = &config.cmd;
    }
  }
  command.insert(command.end(), rest->begin(), rest->end());
  return command;
}

std::optional<int> number_of(std::string_view text) {
  int number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  return failure == std::errc() && end == text.data() + text.size() ? std::optional(number) : std::nullopt;
}

std::optional<int> in_range(std::optional<int> number) {
  return number && *number > 0 && *number <= SIGRTMAX ? number : std::nullopt;
}

}  // namespace

ImageChoice choose_archived(const model::Container& container, const model::ImageRule& rule) {
  if (!model::whole_image_name(container.image)) {
    return refused("InvalidImageName", "Failed to apply default image tag \"" + container.image +
                                           "\": couldn't parse image name \"" + container.image +
                                           "\": invalid reference format");
  }
  const model::ImageFiles* image = find_image(container, rule);
  if (image == nullptr) {
    return not_there(container, rule);
  }
  ImageChoice choice;
  choice.way = ImageChoice::Way::Root;
  choice.root = image->root;
  choice.digest = image->digest;
  choice.command = command_of(container, rule, image->config);
  choice.env = image->config.env;
  choice.working_dir = image->config.working_dir;
  choice.user = image->config.user;
  choice.owners = image->owners;
  if (!image->config.stop_signal.empty()) {
    choice.stop_signal = signal_named(image->config.stop_signal).value_or(SIGTERM);
  }
  if (choice.command.empty()) {
    return refused("CreateContainerError", "failed to generate container spec: no command specified");
  }
  choice.notice = "image " + container.image + ": runs from " + rule.archive + ", by the images entry \"" +
                  rule.match + "\"";
  return choice;
}

std::optional<int> signal_named(std::string_view word) {
  if (const auto number = number_of(word)) {
    return in_range(number);
  }
  constexpr std::string_view kBegin = "SIG";
  if (word.starts_with(kBegin)) {
    word.remove_prefix(kBegin.size());
  }
  for (const auto& [name, base, sign] : {std::tuple{std::string_view("RTMIN"), SIGRTMIN, '+'},
                                         std::tuple{std::string_view("RTMAX"), SIGRTMAX, '-'}}) {
    if (word == name) {
      return base;
    }
    if (word.starts_with(name) && word.size() > name.size() + 1 && word[name.size()] == sign) {
      const auto more = number_of(word.substr(name.size() + 1));
      if (!more || *more < 0 || *more > SIGRTMAX - SIGRTMIN) {
        return std::nullopt;
      }
      return base + (sign == '+' ? *more : -*more);
    }
  }
  for (int number = 1; number < SIGRTMIN; ++number) {
    const char* name = ::sigabbrev_np(number);
    if (name != nullptr && word == name) {
      return number;
    }
  }
  return std::nullopt;
}

void add_image_env(ContainerEnv& env, const ImageChoice& choice, const std::string& home) {
  for (auto& [name, value] : env.base) {
    value = name == "HOME" && !home.empty() ? home : value;
  }
  for (const auto& [name, value] : choice.env) {
    std::erase_if(env.base, [&name = name](const auto& entry) { return entry.first == name; });
    env.base.emplace_back(name, value);
  }
}

}  // namespace labctl::kubelet
