#include "labctl/scenario/flow.hpp"

#include "labctl/api/json_line.hpp"
#include "labctl/api/request_reader.hpp"
#include "topology/base/duration.hpp"
#include "topology/base/error.hpp"
#include "topology/base/signals_blocked.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <condition_variable>
#include <limits>
#include <set>
#include <sstream>
#include <thread>
#include <utility>

namespace labctl::scenario {
namespace {

using nlohmann::json;
using std::chrono::microseconds;
using std::chrono::steady_clock;

// At most so many probes of a flow wait for their answer at once: more would be late.
constexpr size_t kLanesMax = 8;
// For the lab to answer once a probe's own time is over.
constexpr std::chrono::seconds kLabGrace{10};
constexpr size_t kFailuresTold = 50;
constexpr api::Range kManyProbes{0, std::numeric_limits<std::int32_t>::max(), "a number of probes"};
// How often a flow that goes on looks whether the run is to end: a signal cannot notify.
constexpr std::chrono::milliseconds kLookForSignals{50};

microseconds flow_time(steady_clock::duration duration) {
  return std::chrono::duration_cast<microseconds>(duration);
}

// "312 sent in 1.9s, 310 ok, answered by pod/default/a (100) and so on", and each failure.
std::string story_of(const FlowRecord& record) {
  const auto ms = [](microseconds time) {
    return to_string(microseconds(std::chrono::round<std::chrono::milliseconds>(time)));
  };
  std::string text = std::to_string(record.sent) + " sent in " + ms(record.lasted) + ", " +
                     std::to_string(record.ok) + " ok";
  for (const auto& [backend, count] : record.backends) {
    text += (backend == record.backends.begin()->first ? "; answered by " : ", ") + backend + " (" +
            std::to_string(count) + ")";
  }
  for (size_t i = 0; i < std::min(record.failures.size(), kFailuresTold); ++i) {
    const FlowFailure& failure = record.failures[i];
    text += "\nafter " + ms(failure.at) + ", at step \"" + failure.step + "\": " + failure.outcome +
            (failure.reason.empty() ? "" : " (" + failure.reason + ")");
  }
  if (record.failures.size() > kFailuresTold) {
    text += "\nand " + std::to_string(record.failures.size() - kFailuresTold) + " more";
  }
  return text;
}

std::set<std::string> who_answered(const FlowRecord& record) {
  std::set<std::string> seen;
  for (const auto& [backend, count] : record.backends) {
    seen.insert(backend);
  }
  return seen;
}

// How many may fail; nothing: ok_percent alone says it.
std::optional<std::uint64_t> failures_allowed(const FlowExpectation& expect) {
  return expect.failed || expect.ok_percent ? expect.failed : std::optional<std::uint64_t>(0);
}

// "99", "99.5".
std::string number_text(double number) {
  std::ostringstream out;
  out << number;
  return out.str();
}

}  // namespace

FlowExpectation parse_flow_expectation(const json& value) {
  api::Mistakes mistakes;
  api::Fields fields(value, "expect", mistakes);
  FlowExpectation expect;
  if (const json* percent = fields.find("okPercent")) {
    if (!percent->is_number()) {
      fields.mistake("okPercent", "must be a number");
    } else {
      expect.ok_percent = percent->get<double>();
    }
  }
  if (fields.find("failed") != nullptr) {
    expect.failed = static_cast<std::uint64_t>(fields.number("failed", kManyProbes, 0));
  }
  expect.sent = static_cast<std::uint64_t>(fields.number("sent", kManyProbes, 0));
  expect.backends = api::backends_in(fields);
  fields.close();
  mistakes.throw_if_any();
  return expect;
}

Attempt judge_flow(const FlowExpectation& expect, const FlowRecord& record) {
  Attempt attempt;
  attempt.details = story_of(record);
  if (!record.error.empty()) {
    attempt.passed = false;
    attempt.broken = true;
    attempt.message = record.error;
    attempt.details += record.hint.empty() ? "" : "\n" + record.hint;
    return attempt;
  }
  const std::uint64_t failed = record.sent - record.ok;
  const std::string seen = std::to_string(record.ok) + " of " + std::to_string(record.sent);
  if (expect.ok_percent &&
      static_cast<double>(record.ok) * 100 < *expect.ok_percent * static_cast<double>(record.sent)) {
    attempt.fail("at least " + number_text(*expect.ok_percent) + "% ok", seen);
  }
  if (const auto allowed = failures_allowed(expect); allowed && failed > *allowed) {
    attempt.fail(*allowed == 0 ? "no failure" : "at most " + std::to_string(*allowed) + " failures",
                 std::to_string(failed) + " of " + std::to_string(record.sent));
  }
  if (record.sent < expect.sent) {
    attempt.fail("at least " + std::to_string(expect.sent) + " sent", std::to_string(record.sent));
  }
  expect.backends.judge(record.backends, attempt);
  return attempt;
}

bool is_flow_settled(const FlowExpectation& expect, const FlowRecord& record) {
  const auto allowed = failures_allowed(expect);
  if (!record.error.empty() || (allowed && record.failures.size() > *allowed)) {
    return true;
  }
  const std::set<std::string> seen = who_answered(record);
  const auto& exactly = expect.backends.exactly;
  if (exactly && !std::includes(exactly->begin(), exactly->end(), seen.begin(), seen.end())) {
    return true;
  }
  std::set<std::string> wanted = expect.backends.include;
  if (exactly) {
    wanted.insert(exactly->begin(), exactly->end());
  }
  return record.sent >= expect.sent && std::includes(seen.begin(), seen.end(), wanted.begin(), wanted.end());
}

// Threads: the lanes share what stands below mutex_; each waits for the next time that is free, and sends.
class Flow {
 public:
  Flow(const std::filesystem::path& socket, const api::ProbeRequest& request, microseconds every,
       std::string step)
      : socket_(socket),
        request_(api::json_line(to_json(request))),
        every_(every),
        timeout_(request.timeout),
        step_(std::move(step)) {
    // Two probes from one port would meet.
    const auto wanted = static_cast<size_t>(timeout_ / every + 1);
    const size_t lanes = request.source_port != 0 ? 1 : std::min(wanted, kLanesMax);
    const SignalsBlocked blocked;  // signals are for the thread that runs the steps
    for (size_t i = 0; i < lanes; ++i) {
      lanes_.emplace_back([this] { send_in_time(); });
    }
  }

  ~Flow() { end(); }

  void set_step(const std::string& name) {
    const std::lock_guard lock(mutex_);
    step_ = name;
  }

  // Returns whether it could be sent at all.
  bool wait_for_an_answer() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return answered_ > 0 || !record_.error.empty(); });
    return record_.error.empty();
  }

  void go_on(const FlowExpectation& expect, steady_clock::time_point until, const std::atomic<int>& stop) {
    std::unique_lock lock(mutex_);
    while (!is_flow_settled(expect, record_) && stop == 0 && steady_clock::now() < until) {
      changed_.wait_until(lock, std::min(until, steady_clock::now() + kLookForSignals));
    }
  }

  FlowRecord end() {
    {
      const std::lock_guard lock(mutex_);
      is_ending_ = true;
    }
    changed_.notify_all();
    for (std::thread& lane : lanes_) {
      lane.join();
    }
    lanes_.clear();
    record_.lasted = flow_time(steady_clock::now() - begin_);
    std::sort(record_.failures.begin(), record_.failures.end(),
              [](const FlowFailure& a, const FlowFailure& b) { return a.at < b.at; });
    return record_;
  }

 private:
  void send_in_time() {
    api::Client client(socket_, timeout_ + kLabGrace);
    while (const auto step = wait_for_my_time()) {
      const auto sent = steady_clock::now();
      try {
        note(api::parse_probe_line(client.post("/lab/v1/probes", request_).body), sent, *step);
      } catch (const Error& error) {
        give_up(error.message(), error.hint());
      }
    }
  }

  // The step that runs when it has come; nothing when the flow ends before. Times missed are left out: a
  // burst to make up for them would not be constant traffic.
  std::optional<std::string> wait_for_my_time() {
    std::unique_lock lock(mutex_);
    const auto mine = std::max(due_, steady_clock::now() - every_);
    due_ = mine + every_;
    if (changed_.wait_until(lock, mine, [&] { return is_ending_; })) {
      return std::nullopt;
    }
    ++record_.sent;
    return step_;
  }

  void note(const api::ProbeResult& result, steady_clock::time_point sent, const std::string& step) {
    if (!result.error.empty()) {
      return give_up(result.error, result.hint);
    }
    {
      const std::lock_guard lock(mutex_);
      ++answered_;
      if (result.outcome == probes::Outcome::Ok) {
        ++record_.ok;
      } else {
        record_.failures.push_back(
            {flow_time(sent - begin_), step, std::string(probes::to_string(result.outcome)), result.reason});
      }
      if (!result.backend.empty()) {
        ++record_.backends[result.backend];
      }
    }
    changed_.notify_all();
  }

  void give_up(const std::string& why, const std::string& hint) {
    {
      const std::lock_guard lock(mutex_);
      if (record_.error.empty()) {
        record_.error = why;
        record_.hint = hint;
      }
      is_ending_ = true;
    }
    changed_.notify_all();
  }

  const std::filesystem::path socket_;
  const std::string request_;
  const microseconds every_;
  const std::chrono::milliseconds timeout_;
  const steady_clock::time_point begin_ = steady_clock::now();
  std::mutex mutex_;
  std::condition_variable changed_;
  steady_clock::time_point due_ = begin_;  // of the next probe
  std::string step_;
  std::uint64_t answered_ = 0;
  bool is_ending_ = false;
  FlowRecord record_;
  std::vector<std::thread> lanes_;
};

Flows::Flows(std::filesystem::path socket) : socket_(std::move(socket)) {}

Flows::~Flows() = default;

void Flows::step_begins(const std::string& name) {
  step_ = name;
  for (const auto& [flow_name, flow] : flows_) {
    flow->set_step(name);
  }
}

void Flows::start(const std::string& name, const api::ProbeRequest& request, microseconds every) {
  if (flows_.contains(name)) {
    throw Error(ErrorKind::InvalidInput, "a flow named \"" + name + "\" is under way already");
  }
  auto flow = std::make_unique<Flow>(socket_, request, every, step_);
  if (!flow->wait_for_an_answer()) {
    const FlowRecord record = flow->end();
    throw Error(ErrorKind::InvalidInput, record.error, record.hint);
  }
  flows_.emplace(name, std::move(flow));
}

FlowRecord Flows::stop(const std::string& name, const FlowExpectation& expect, steady_clock::time_point until,
                       const std::atomic<int>& stop) {
  const auto found = flows_.find(name);
  if (found == flows_.end()) {
    throw Error(ErrorKind::NotFound, "no flow named \"" + name + "\" is under way");
  }
  found->second->go_on(expect, until, stop);
  FlowRecord record = found->second->end();
  flows_.erase(found);
  return record;
}

}  // namespace labctl::scenario
