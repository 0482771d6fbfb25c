// What a pod's life has to do with its volumes, ConfigMaps and Secrets: containers wait for what is not there.

#include "labctl/kubelet/archived_image.hpp"
#include "labctl/kubelet/pod_entry.hpp"
#include "labctl/kubelet/pod_storage.hpp"
#include "labctl/kubelet/stand_in_secret.hpp"
#include "topology/base/current_exception.hpp"

#include <algorithm>
#include <utility>

namespace labctl::kubelet {

bool PodLife::has_programs(const Entry& entry) const {
  return std::any_of(entry.containers.begin(), entry.containers.end(),
                     [](const auto& container) { return container->is_program(); });
}

DownwardFacts PodLife::facts_of(const Entry& entry) const {
  DownwardFacts facts{entry.place.hostname, entry.place.host_ips, entry.place.services, false};
  if (options_.storage != nullptr) {
    facts.find = [storage = options_.storage](const store::Key& key) { return storage->find(key); };
  }
  facts.allocatable = allocatable_of(facts.find, entry.pod.node_name);
  return facts;
}

// The containers wait while one is missing, in the state ContainerCreating.
void PodLife::set_up_volumes(Entry& entry) {
  if (options_.storage == nullptr || entry.pod.volumes.empty()) {
    return;
  }
  std::vector<std::string> missing =
      options_.storage->set_up(entry.pod, facts_of(entry), has_programs(entry));
  entry.life.hold(!missing.empty());
  if (missing != entry.missing_volumes) {
    for (const std::string& message : missing) {
      event(entry, true, "FailedMount", message);
    }
  }
  entry.missing_volumes = std::move(missing);
}

// In `ns` something came that containers may wait for.
void PodLife::look_again(const std::string& ns) {
  std::vector<model::PodKey> waiting;
  for (const auto& [key, entry] : pods_) {
    if (key.ns == ns && !entry->life.is_stopping() && (entry->life.is_held() || entry->life.unblock())) {
      waiting.push_back(key);
    }
  }
  for (const model::PodKey& key : waiting) {
    const auto found = pods_.find(key);
    if (found == pods_.end()) {
      continue;
    }
    if (found->second->life.is_held()) {
      set_up_volumes(*found->second);
    }
    if (!found->second->life.is_held()) {
      advance(*found->second);
    }
  }
}

// Of a container that is stood in for. What goes wrong with it is told, and the container runs all the same.
void PodLife::make_what_its_program_would(const Entry& entry, std::size_t index, const RunSpec& run) {
  const ImageChoice::Way way = entry.containers[index]->choice.way;
  if (options_.store == nullptr || (way != ImageChoice::Way::StandIn && way != ImageChoice::Way::Skip)) {
    return;
  }
  std::vector<std::string> words = run.command;
  words.insert(words.end(), run.args.begin(), run.args.end());
  const auto secret = model::webhook_secret_of(run.image, words);
  if (!secret) {
    return;
  }
  const std::string& ns = secret->ns.empty() ? entry.pod.key.ns : secret->ns;
  try {
    if (make_webhook_secret(*options_.store, *secret, ns)) {
      ++secrets_made_;
      event(entry, false, "SecretMade",
            "Made Secret " + ns + "/" + secret->name + " (" + secret->ca_key + ", " +
                secret->certificate_key + ", " + secret->key_key + ") in place of container " +
                run.container);
    }
  } catch (...) {
    event(entry, true, "Failed",
          "Error: make Secret " + ns + "/" + secret->name + ": " + words_of_current_exception());
  }
}

// Nothing when the container has to wait for it, or cannot have it at all.
std::optional<ContainerEnv> PodLife::environment_of(Entry& entry, std::size_t index) {
  const model::Container& spec = *entry.containers[index]->spec;
  const auto refuse = [&](const std::string& message) {
    entry.life.misconfigured(index, "CreateContainerConfigError", message);
    event(entry, true, "Failed", "Error: " + message);
  };
  try {
    ContainerEnv env = container_env(entry.pod, spec, facts_of(entry));
    for (const std::string& message : env.skipped) {
      event(entry, true, "InvalidEnvironmentVariableNames", message);
    }
    add_image_env(env, entry.containers[index]->choice, entry.containers[index]->home);
    return env;
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::NotFound && options_.storage != nullptr) {
      entry.life.blocked(index, "CreateContainerConfigError", error.message());
      event(entry, true, "Failed", "Error: " + error.message());
    } else {
      refuse("container " + spec.name + ": " + error.message() +
             (error.hint().empty() ? "" : " (" + error.hint() + ")"));
    }
  } catch (...) {
    refuse("container " + spec.name + ": " + words_of_current_exception());
  }
  return std::nullopt;
}

}  // namespace labctl::kubelet
