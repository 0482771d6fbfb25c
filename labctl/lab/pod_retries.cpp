#include "labctl/lab/pod_retries.hpp"

#include "labctl/objects/contain.hpp"

namespace labctl::lab {

PodRetries::~PodRetries() {
  for (const auto& [pod, retry] : retries_) {
    loop_.cancel(retry.timer);
  }
}

void PodRetries::later(const model::PodKey& pod, const std::string& uid) {
  Retry& retry = retries_[pod];
  if (retry.uid != uid) {
    loop_.cancel(retry.timer);
    retry = {uid, 0, 0};
  }
  if (retry.timer == 0) {
    retry.timer = loop_.call_after(objects::pause_after(++retry.times), [this, pod] {
      retries_.at(pod).timer = 0;
      on_due_(pod);
    });
  }
}

void PodRetries::forget(const model::PodKey& pod) {
  if (const auto found = retries_.find(pod); found != retries_.end()) {
    loop_.cancel(found->second.timer);
    retries_.erase(found);
  }
}

bool PodRetries::is_waiting(const model::PodKey& pod) const {
  const auto found = retries_.find(pod);
  return found != retries_.end() && found->second.timer != 0;
}

std::string PodRetries::uid_of(const model::PodKey& pod) const {
  const auto found = retries_.find(pod);
  return found != retries_.end() ? found->second.uid : std::string();
}

std::vector<model::PodKey> PodRetries::waiting() const {
  std::vector<model::PodKey> pods;
  for (const auto& [pod, retry] : retries_) {
    if (retry.timer != 0) {
      pods.push_back(pod);
    }
  }
  return pods;
}

}  // namespace labctl::lab
