#include "labctl/commands/images_of_files.hpp"

#include "labctl/kubelet/image_map.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace labctl::commands {
namespace {

using Way = kubelet::ImageChoice::Way;

// Where kinds have their pods' spec.
constexpr const char* kPodSpecs[] = {"/spec", "/spec/template/spec", "/spec/jobTemplate/spec/template/spec"};

std::vector<std::string> words_at(const nlohmann::json& container, const char* field) {
  std::vector<std::string> words;
  const auto found = container.find(field);
  if (found != container.end() && found->is_array()) {
    for (const nlohmann::json& word : *found) {
      words.push_back(word.is_string() ? word.get<std::string>() : std::string());
    }
  }
  return words;
}

std::string first_of(const std::vector<std::string>& words) { return words.empty() ? "" : words.front(); }

std::vector<std::string> exposed_ports_of(const model::Cluster& cluster, const std::string& digest) {
  for (const model::ImageRule& rule : cluster.images) {
    for (const model::ImageFiles& files : rule.files) {
      if (files.digest == digest) {
        return files.config.exposed_ports;
      }
    }
  }
  return {};
}

// What the Cluster's rule for the image says, if that is an archive.
std::string archive_of(const model::Cluster& cluster, const std::string& digest) {
  for (const model::ImageRule& rule : cluster.images) {
    for (const model::ImageFiles& files : rule.files) {
      if (files.digest == digest) {
        return rule.archive;
      }
    }
  }
  return {};
}

ImageUse use_of(const model::Cluster& cluster, const model::Container& container, bool is_init) {
  const kubelet::ImageChoice choice = kubelet::choose(container, cluster.images, is_init);
  ImageUse use{container.image, 0, {}, {}, choice.digest};
  switch (choice.way) {
    case Way::Host:
      use.runs = "host";
      use.from = first_of(choice.command);
      break;
    case Way::Root:
      use.runs = choice.digest.empty() ? "root" : "archive";
      use.from = choice.digest.empty() ? choice.root : archive_of(cluster, choice.digest);
      use.exposed_ports = exposed_ports_of(cluster, choice.digest);
      break;
    case Way::BuiltIn:
      use.runs = "built-in server";
      break;
    case Way::StandIn:
    case Way::Skip:
      use.runs = "stand-in";
      break;
    case Way::Invalid:
      use.runs = "refused";
      use.from = choice.reason + ": " + choice.message;
      break;
  }
  return use;
}

}  // namespace

std::vector<ImageUse> images_of_files(const model::Cluster& cluster,
                                      const std::vector<manifest::Object>& objects) {
  std::map<std::string, ImageUse> uses;
  for (const manifest::Object& object : objects) {
    for (const char* place : kPodSpecs) {
      const nlohmann::json::json_pointer pointer(place);
      if (!object.json.contains(pointer) || !object.json.at(pointer).is_object()) {
        continue;
      }
      for (const char* field : {"initContainers", "containers"}) {
        const nlohmann::json& spec = object.json.at(pointer);
        const auto list = spec.find(field);
        if (list == spec.end() || !list->is_array()) {
          continue;
        }
        for (const nlohmann::json& item : *list) {
          if (!item.is_object() || !item.contains("image") || !item["image"].is_string()) {
            continue;
          }
          model::Container container;
          container.name = item.value("name", "");
          container.image = item["image"].get<std::string>();
          container.command = words_at(item, "command");
          container.args = words_at(item, "args");
          container.is_of_job = object.kind == "Job" || object.kind == "CronJob";
          const bool is_init = std::string_view(field) == "initContainers";
          ++uses.try_emplace(container.image, use_of(cluster, container, is_init)).first->second.containers;
        }
      }
    }
  }
  std::vector<ImageUse> all;
  for (auto& [image, use] : uses) {
    all.push_back(std::move(use));
  }
  return all;
}

}  // namespace labctl::commands
