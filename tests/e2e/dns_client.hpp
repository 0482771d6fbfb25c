#pragma once

// Clients of a lab's DNS for tests: questions from a place of the lab, many at a time, asked again as a
// program's resolver does, and a thread that asks without pause.

#include "labctl/api/client.hpp"
#include "tests/e2e/labctl_program.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace labctl::e2e {

inline constexpr const char* kDnsService = "10.96.0.10";

struct Answer {
  std::string outcome;         // of the probe; "ok" for an answer that holds what was asked for
  std::string rcode;           // empty: nobody answered
  std::set<std::string> data;  // of the answer's records of the type asked for
  auto operator<=>(const Answer&) const = default;
};
std::string to_string(const Answer& answer);

// Asks `server` for these names from `place`, at the same time; the answers by name.
std::map<std::string, Answer> ask(api::Client& client, const std::string& place,
                                  const std::vector<std::string>& names,
                                  const std::string& server = kDnsService, const std::string& type = "A");
Answer ask_one(api::Client& client, const std::string& place, const std::string& name,
               const std::string& server = kDnsService, const std::string& type = "A");

// Asks for one name without pause, a few questions at a time, from its making until stop(). A question that
// nobody answers is asked again for as long as `patience` says.
class Asker {
 public:
  Asker(const Labctl& lab, const std::string& lab_name, std::string place, std::string name,
        std::chrono::milliseconds patience);
  ~Asker();
  Asker(const Asker&) = delete;
  Asker& operator=(const Asker&) = delete;

  // How often each answer came.
  std::map<Answer, std::size_t> stop();
  std::size_t count() const { return count_; }
  // Questions that were asked again.
  std::size_t repeated() const { return repeated_; }

 private:
  void run();
  Answer ask_again(Answer answer);

  api::Client client_;
  std::string place_;
  std::string name_;
  std::chrono::milliseconds patience_;
  std::map<Answer, std::size_t> seen_;
  std::atomic<std::size_t> count_{0};
  std::atomic<std::size_t> repeated_{0};
  std::atomic<bool> is_over_{false};
  std::thread thread_;
};

// Clients of the lab's control socket.
api::Client client_of(const Labctl& lab, const std::string& lab_name);

}  // namespace labctl::e2e
