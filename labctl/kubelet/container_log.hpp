#pragma once

// What a container wrote, bounded, with times: the last instance and the one before it (`logs --previous`).

#include "labctl/objects/conditions.hpp"

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace labctl::kubelet {

enum class LogStream { Out, Err };

struct LogLine {
  objects::TimePoint time;
  LogStream stream = LogStream::Out;
  std::string text;  // without the newline
  bool operator==(const LogLine&) const = default;
};

class ContainerLog {
 public:
  // Bytes of text kept an instance; the oldest lines go first.
  static constexpr std::size_t kMaxBytes = 1 << 20;
  // Also for empty lines a bound.
  static constexpr std::size_t kMaxLines = 20'000;
  // A longer line is cut into several, as container runtimes do.
  static constexpr std::size_t kMaxLine = 16 << 10;

  using FollowerId = std::uint64_t;

  ContainerLog() = default;
  ContainerLog(const ContainerLog&) = delete;
  ContainerLog& operator=(const ContainerLog&) = delete;
  ~ContainerLog();

  // A new instance begins: what there is becomes the previous one's.
  void begin_instance();
  // Bytes as read from a pipe. A line without an end waits for the rest, or for end_instance().
  void append(LogStream stream, std::string_view bytes, objects::TimePoint now);
  // The container has ended: waiting lines are complete, and followers are told and forgotten.
  void end_instance(objects::TimePoint now);

  // The last `tail` lines in order; all without. Of the instance before with `previous`.
  std::vector<LogLine> lines(std::optional<std::size_t> tail, bool previous = false) const;
  bool has_previous() const { return has_previous_; }

  // `on_line` is called for each line from now on, not for those there are; `on_end` once, when the container
  // or its pod ends. Neither is called after unfollow(). They may follow and unfollow, and nothing else here.
  FollowerId follow(std::function<void(const LogLine&)> on_line, std::function<void()> on_end);
  void unfollow(FollowerId id);

 private:
  struct Instance {
    std::deque<LogLine> lines;
    std::size_t bytes = 0;
  };
  struct Follower {
    std::function<void(const LogLine&)> on_line;
    std::function<void()> on_end;
  };
  void add_line(LogStream stream, std::string text, objects::TimePoint now);
  void end_followers();

  Instance current_;
  Instance previous_;
  bool has_previous_ = false;
  bool has_begun_ = false;
  std::array<std::string, 2> partial_;  // by LogStream
  std::map<FollowerId, Follower> followers_;
  FollowerId next_follower_ = 1;
};

}  // namespace labctl::kubelet
