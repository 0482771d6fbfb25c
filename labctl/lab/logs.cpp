#include "labctl/lab/logs.hpp"

#include "labctl/api/lab_requests.hpp"
#include "labctl/lab/lab.hpp"
#include "topology/base/error.hpp"
#include "topology/base/timestamp.hpp"

#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace labctl::lab {
namespace {

// A follower that reads slower than its container writes loses lines beyond this, and is told so.
constexpr size_t kLinesBehindMax = 10'000;

std::string text_of(const kubelet::LogLine& line, bool timestamps) {
  return (timestamps ? timestamp(line.time) + " " : "") + line.text + "\n";
}

// Lines on their way from the main loop to a follower's thread.
struct Queue {
  Wakeup more;
  std::mutex mutex;
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
    more.notify();
  }
  void end() {
    const std::lock_guard lock(mutex);
    ended = true;
    more.notify();
  }
  // What there is; true when nothing more will come.
  bool take(std::string& text) {
    const std::lock_guard lock(mutex);
    more.clear();
    for (const std::string& line : std::exchange(lines, {})) {
      text += line;
    }
    if (const size_t missed = std::exchange(lost, 0); missed > 0) {
      text += "[" + std::to_string(missed) + " lines lost: read faster]\n";
    }
    return ended;
  }
};

void follow(Lab& lab, const api::LogRequest& wanted, api::ChunkWriter& writer) {
  const auto queue = std::make_shared<Queue>();
  std::string so_far;
  kubelet::ContainerLog::FollowerId id = 0;
  lab.loop().run_here([&] {
    kubelet::ContainerLog& log = lab.log(wanted.pod, wanted.container);
    for (const kubelet::LogLine& line : log.lines(wanted.tail, wanted.previous)) {
      so_far += text_of(line, wanted.timestamps);
    }
    id = log.follow([queue, timestamps = wanted.timestamps](
                        const kubelet::LogLine& line) { queue->push(text_of(line, timestamps)); },
                    [queue] { queue->end(); });
  });
  bool has_ended = false;
  bool is_open = so_far.empty() || writer.write(so_far);
  while (is_open && !has_ended &&
         wait_readable(queue->more.fd(), std::nullopt, &writer.gone()) != Woken::Cancelled) {
    std::string text;
    has_ended = queue->take(text);
    is_open = text.empty() || writer.write(text);
  }
  if (!has_ended) {
    lab.loop().post([&lab, pod = wanted.pod, container = wanted.container, id] {
      if (lab.has_pod(pod)) {
        lab.log(pod, container).unfollow(id);
      }
    });
  }
}

}  // namespace

api::Response serve_logs(Lab& lab, const api::Request& request) {
  const api::LogRequest wanted = api::parse_log_query(request);
  api::Response response;
  response.content_type = "text/plain";
  lab.loop().run_here([&] {
    const kubelet::ContainerLog& log = lab.log(wanted.pod, wanted.container);
    if (wanted.previous && !log.has_previous()) {
      throw Error(ErrorKind::NotFound,
                  "pod \"" + to_string(wanted.pod) + "\": its container has not run before");
    }
    for (const kubelet::LogLine& line : log.lines(wanted.tail, wanted.previous)) {
      response.body += text_of(line, wanted.timestamps);
    }
  });
  if (wanted.follow) {
    response.body.clear();
    response.stream = [&lab, wanted](api::ChunkWriter& writer) { follow(lab, wanted, writer); };
  }
  return response;
}

}  // namespace labctl::lab
