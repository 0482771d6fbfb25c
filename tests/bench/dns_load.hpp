#pragma once

// What bench_dns asks, and whom: Services and their records, a bare `named` that has the same ones, and a
// socket that asks without a break. Any failure ends the benchmark.

#include "probes/protocol/dns.hpp"
#include "topology/base/ip_address.hpp"
#include "topology/base/unique_fd.hpp"
#include "topology/dns/record.hpp"
#include "topology/dns/zones.hpp"
#include "topology/model/service.hpp"

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace labctl::bench {

// A ClusterIP with one named port.
model::Service plain_service(int number);
// One that is not there at first.
model::Service made_service();
// The headless Service whose one endpoint, written by hand, is moved.
IpAddress moving_endpoint(int generation);
std::vector<dns::Record> records_of(const model::Service& service);
std::vector<dns::Record> records_of_moving(int generation);
// "svc-7.default.svc.cluster.local"
std::string full_name(const std::string& service);

// One node, these Services, the moving one, and a pod that asks.
std::string dns_lab_file(int services, bool has_dns);

// What is asked of these Services: 3 A : 2 AAAA : 1 SRV : 1 PTR, as they would
// be after a name was chosen by chance.
struct Question {
  std::vector<std::uint8_t> message;
  int answers = 0;  // records in the right reply
};
std::vector<Question> random_questions(int services, int count);

struct Flood {
  double per_second = 0;
  int lost = 0, wrong = 0;
};

// Asks one server from one network namespace.
class DnsSocket {
 public:
  DnsSocket(int netns_fd, const IpAddress& server);

  void send(const std::vector<std::uint8_t>& message) const;
  // The next datagram; empty if none came in time or nobody listens.
  std::vector<std::uint8_t> receive(int within_ms) const;
  // One question and its reply; is_reply is false when there was none.
  protocol::DnsReply ask(const std::string& name, const std::string& type);
  // Asks again and again until `name` has the address, or none if that is not `is_there`.
  void ask_until(const std::string& name, const IpAddress& address, bool is_there);
  // `count` of the questions in turn, 64 on their way at a time.
  Flood flood(const std::vector<Question>& questions, int count) const;

 private:
  UniqueFd fd_;
  std::uint16_t id_ = 0;
};

// The floor: `named` alone on loopback in a namespace of its own, with the files that a lab would give it.
class BareNamed {
 public:
  // Writes the files.
  explicit BareNamed(int services);
  ~BareNamed();
  BareNamed(const BareNamed&) = delete;
  BareNamed& operator=(const BareNamed&) = delete;

  // Until it answers for every zone, and for the last Service; in microseconds.
  double start();
  // Tells it the owner's new records and asks until `name` has (or has not) the address; in microseconds.
  double change(const std::string& owner, std::vector<dns::Record> records, const std::string& name,
                const IpAddress& address, bool is_there);
  DnsSocket socket() const;

 private:
  UniqueFd netns_;
  dns::RecordBook book_;
  std::string last_;
  pid_t pid_ = -1;
};

}  // namespace labctl::bench
