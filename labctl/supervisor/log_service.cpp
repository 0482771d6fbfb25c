#include "labctl/supervisor/log_service.hpp"

#include "labctl/store/timestamp.hpp"
#include "labctl/supervisor/lab.hpp"
#include "topology/base/error.hpp"

#include <charconv>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace labctl::supervisor {
namespace {

// A follower that reads slower than its container writes loses lines beyond this, and is told so.
constexpr size_t kLinesBehindMax = 10'000;
// How often a follower is asked whether it is still there.
constexpr std::chrono::milliseconds kLookAfter{250};

std::string query(const api::Request& request, const char* name, const std::string& otherwise = {}) {
  const auto found = request.query.find(name);
  return found != request.query.end() ? found->second : otherwise;
}

bool is_set(const api::Request& request, const char* name) {
  const std::string value = query(request, name);
  return value == "1" || value == "true";
}

struct LogQuery {
  model::PodKey pod;
  std::string container;
  std::optional<size_t> tail;
  bool previous = false;
  bool timestamps = false;
};

LogQuery parse(const api::Request& request) {
  LogQuery parsed;
  parsed.pod = {query(request, "namespace", "default"), query(request, "pod")};
  parsed.container = query(request, "container");
  parsed.previous = is_set(request, "previous");
  parsed.timestamps = is_set(request, "timestamps");
  if (const std::string tail = query(request, "tail"); !tail.empty()) {
    size_t lines = 0;
    const auto [end, error] = std::from_chars(tail.data(), tail.data() + tail.size(), lines);
    if (error != std::errc() || end != tail.data() + tail.size()) {
      throw Error(ErrorKind::InvalidInput, "tail: \"" + tail + "\" is no number of lines");
    }
    parsed.tail = lines;
  }
  return parsed;
}

std::string text_of(const controllers::LogLine& line, bool timestamps) {
  return (timestamps ? store::timestamp(line.time) + " " : "") + line.text + "\n";
}

// Lines on their way from the main loop to a follower's thread.
struct Queue {
  std::mutex mutex;
  std::condition_variable more;
  std::deque<std::string> lines;
  size_t lost = 0;
  bool ended = false;

  void push(std::string line) {
    const std::lock_guard lock(mutex);
    if (lines.size() >= kLinesBehindMax) {
      ++lost;
      return;
    }
    lines.push_back(std::move(line));
    more.notify_one();
  }
  void end() {
    const std::lock_guard lock(mutex);
    ended = true;
    more.notify_one();
  }
  // What there is, waiting a little for it; true when nothing more will come.
  bool take(std::string& text) {
    std::unique_lock lock(mutex);
    more.wait_for(lock, kLookAfter, [&] { return !lines.empty() || ended; });
    for (const std::string& line : std::exchange(lines, {})) {
      text += line;
    }
    if (const size_t missed = std::exchange(lost, 0); missed > 0) {
      text += "[" + std::to_string(missed) + " lines lost: read faster]\n";
    }
    return ended;
  }
};

void follow(Lab& lab, const LogQuery& wanted, api::ChunkWriter& writer) {
  const auto queue = std::make_shared<Queue>();
  std::string so_far;
  controllers::ContainerLog::FollowerId id = 0;
  lab.loop().run_here([&] {
    controllers::ContainerLog& log = lab.log(wanted.pod, wanted.container);
    for (const controllers::LogLine& line : log.lines(wanted.tail, wanted.previous)) {
      so_far += text_of(line, wanted.timestamps);
    }
    id = log.follow([queue, timestamps = wanted.timestamps](
                        const controllers::LogLine& line) { queue->push(text_of(line, timestamps)); },
                    [queue] { queue->end(); });
  });
  bool has_ended = false;
  bool is_open = so_far.empty() || writer.write(so_far);
  while (is_open && !has_ended && writer.is_open()) {
    std::string text;
    has_ended = queue->take(text);
    is_open = text.empty() || writer.write(text);
  }
  if (!has_ended) {
    lab.loop().run_here([&] {
      if (lab.has_pod(wanted.pod)) {
        lab.log(wanted.pod, wanted.container).unfollow(id);
      }
    });
  }
}

}  // namespace

api::Response serve_logs(Lab& lab, const api::Request& request) {
  const LogQuery wanted = parse(request);
  api::Response response;
  response.content_type = "text/plain";
  lab.loop().run_here([&] {
    const controllers::ContainerLog& log = lab.log(wanted.pod, wanted.container);
    if (wanted.previous && !log.has_previous()) {
      throw Error(ErrorKind::NotFound,
                  "pod \"" + to_string(wanted.pod) + "\": its container has not run before");
    }
    for (const controllers::LogLine& line : log.lines(wanted.tail, wanted.previous)) {
      response.body += text_of(line, wanted.timestamps);
    }
  });
  if (is_set(request, "follow")) {
    response.body.clear();
    response.stream = [&lab, wanted](api::ChunkWriter& writer) { follow(lab, wanted, writer); };
  }
  return response;
}

}  // namespace labctl::supervisor
