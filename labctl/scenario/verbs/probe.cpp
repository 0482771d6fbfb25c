#include "labctl/scenario/verbs/verbs.hpp"
#include "topology/base/duration.hpp"

namespace labctl::scenario {
namespace {

using nlohmann::json;

// Of a probe without "to" what it asks for.
std::string target_of(const json& value) {
  return value.contains("to") ? value["to"].get<std::string>()
                              : "dns:" + value.value("/dns/name"_json_pointer, "");
}

// "A web.shop.svc.cluster.local: NXDOMAIN by 10.96.0.10", a line each.
std::string queries_of(const json& result) {
  std::string text;
  const json queries = result.value("/dns/queries"_json_pointer, json::array());
  for (const json& query : queries) {
    text += "\n  " + query.value("type", "") + " " + query.value("name", "") + ": " +
            query.value("rcode", query.value("outcome", "")) + " by " + query.value("server", "");
  }
  return text;
}

// "pod/default/a -> pod/default/b:80: ok, answered by pod/default/b, which saw 10.244.1.2, in 61 us".
std::string sentence_of(const json& value, const json& result) {
  std::string text = value["from"].get<std::string>() + " -> " + target_of(value) + ": " +
                     result.value("outcome", "no result");
  if (result.contains("backend")) {
    text += ", answered by " + result["backend"].get<std::string>();
  }
  if (result.contains("source")) {
    text += ", which saw " + result["source"].get<std::string>();
  }
  if (result.contains("rtt_us")) {
    text += ", in " + result["rtt_us"].dump() + " us";
  }
  if (result.contains("reason")) {
    text += " (" + result["reason"].get<std::string>() + ")";
  }
  return text + queries_of(result);
}

}  // namespace

json probe_request(const json& value) {
  json request{{"id", 1}, {"from", value["from"]}};
  for (const char* field : {"to", "proto", "count", "http", "dns"}) {
    if (value.contains(field)) {
      request[field] = value[field];
    }
  }
  if (value.contains("sourcePort")) {
    request["source_port"] = value["sourcePort"];
  }
  if (value.value("/expect/rtt"_json_pointer, json()).is_object()) {
    request["percentiles"] = true;
  }
  request["timeout_ms"] = milliseconds_of(value, "timeout", 1000);
  return request;
}

std::int64_t milliseconds_of(const json& value, const char* field, std::int64_t otherwise) {
  const auto found = value.find(field);
  if (found == value.end() || !found->is_string()) {
    return otherwise;
  }
  const auto duration = parse_duration(found->get<std::string>());
  return duration ? std::chrono::duration_cast<std::chrono::milliseconds>(*duration).count() : otherwise;
}

Attempt do_probe(Context& context, const json& value) {
  const std::string line = context.lab.post("/lab/v1/probes", probe_request(value).dump()).body;
  const json result = json::parse(line, nullptr, false);
  const AddressBook addresses = address_book(context.lab.get("/lab/v1/graph").json());
  Attempt attempt = check_probe(value, result, addresses);
  if (attempt.details.empty()) {
    attempt.details = sentence_of(value, result);
  }
  return attempt;
}

}  // namespace labctl::scenario
