#include "labctl/kubelet/container_log.hpp"

#include <algorithm>
#include <utility>

namespace labctl::kubelet {

ContainerLog::~ContainerLog() { end_followers(); }

void ContainerLog::begin_instance() {
  if (std::exchange(has_begun_, true)) {
    previous_ = std::move(current_);
    has_previous_ = true;
  }
  current_ = Instance();
}

void ContainerLog::append(LogStream stream, std::string_view bytes, objects::TimePoint now) {
  std::string& partial = partial_[static_cast<std::size_t>(stream)];
  while (!bytes.empty()) {
    const std::size_t newline = bytes.find('\n');
    const std::size_t room = kMaxLine - partial.size();
    const std::size_t take = std::min({newline, bytes.size(), room});
    partial += bytes.substr(0, take);
    const bool is_ended = take == newline;
    bytes.remove_prefix(is_ended ? take + 1 : take);
    if (is_ended || partial.size() == kMaxLine) {
      add_line(stream, std::exchange(partial, {}), now);
    }
  }
}

void ContainerLog::end_instance(objects::TimePoint now) {
  for (const LogStream stream : {LogStream::Out, LogStream::Err}) {
    std::string& partial = partial_[static_cast<std::size_t>(stream)];
    if (!partial.empty()) {
      add_line(stream, std::exchange(partial, {}), now);
    }
  }
  end_followers();
}

void ContainerLog::end_followers() {
  while (!followers_.empty()) {
    const Follower follower = std::move(followers_.begin()->second);
    followers_.erase(followers_.begin());
    follower.on_end();
  }
}

void ContainerLog::add_line(LogStream stream, std::string text, objects::TimePoint now) {
  current_.bytes += text.size();
  current_.lines.push_back({now, stream, std::move(text)});
  while (current_.bytes > kMaxBytes || current_.lines.size() > kMaxLines) {
    current_.bytes -= current_.lines.front().text.size();
    current_.lines.pop_front();
  }
  // A follower may unfollow itself or others, so the map is not walked while they run.
  std::vector<FollowerId> ids;
  for (const auto& [id, follower] : followers_) {
    ids.push_back(id);
  }
  const LogLine line = current_.lines.back();
  for (const FollowerId id : ids) {
    if (const auto found = followers_.find(id); found != followers_.end()) {
      const auto on_line = found->second.on_line;
      on_line(line);
    }
  }
}

std::vector<LogLine> ContainerLog::lines(std::optional<std::size_t> tail, bool previous) const {
  const std::deque<LogLine>& all = previous ? previous_.lines : current_.lines;
  const std::size_t count = std::min(tail.value_or(all.size()), all.size());
  return {all.end() - static_cast<std::ptrdiff_t>(count), all.end()};
}

ContainerLog::FollowerId ContainerLog::follow(std::function<void(const LogLine&)> on_line,
                                              std::function<void()> on_end) {
  followers_.emplace(next_follower_, Follower{std::move(on_line), std::move(on_end)});
  return next_follower_++;
}

void ContainerLog::unfollow(FollowerId id) { followers_.erase(id); }

}  // namespace labctl::kubelet
