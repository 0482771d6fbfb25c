#include "labctl/api/up_message.hpp"

#include "labctl/api/json_line.hpp"
#include "labctl/api/request_reader.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace labctl::api {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr Range kUpWaitMs{0, 86'400'000, "a time to wait in milliseconds"};
constexpr Range kObjectCount{0, 1'000'000'000, "a count"};

// What is soon over need not be told of; and how often what is not.
constexpr milliseconds kMoment{1'000};
constexpr milliseconds kTellEvery{10'000};

NotUp not_up_in(Fields& fields) {
  NotUp one;
  one.kind = fields.text("kind");
  one.ns = fields.text("namespace");
  one.names = fields.texts("names");
  one.count = static_cast<std::size_t>(fields.number("count", kObjectCount, 0));
  one.reasons = fields.texts("reasons");
  return one;
}

std::string with_namespace(const std::string& ns, const std::string& name) {
  return ns.empty() ? name : ns + "/" + name;
}

// "pod default/web-0", "3 pods: default/web-0, default/web-1, ...".
std::string subjects_of(const NotUp& one) {
  std::string names;
  for (const std::string& name : one.names) {
    names += (names.empty() ? "" : ", ") + with_namespace(one.ns, name);
  }
  if (one.count <= 1) {
    return one.kind + " " + names;
  }
  return std::to_string(one.count) + " " + one.kind + "s: " + names +
         (one.count > one.names.size() ? ", ..." : "");
}

}  // namespace

milliseconds parse_up_wait(const json& body) {
  Mistakes mistakes;
  Fields fields(body, "", mistakes);
  const milliseconds timeout(fields.number("timeout_ms", kUpWaitMs, 60'000));
  fields.close();
  mistakes.throw_if_any();
  return timeout;
}

UpReply parse_up_reply(const json& body) {
  return read_reply([&](Mistakes& mistakes) {
    Fields fields(body, "", mistakes);
    UpReply reply;
    reply.is_up = fields.flag("up");
    reply.is_settled = fields.flag("settled");
    if (auto pods = fields.object("pods")) {
      reply.pods = static_cast<std::size_t>(pods->number("total", kObjectCount, 0));
      reply.pods_up = static_cast<std::size_t>(pods->number("up", kObjectCount, 0));
    }
    for (Fields& one : fields.objects("left")) {
      reply.left.push_back(not_up_in(one));
    }
    reply.more = static_cast<std::size_t>(fields.number("more", kObjectCount, 0));
    return reply;
  });
}

json to_json(const std::vector<NotUp>& left) {
  json list = json::array();
  for (const NotUp& one : left) {
    list.push_back({{"kind", one.kind},
                    {"namespace", one.ns},
                    {"names", one.names},
                    {"count", one.count},
                    {"reasons", one.reasons}});
  }
  return list;
}

UpReply wait_until_up(Client& lab, milliseconds timeout,
                      const std::function<void(const std::string&)>& tell) {
  const auto deadline = steady_clock::now() + timeout;
  for (milliseconds part = kMoment;; part = kTellEvery) {
    const auto left =
        std::max(std::chrono::ceil<milliseconds>(deadline - steady_clock::now()), milliseconds(0));
    const json request{{"timeout_ms", std::min(part, left).count()}};
    UpReply reply = parse_up_reply(lab.post("/lab/v1/up", json_line(request)).json());
    if (reply.is_up || reply.is_settled || left <= part) {
      return reply;
    }
    tell("waiting for " + what_is_left(reply));
  }
}

std::string what_is_left(const UpReply& reply) {
  if (reply.pods_up < reply.pods) {
    return std::to_string(reply.pods - reply.pods_up) + " of " + std::to_string(reply.pods) +
           (reply.pods == 1 ? " pod" : " pods");
  }
  std::string what;
  for (const NotUp& one : reply.left) {
    what += (what.empty() ? "" : ", ") + subjects_of(one);
  }
  return what;
}

std::vector<std::string> lines_of(const UpReply& reply) {
  std::vector<std::string> lines;
  for (const NotUp& one : reply.left) {
    std::string line = subjects_of(one);
    for (const std::string& reason : one.reasons) {
      line += (&reason == &one.reasons.front() ? ": " : "; ") + reason;
    }
    lines.push_back(std::move(line));
  }
  if (reply.more > 0) {
    lines.push_back("and more, for " + std::to_string(reply.more) + " other reasons");
  }
  return lines;
}

}  // namespace labctl::api
