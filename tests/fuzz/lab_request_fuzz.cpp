// Requests of the lab's own API (/lab/v1): whatever a body says, it is taken, or refused as a client's
// mistake with a reason; and so is what a probe that was taken wants of a small lab.

#include "labctl/api/lab_requests.hpp"
#include "labctl/api/matrix_message.hpp"
#include "labctl/api/probe_message.hpp"
#include "labctl/api/request_reader.hpp"
#include "labctl/api/uri.hpp"
#include "labctl/probing/resolve_probe.hpp"
#include "tests/fuzz/require.hpp"
#include "topology/base/error.hpp"

#include <fcntl.h>

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

using labctl::fuzz::require;
using namespace labctl::api;
using namespace labctl::probing;
using nlohmann::json;

namespace {

// Two pods, one that can look names up. Any descriptor does for a namespace that no probe enters.
const VantageTable& table() {
  static const auto netns =
      std::make_shared<const labctl::UniqueFd>(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  static VantageTable table;
  if (table.places().empty()) {
    Place a;
    a.id = "pod/default/a";
    a.netns = netns;
    a.addresses = {*labctl::IpAddress::parse("10.244.1.2"), *labctl::IpAddress::parse("fd00:244::2")};
    a.ports = {{"http", 80, 0, labctl::model::Protocol::Tcp}};
    a.resolver = std::make_shared<Resolver>(
        Resolver{{*labctl::IpAddress::parse("10.96.0.10")}, {"default.svc.cluster.local"}, 5});
    table.add(std::make_shared<const Place>(std::move(a)));
    Place b;
    b.id = "pod/default/b";
    b.netns = netns;
    b.addresses = {*labctl::IpAddress::parse("10.244.1.3")};
    table.add(std::make_shared<const Place>(std::move(b)));
  }
  return table;
}

template <typename Act>
void takes_or_refuses(const Act& act) {
  try {
    act();
  } catch (const labctl::Error& error) {
    require(error.kind() == labctl::ErrorKind::InvalidInput || error.kind() == labctl::ErrorKind::NotFound ||
                error.kind() == labctl::ErrorKind::Unsupported,
            "a client's mistake is none of ours");
    require(!error.message().empty(), "a refusal says why");
  }
}

void read_body(const json& body) {
  takes_or_refuses([&] {
    const ProbeRequest request = parse_probe(body, "probes[0]");
    const auto probe = resolve_probe(request, table());
    require(probe.from != nullptr && probe.timeout.count() > 0, "a probe has a place and a patience");
  });
  takes_or_refuses([&] { require(!parse_exec(body).command.empty(), "a program has a name"); });
  takes_or_refuses([&] { require(parse_wait(body).timeout.count() >= 0, "a wait has a patience"); });
  takes_or_refuses([&] { parse_matrix(body); });
  takes_or_refuses([&] { parse_apply(body); });
  takes_or_refuses([&] { parse_delete(body); });
}

void read_query(const std::string& text) {
  labctl::api::Request request;
  if (const auto target = labctl::api::parse_target("/logs?" + text)) {
    request.path = target->path;
    request.query = target->query;
    takes_or_refuses([&] { parse_log_query(request); });
  }
  takes_or_refuses([&] { parse_namespaced_name(text, "text"); });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  takes_or_refuses([&] { read_body(labctl::api::parse_json(text, "request")); });
  read_query(text);
  parse_exec_signal(text);
  return 0;
}
