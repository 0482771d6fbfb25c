#include "labctl/commands/probe_stream.hpp"

#include "labctl/api/address_book.hpp"
#include "labctl/api/client.hpp"
#include "labctl/api/json_line.hpp"
#include "labctl/api/probe_message.hpp"
#include "labctl/api/resource_kinds.hpp"
#include "topology/base/error.hpp"
#include "topology/base/ip_address.hpp"
#include "topology/model/place.hpp"

#include <nlohmann/json.hpp>

#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace labctl::commands {
namespace {

using nlohmann::json;

// No probe needs more; a longer line is another kind of file.
constexpr size_t kLongestLine = 1024 * 1024;

// A line of the input, with what is known of its answer before it has come.
struct Entry {
  size_t number = 0;
  json id;  // the user's own
  report::ProbeLine probe;
  std::optional<api::ProbeExpectation> expect;
};

struct Batch {
  std::vector<Entry> entries;  // the id on the wire is the index
  std::string body;
  bool needs_addresses = false;  // for what is expected of one of them
};

std::string text_in(const json& probe, const char* field) {
  const auto found = probe.find(field);
  return found != probe.end() && found->is_string() ? found->get<std::string>() : "";
}

class Stream {
 public:
  Stream(const ProbeStreamOptions& options, const std::function<void(const report::ProbeLine&)>& on_result,
         const std::function<void(size_t, const std::string&)>& on_bad_line)
      : options_(options), on_result_(on_result), on_bad_line_(on_bad_line) {}

  ~Stream() { join(); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  ProbeStreamEnd run(int fd) {
    read_all(fd);
    submit();
    join();
    if (failure_) {
      std::rethrow_exception(failure_);
    }
    return end_;
  }

 private:
  void read_all(int fd) {
    std::string pending;
    std::array<char, 64 * 1024> piece;
    for (;;) {
      // A pause in the input: whoever writes may be waiting for the answers to what is here.
      pollfd entry{.fd = fd, .events = POLLIN, .revents = 0};
      if (!batch_.entries.empty() && ::poll(&entry, 1, 0) == 0) {
        submit();
      }
      const ssize_t got = ::read(fd, piece.data(), piece.size());
      if (got < 0 && errno == EINTR) {
        continue;
      }
      if (got < 0) {
        throw Error::from_errno(errno, "read probes");
      }
      if (got == 0 || has_failed()) {
        break;
      }
      pending.append(piece.data(), static_cast<size_t>(got));
      size_t at = 0;
      for (size_t end = pending.find('\n'); end != std::string::npos; end = pending.find('\n', at)) {
        take_line(std::string_view(pending).substr(at, end - at));
        at = end + 1;
      }
      pending.erase(0, at);
      if (pending.size() > kLongestLine) {
        throw Error(ErrorKind::InvalidInput, "line " + std::to_string(line_ + 1) + ": longer than 1 MiB",
                    "a probe is one JSON object a line");
      }
    }
    take_line(pending);
  }

  void take_line(std::string_view text) {
    ++line_;
    if (text.find_first_not_of(" \t\r") == std::string_view::npos) {
      return;
    }
    json probe = json::parse(text, nullptr, false);
    if (!probe.is_object()) {
      const std::lock_guard lock(output_);
      return tell_bad_line(line_, "not a JSON object",
                           R"(such as {"id":1,"from":"pod/default/a","to":"pod/default/b:80"})");
    }
    Entry entry;
    entry.number = line_;
    entry.id = probe.value("id", json());
    entry.probe.from = text_in(probe, "from");
    entry.probe.to = text_in(probe, "to");
    try {
      add(std::move(probe), entry);
    } catch (const Error& error) {
      api::ProbeResult result;
      result.error = error.message();
      result.hint = error.hint();
      finish(std::move(entry), std::move(result), {});
    }
    if (batch_.entries.size() >= options_.batch_lines) {
      submit();
    }
  }

  void add(json probe, Entry& entry) {
    entry.expect = options_.expect;
    if (const json expect = probe.value("expect", json()); !expect.is_null()) {
      entry.expect = api::parse_probe_expectation(expect);
    }
    probe.erase("expect");
    api::ProbeRequest request = api::parse_probe(probe);
    if (entry.expect) {
      entry.expect->prepare(request);
      batch_.needs_addresses = batch_.needs_addresses || entry.expect->needs_addresses();
    }
    request.from = entry.probe.from = api::parse_vantage(request.from, options_.ns);
    request.to = complete_target(request.to, options_.ns);
    entry.probe.to = request.target();
    entry.probe.proto = request.protocol ? protocol::to_string(*request.protocol) : "";
    request.id = batch_.entries.size();
    batch_.body += api::json_line(to_json(request)) + "\n";
    batch_.entries.push_back(std::move(entry));
  }

  // Hands the batch over, and waits while as many as may be are under way.
  void submit() {
    if (batch_.entries.empty()) {
      return;
    }
    std::unique_lock lock(mutex_);
    room_.wait(lock, [&] { return failure_ || under_way_ < options_.batches; });
    if (failure_) {
      return;
    }
    ++under_way_;
    queue_.push_back(std::exchange(batch_, {}));
    if (idle_ > 0) {
      --idle_;  // one is waiting for just this
    } else if (static_cast<int>(workers_.size()) < options_.batches) {
      workers_.emplace_back([this] { work(); });
    }
    lock.unlock();
    work_.notify_one();
  }

  void work() {
    std::optional<api::Client> client;
    for (;;) {
      Batch batch;
      {
        std::unique_lock lock(mutex_);
        work_.wait(lock, [&] { return !queue_.empty() || closing_ || failure_; });
        if (queue_.empty() || failure_) {
          return;
        }
        batch = std::move(queue_.front());
        queue_.pop_front();
      }
      try {
        if (!client) {
          client.emplace(options_.socket, options_.timeout);
        }
        ask(*client, batch);
      } catch (...) {
        const std::lock_guard lock(mutex_);
        failure_ = failure_ ? failure_ : std::current_exception();
      }
      {
        const std::lock_guard lock(mutex_);
        --under_way_;
        ++idle_;
      }
      room_.notify_one();
      if (has_failed()) {
        work_.notify_all();
        return;
      }
    }
  }

  void ask(api::Client& client, Batch& batch) {
    api::AddressBook addresses;
    if (batch.needs_addresses) {
      addresses = api::address_book(client.get("/lab/v1/graph").json());
    }
    size_t answers = 0;
    client.lines("POST", "/lab/v1/probes", batch.body, [&](std::string_view line) {
      api::ProbeResult result = api::parse_probe_line(line);
      if (!result.id.is_number_unsigned() || result.id.get<size_t>() >= batch.entries.size()) {
        throw Error(ErrorKind::Internal,
                    "reply of the lab: not the answer to a probe: " + std::string(line.substr(0, 200)));
      }
      ++answers;
      Entry& entry = batch.entries[result.id.get<size_t>()];
      finish(std::move(entry), std::move(result), addresses);
      return true;
    });
    if (answers != batch.entries.size()) {
      throw Error(ErrorKind::Internal, "reply of the lab: " + std::to_string(answers) + " answers to " +
                                           std::to_string(batch.entries.size()) + " probes");
    }
  }

  void finish(Entry entry, api::ProbeResult result, const api::AddressBook& addresses) {
    report::ProbeLine& probe = entry.probe;
    probe.result = std::move(result);
    probe.result.id = entry.id;
    if (entry.id.is_null()) {
      probe.line = entry.number;
    }
    if (entry.expect) {
      const api::Verdict verdict = entry.expect->judge(probe.from, probe.result, addresses);
      probe.passed = verdict.passed;
      probe.why = verdict.message;
    }
    const std::lock_guard lock(output_);
    ++end_.probes;
    if (!probe.result.error.empty()) {
      tell_bad_line(entry.number, probe.result.error, probe.result.hint);
    } else if (!probe.passed.value_or(true)) {
      ++end_.unexpected;
    }
    on_result_(probe);
  }

  // Called with output_ held.
  void tell_bad_line(size_t number, const std::string& what, const std::string& hint) {
    ++end_.bad_lines;
    on_bad_line_(number, what + (hint.empty() ? "" : " (" + hint + ")"));
  }

  bool has_failed() {
    const std::lock_guard lock(mutex_);
    return failure_ != nullptr;
  }

  void join() {
    {
      const std::lock_guard lock(mutex_);
      closing_ = true;
    }
    work_.notify_all();
    for (std::thread& worker : workers_) {
      worker.join();
    }
    workers_.clear();
  }

  const ProbeStreamOptions& options_;
  const std::function<void(const report::ProbeLine&)>& on_result_;
  const std::function<void(size_t, const std::string&)>& on_bad_line_;
  size_t line_ = 0;
  Batch batch_;
  std::vector<std::thread> workers_;

  std::mutex mutex_;  // guards what follows
  std::condition_variable work_;
  std::condition_variable room_;
  std::deque<Batch> queue_;
  int under_way_ = 0;
  int idle_ = 0;
  bool closing_ = false;
  std::exception_ptr failure_;

  std::mutex output_;  // guards end_ and the two callbacks
  ProbeStreamEnd end_;
};

}  // namespace

ProbeStreamEnd stream_probes(int fd, const ProbeStreamOptions& options,
                             const std::function<void(const report::ProbeLine&)>& on_result,
                             const std::function<void(size_t, const std::string&)>& on_bad_line) {
  return Stream(options, on_result, on_bad_line).run(fd);
}

std::string complete_target(const std::string& target, const std::string& ns) {
  if (target.empty()) {
    return target;  // what is asked for is said otherwise
  }
  if (IpAddress::parse(target)) {
    return "icmp:" + target;
  }
  const size_t colon = target.rfind(':');
  const bool has_address = target.starts_with("[") || IpAddress::parse(target.substr(0, colon)).has_value();
  if (has_address || target.find("://") != std::string::npos || target.starts_with("icmp:") ||
      target.starts_with("dns:")) {
    return target;
  }
  const size_t slash = target.find('/');
  if (slash == std::string::npos && target.find('.') != std::string::npos) {
    return target;  // a domain name: few pods have a dot in theirs, and those are written with pod/
  }
  const std::string name = target.substr(0, colon);
  const std::string port = target.substr(name.size());
  if (slash == std::string::npos) {
    return to_string(model::Place::pod(ns, name)) + port;
  }
  if (target.starts_with("svc/")) {
    return target.find('/', slash + 1) == std::string::npos ? "svc/" + ns + target.substr(slash) : target;
  }
  const auto place = model::parse_short_place(name, ns);
  return place ? to_string(*place) + port : target;
}

}  // namespace labctl::commands
