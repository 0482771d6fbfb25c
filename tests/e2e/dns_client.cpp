#include "tests/e2e/dns_client.hpp"

#include <exception>
#include <nlohmann/json.hpp>
#include <sstream>
#include <utility>

namespace labctl::e2e {
namespace {

using nlohmann::json;

// Longer than any server of a lab needs; what comes later is lost.
constexpr int kTimeoutMs = 2'000;
constexpr int kAtOnce = 8;

// "web.default.svc.cluster.local. 5 IN A 10.0.0.1" -> "10.0.0.1", for the type asked for.
void add_data(const std::string& record, const std::string& type, std::set<std::string>& data) {
  std::istringstream words(record);
  std::string owner, ttl, of_class, of_type;
  words >> owner >> ttl >> of_class >> of_type >> std::ws;
  if (of_type == type) {
    std::string rest;
    std::getline(words, rest);
    data.insert(rest);
  }
}

Answer answer_of(const json& line, const std::string& type) {
  Answer answer;
  answer.outcome = line.value("outcome", "");
  if (line.contains("error")) {
    answer.outcome += " " + line["error"].get<std::string>();
  }
  const json dns = line.value("dns", json::object());
  answer.rcode = dns.value("rcode", "");
  const json records = dns.value("answer", json::array());
  for (const json& record : records) {
    add_data(record.get<std::string>(), type, answer.data);
  }
  return answer;
}

// The answers in the order of the questions.
std::vector<Answer> ask_lines(api::Client& client, const std::string& place,
                              const std::vector<std::string>& names, const std::string& server,
                              const std::string& type) {
  std::string lines;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const json line{{"id", std::to_string(i)},
                    {"from", place},
                    {"to", "dns:" + names[i] + "/" + type + "@" + server},
                    {"timeout_ms", kTimeoutMs}};
    lines += line.dump() + "\n";
  }
  std::vector<Answer> answers(names.size());
  std::istringstream replies(client.post("/lab/v1/probes", lines).body);
  for (std::string text; std::getline(replies, text);) {
    const json line = json::parse(text);
    answers.at(std::stoul(line.at("id").get<std::string>())) = answer_of(line, type);
  }
  return answers;
}

}  // namespace

std::string to_string(const Answer& answer) {
  std::string text = answer.outcome + " " + answer.rcode + " {";
  for (const std::string& datum : answer.data) {
    text += " " + datum;
  }
  return text + " }";
}

std::map<std::string, Answer> ask(api::Client& client, const std::string& place,
                                  const std::vector<std::string>& names, const std::string& server,
                                  const std::string& type) {
  const std::vector<Answer> answers = ask_lines(client, place, names, server, type);
  std::map<std::string, Answer> by_name;
  for (std::size_t i = 0; i < names.size(); ++i) {
    by_name[names[i]] = answers[i];
  }
  return by_name;
}

Answer ask_one(api::Client& client, const std::string& place, const std::string& name,
               const std::string& server, const std::string& type) {
  return ask_lines(client, place, {name}, server, type).front();
}

api::Client client_of(const Labctl& lab, const std::string& lab_name) {
  return api::Client(lab.socket(lab_name));
}

// ---- Asker -------------------------------------------------------------------------------------

Asker::Asker(const Labctl& lab, const std::string& lab_name, std::string place, std::string name,
             std::chrono::milliseconds patience)
    : client_(client_of(lab, lab_name)),
      place_(std::move(place)),
      name_(std::move(name)),
      patience_(patience),
      thread_([this] { run(); }) {}

Asker::~Asker() { stop(); }

std::map<Answer, std::size_t> Asker::stop() {
  is_over_ = true;
  if (thread_.joinable()) {
    thread_.join();
  }
  return seen_;
}

void Asker::run() {
  while (!is_over_) {
    try {
      for (Answer& answer : ask_lines(client_, place_, std::vector(kAtOnce, name_), kDnsService, "A")) {
        if (answer.rcode.empty()) {
          answer = ask_again(std::move(answer));
        }
        ++seen_[answer];
        ++count_;
      }
    } catch (const std::exception& error) {
      ++seen_[Answer{std::string("cannot ask: ") + error.what(), {}, {}}];
      return;
    }
  }
}

Answer Asker::ask_again(Answer answer) {
  const auto until = std::chrono::steady_clock::now() + patience_;
  while (answer.rcode.empty() && std::chrono::steady_clock::now() < until) {
    ++repeated_;
    answer = ask_one(client_, place_, name_);
  }
  return answer;
}

}  // namespace labctl::e2e
