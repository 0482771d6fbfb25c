#include "labctl/kubelet/container_action.hpp"

#include "probes/protocol/http.hpp"
#include "topology/base/current_exception.hpp"
#include "topology/base/duration.hpp"
#include "topology/base/scope_exit.hpp"

#include <strings.h>

#include <algorithm>
#include <utility>

namespace labctl::kubelet {
namespace {

using ActionKind = model::ContainerAction::Kind;
using ActionResult = ContainerHealth::Result;

// What is kept of a program's output: as much as an event of Kubernetes may say.
constexpr std::size_t kOutputMax = 1'024;

ProbeAnswer failed(std::string text) { return {ActionResult::Failed, std::move(text)}; }

// 0 if the container has no port of that name.
std::uint16_t port_of(const model::ContainerAction& action, const model::Container& container) {
  if (action.port_name.empty()) {
    return action.port;
  }
  const auto found =
      std::find_if(container.ports.begin(), container.ports.end(),
                   [&](const model::ContainerPort& port) { return port.name == action.port_name; });
  return found == container.ports.end() ? 0 : found->container_port;
}

// The node's own resolver is not asked: an address, or the node itself.
std::optional<IpAddress> host_of(const model::ContainerAction& action,
                                 const std::optional<IpAddress>& pod_ip) {
  if (action.host.empty()) {
    return pod_ip;
  }
  return action.host == "localhost" ? IpAddress::loopback(Family::IPv4) : IpAddress::parse(action.host);
}

protocol::HttpRequest request_of(const model::ContainerAction& action, const std::string& host,
                                 std::string_view user_agent) {
  protocol::HttpRequest request;
  request.path = action.path.starts_with('/') ? action.path : "/" + action.path;
  request.host = host;
  request.headers.emplace_back("User-Agent", user_agent);
  for (const auto& [name, value] : action.headers) {
    if (::strcasecmp(name.c_str(), "User-Agent") == 0) {
      request.headers.front().second = value;
    } else {
      request.headers.emplace_back(name, value);
    }
  }
  return request;
}

std::string quoted_command(const std::vector<std::string>& command) {
  std::string text;
  for (const std::string& word : command) {
    text += (text.empty() ? "" : " ") + word;
  }
  return "\"" + text + "\"";
}

// Without what ends its last line.
std::string said_by(const std::string& output) {
  const std::size_t last = output.find_last_not_of(" \t\r\n");
  return output.substr(0, std::min(last == std::string::npos ? 0 : last + 1, kOutputMax));
}

}  // namespace

struct ContainerActions::Job {
  const model::ContainerAction* action = nullptr;
  ActionPlace place;
  std::chrono::milliseconds timeout;
  Done done;
  bool is_begun = false;
  bool holds_exec = false;
  ProbeSockets::Id socket = 0;
  loop::EventLoop::Id timer = 0;
};

ContainerActions::ContainerActions(loop::EventLoop& loop, ContainerRuntime& runtime)
    : loop_(loop), runtime_(runtime), sockets_(loop), self_(std::make_shared<ContainerActions*>(this)) {}

ContainerActions::~ContainerActions() {
  *self_ = nullptr;
  for (const auto& [id, job] : jobs_) {
    loop_.cancel(job->timer);
  }
}

ContainerActions::Id ContainerActions::run(const model::ContainerAction& action, ActionPlace place,
                                           std::chrono::milliseconds timeout, Done done) {
  const Id id = next_++;
  Job& job = *(jobs_[id] = std::make_unique<Job>());
  job.action = &action;
  job.place = std::move(place);
  job.timeout = timeout;
  job.done = std::move(done);
  switch (action.kind) {
    case ActionKind::HttpGet:
    case ActionKind::TcpSocket:
    case ActionKind::Grpc:
      waiting_sockets_.push_back(id);
      break;
    case ActionKind::Exec:
      if (job.place.passes_execs) {
        finish_later(id, job, std::chrono::milliseconds(0), {ActionResult::Passed, {}});
        return id;
      }
      waiting_execs_.push_back(id);
      break;
    case ActionKind::Sleep:
      finish_later(id, job, action.duration, {ActionResult::Passed, {}});
      return id;
    case ActionKind::None:
      finish_later(id, job, std::chrono::milliseconds(0),
                   failed("labctl knows the kinds httpGet, tcpSocket, exec and grpc"));
      return id;
  }
  begin_waiting();
  return id;
}

// A program that cannot start ends inside execute(), and comes back here: the loop is going on already.
void ContainerActions::begin_waiting() {
  if (std::exchange(is_beginning_, true)) {
    return;
  }
  const ScopeExit over([this] { is_beginning_ = false; });
  const auto begin_some = [this](Queue& queue, const std::size_t& busy, std::size_t most, auto begin) {
    while (!queue.empty() && busy < most) {
      const Id id = queue.front();
      queue.pop_front();
      if (const auto found = jobs_.find(id); found != jobs_.end()) {
        try {
          (this->*begin)(id, *found->second);
        } catch (...) {
          refuse(id, words_of_current_exception());
        }
      }
    }
  };
  begin_some(waiting_sockets_, sockets_busy_, kSocketsMax, &ContainerActions::begin_socket);
  begin_some(waiting_execs_, execs_busy_, kExecsMax, &ContainerActions::begin_exec);
}

// It could not begin: an answer like any other.
void ContainerActions::refuse(Id id, std::string why) {
  if (const auto found = jobs_.find(id); found != jobs_.end()) {
    finish_later(id, *found->second, std::chrono::milliseconds(0), failed(std::move(why)));
  }
}

void ContainerActions::begin_socket(Id id, Job& job) {
  const std::uint16_t port = port_of(*job.action, *job.place.container);
  const std::optional<IpAddress> address = host_of(*job.action, job.place.pod_ip);
  if (port == 0) {
    return refuse(id, "couldn't find port: \"" + job.action->port_name + "\" in container " +
                          job.place.container->name);
  }
  if (!address) {
    return refuse(id, job.action->host.empty() ? "the pod has no address"
                                               : "dial tcp: lookup " + job.action->host + ": no such host");
  }
  SocketProbe probe;
  probe.netns_fd = job.place.node_netns_fd;
  probe.address = *address;
  probe.port = port;
  probe.timeout = job.timeout;
  if (job.action->kind == ActionKind::HttpGet) {
    const std::string host = to_string(*address, port);
    protocol::HttpRequest request = request_of(*job.action, host, job.place.user_agent);
    probe.asked = {job.action->is_https ? "https" : "http",
                   job.action->host.empty() ? to_string(*address) : job.action->host, port, request.path};
    probe.url = probe.asked.scheme + "://" + host + request.path;
    if (std::string error = request_error(request); !error.empty()) {
      return refuse(id, "Get \"" + probe.url + "\": " + error);
    }
    probe.request = std::move(request);
  }
  if (job.action->kind == ActionKind::Grpc) {
    probe.grpc_service = job.action->service;
    probe.user_agent = job.place.user_agent;
  }
  job.socket = sockets_.ask(std::move(probe), [this, id](ProbeAnswer answer) {
    jobs_.at(id)->socket = 0;
    --sockets_busy_;
    finish(id, std::move(answer));
    begin_waiting();
  });
  ++sockets_busy_;  // no answer comes from inside ask()
}

void ContainerActions::begin_exec(Id id, Job& job) {
  kernel::ProcessOptions options = job.place.exec_options(job.action->command);
  ++execs_busy_;
  ScopeExit not_begun([this] { --execs_busy_; });
  runtime_.execute(std::move(options), job.timeout, [self = self_, id](loop::CapturedEnd end) {
    if (*self != nullptr) {
      (*self)->on_executed(id, std::move(end));
    }
  });
  not_begun.dismiss();
}

void ContainerActions::on_executed(Id id, loop::CapturedEnd end) {
  --execs_busy_;
  const auto found = jobs_.find(id);
  if (found != jobs_.end()) {
    Job& job = *found->second;
    ProbeAnswer answer;
    if (end.error.empty()) {
      answer.result = ActionResult::Passed;
    } else if (end.error == "timeout") {
      answer.text = "command timed out: " + quoted_command(job.action->command) + " timed out after " +
                    to_string(std::chrono::microseconds(job.timeout));
    } else {
      const std::string output = said_by(end.output);
      answer.text = output.empty() ? end.error : output;
    }
    // A program that cannot be started ends inside execute().
    finish_later(id, job, std::chrono::milliseconds(0), std::move(answer));
  }
  begin_waiting();
}

void ContainerActions::finish_later(Id id, Job& job, std::chrono::milliseconds delay, ProbeAnswer answer) {
  job.timer = loop_.call_after(delay, [this, id, answer = std::move(answer)] { finish(id, answer); });
}

void ContainerActions::finish(Id id, ProbeAnswer answer) {
  const auto job = jobs_.extract(id);
  // Whoever asked has its own troubles: the next in the queue does not wait for them.
  loop_.carry_out([&] { job.mapped()->done(std::move(answer)); });
}

void ContainerActions::cancel(Id id) {
  const auto job = jobs_.extract(id);
  if (!job) {
    return;
  }
  loop_.cancel(job.mapped()->timer);
  if (job.mapped()->socket != 0) {
    sockets_.cancel(job.mapped()->socket);
    --sockets_busy_;
    begin_waiting();
  }
}

}  // namespace labctl::kubelet
