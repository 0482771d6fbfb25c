#include "labctl/scenario/expectation.hpp"

#include "topology/base/duration.hpp"
#include "topology/base/ip_address.hpp"
#include "topology/base/pattern.hpp"
#include "topology/model/place.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>

namespace labctl::scenario {
namespace {

using nlohmann::json;

// Of the answers, where a scenario names shares and no shareTolerance.
constexpr double kShareTolerance = 0.1;

std::string percent(double share) {
  const auto tenths = std::lround(share * 1000);
  return std::to_string(tenths / 10) + (tenths % 10 != 0 ? "." + std::to_string(tenths % 10) : "") + "%";
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

std::string joined(const std::set<std::string>& words, const std::string& none = "nobody") {
  std::string text;
  for (const std::string& word : words) {
    text += (text.empty() ? "" : ", ") + word;
  }
  return text.empty() ? none : text;
}

std::set<std::string> words_of(const json& value) {
  std::set<std::string> words;
  if (value.is_string()) {
    words.insert(value.get<std::string>());
  } else if (value.is_array()) {
    for (const json& word : value) {
      words.insert(word.get<std::string>());
    }
  }
  return words;
}

std::set<std::string> backends_of(const json& result) {
  std::set<std::string> backends;
  const json responses = result.value("responses", json::object());
  for (const auto& [backend, count] : responses.items()) {
    backends.insert(backend);
  }
  if (backends.empty() && result.contains("backend")) {
    backends.insert(result["backend"].get<std::string>());
  }
  return backends;
}

// Who may answer: `backends` are all that do, `backendsInclude` some of them, `backendCount` how many,
// whoever they are, `shares` how often each, of one.
void check_shares(const json& expect, const json& result, Attempt& attempt) {
  const std::set<std::string> seen = backends_of(result);
  for (const std::string& wanted : words_of(expect.value("backendsInclude", json()))) {
    if (!seen.contains(wanted)) {
      attempt.fail("an answer of " + wanted, "answers of " + joined(seen));
    }
  }
  if (expect.contains("backendCount") && expect["backendCount"] != seen.size()) {
    const auto count = expect["backendCount"].get<size_t>();
    attempt.fail("answers of " + std::to_string(count) + (count == 1 ? " backend" : " backends"),
                 "of " + joined(seen));
  }
  const json shares = expect.value("shares", json::object());
  const json responses = result.value("responses", json::object());
  double total = 0;
  for (const auto& [backend, count] : responses.items()) {
    total += count.get<double>();
  }
  const double tolerance = expect.value("shareTolerance", kShareTolerance);
  for (const auto& [backend, share] : shares.items()) {
    const double got = total > 0 ? responses.value(backend, 0.0) / total : 0;
    if (std::abs(got - share.get<double>()) > tolerance) {
      attempt.fail(percent(share.get<double>()) + " (give or take " + percent(tolerance) +
                       ") of the answers by " + backend,
                   percent(got) + " of " + std::to_string(static_cast<long>(total)));
    }
  }
}

// Header names are compared without case (RFC 9110 §5.1).
void check_headers(const json& wanted, const json& result, Attempt& attempt) {
  std::map<std::string, std::string> seen;
  const json headers = result.value("headers", json::object());
  for (const auto& [name, value] : headers.items()) {
    seen[lower(name)] = value.is_string() ? value.get<std::string>() : value.dump();
  }
  for (const auto& [name, expect] : wanted.items()) {
    const auto found = seen.find(lower(name));
    if (found == seen.end()) {
      attempt.fail("a header " + name, "none");
    } else {
      check_text(expect.is_string() ? json{{"equals", expect}} : expect, "header " + name, found->second,
                 attempt);
    }
  }
}

void check_rtts(const json& wanted, const json& result, Attempt& attempt) {
  const json seen = result.value("rtt_percentiles_us", json::object());
  for (const auto& [name, limit] : wanted.items()) {
    const auto most = parse_duration(limit.get<std::string>());
    const std::int64_t got = seen.value(name, std::int64_t{-1});
    if (most && (got < 0 || std::chrono::microseconds(got) > *most)) {
      attempt.fail("RTT " + name + " of at most " + limit.get<std::string>(),
                   got < 0 ? "no answer" : std::to_string(got) + "us");
    }
  }
}

void check_source(const json& probe, const std::string& wanted, const std::string& seen,
                  const AddressBook& addresses, Attempt& attempt) {
  const std::string from = probe.value("from", "");
  std::set<std::string> accepted{wanted};
  const auto from_book = [](const std::map<std::string, std::set<std::string>>& book, const std::string& of) {
    const auto found = book.find(of);
    return found != book.end() ? found->second : std::set<std::string>{};
  };
  if (wanted == "client") {
    accepted = from_book(addresses.own, from);
  } else if (wanted == "node") {
    accepted = from_book(addresses.node, from);
  } else if (wanted.find('/') != std::string::npos) {
    accepted = from_book(addresses.own, wanted);
  }
  if (!accepted.contains(seen)) {
    attempt.fail("source " + wanted + (accepted.contains(wanted) ? "" : " (" + joined(accepted) + ")"),
                 seen.empty() ? "an unknown source" : "source " + seen);
  }
}

// A record is "name ttl class type data".
std::string record_part(const std::string& record, size_t blanks, bool to_the_end) {
  size_t at = 0;
  for (; blanks > 0; --blanks) {
    const size_t blank = record.find(' ', at);
    if (blank == std::string::npos) {
      return record;
    }
    at = blank + 1;
  }
  return record.substr(at, to_the_end ? std::string::npos : record.find(' ', at) - at);
}

// Exactly these, in any order: whole records, or only what they say.
void check_answers(const json& expect, const json& dns, Attempt& attempt) {
  const std::set<std::string> wanted = words_of(expect);
  std::set<std::string> seen;
  for (const std::string& record : words_of(dns.value("answer", json::array()))) {
    seen.insert(wanted.contains(record) ? record : record_part(record, 4, true));
  }
  if (wanted != seen) {
    attempt.fail("answers " + joined(wanted, "none"), joined(seen, "none"));
  }
}

// All of `wanted` must be among `seen`.
void check_among(const std::string& what, const json& wanted, const std::set<std::string>& seen,
                 Attempt& attempt) {
  for (const std::string& word : words_of(wanted)) {
    if (!seen.contains(word)) {
      attempt.fail(what + " " + word, joined(seen, "none"));
    }
  }
}

void check_query_names(const json& expect, const json& queries, Attempt& attempt) {
  const auto listed = [](const json& names, const char* field) {
    std::string text;
    for (const json& one : names) {
      std::string name = field == nullptr ? one.get<std::string>() : one.value(field, "");
      name.erase(name.size() - (name.ends_with('.') ? 1 : 0));
      text += (text.empty() ? "" : ", ") + lower(name);
    }
    return text.empty() ? "none" : text;
  };
  const std::string wanted = listed(expect.is_array() ? expect : json::array({expect}), nullptr);
  if (const std::string seen = listed(queries, "name"); wanted != seen) {
    attempt.fail("queries for " + wanted, "for " + seen);
  }
}

void check_dns(const json& expect, const json& dns, Attempt& attempt) {
  if (const std::string rcode = expect.value("rcode", "");
      !rcode.empty() && rcode != dns.value("rcode", "")) {
    attempt.fail("rcode " + rcode, dns.value("rcode", "no reply"));
  }
  if (expect.contains("answers")) {
    check_answers(expect["answers"], dns, attempt);
  }
  const json answer = dns.value("answer", json::array());
  if (expect.contains("answerCount") && expect["answerCount"] != answer.size()) {
    attempt.fail(expect["answerCount"].dump() + " answers", std::to_string(answer.size()));
  }
  check_among("flag", expect.value("flags", json()), words_of(dns.value("flags", json::array())), attempt);
  std::set<std::string> types;
  for (const std::string& record : words_of(dns.value("authority", json::array()))) {
    types.insert(record_part(record, 3, false));
  }
  check_among("authority", expect.value("authority", json()), types, attempt);
  const json queries = dns.value("queries", json::array());
  if (expect.contains("queries") && expect["queries"] != queries.size()) {
    attempt.fail(expect["queries"].dump() + " queries", std::to_string(queries.size()));
  }
  if (expect.contains("queryNames")) {
    check_query_names(expect["queryNames"], queries, attempt);
  }
}

}  // namespace

void Attempt::fail(const std::string& wanted, const std::string& seen) {
  passed = false;
  message += (message.empty() ? "wanted " : "; wanted ") + wanted + ", seen " + seen;
}

void check_text(const json& expect, const std::string& what, const std::string& seen, Attempt& attempt) {
  const auto shown = [&] {
    return what + " \"" + seen.substr(0, 200) + (seen.size() > 200 ? "...\"" : "\"");
  };
  if (const auto part = expect.find("contains");
      part != expect.end() && seen.find(*part) == std::string::npos) {
    attempt.fail(what + " with \"" + part->get<std::string>() + "\"", shown());
  }
  if (const auto whole = expect.find("equals"); whole != expect.end() && seen != whole->get<std::string>()) {
    attempt.fail(what + " \"" + whole->get<std::string>() + "\"", shown());
  }
  if (const auto pattern = expect.find("matches"); pattern != expect.end()) {
    if (!Pattern(pattern->get<std::string>()).is_found_in(seen)) {
      attempt.fail(what + " matching \"" + pattern->get<std::string>() + "\"", shown());
    }
  }
}

void check_outcome(const json& expect, const std::string& otherwise, const std::string& seen,
                   const std::string& reason, Attempt& attempt) {
  std::set<std::string> wanted = words_of(expect.value("outcome", json()));
  if (wanted.empty()) {
    wanted.insert(otherwise);
  }
  if (!wanted.contains(seen)) {
    attempt.fail(joined(wanted), seen + (reason.empty() ? "" : " (" + reason + ")"));
  }
}

AddressBook address_book(const json& graph) {
  AddressBook book;
  for (const json& node : graph.value("nodes", json::array())) {
    const std::string id = to_string(model::Place::node(node.value("name", "")));
    const std::set<std::string> addresses = words_of(node.value("addresses", json::array()));
    book.own[id] = book.node[id] = addresses;
    // Towards pods a node speaks with the address of its bridge or of its VXLAN device.
    for (const std::string& text : words_of(node.value("podCIDRs", json::array()))) {
      const auto cidr = Prefix::parse(text);
      for (const std::uint64_t n : {0, 1}) {
        if (const auto host = cidr ? cidr->subnet(cidr->length() + cidr->host_bits(), n) : std::nullopt) {
          book.own[id].insert(to_string(host->address()));
        }
      }
    }
    for (const json& pod : node.value("pods", json::array())) {
      const std::string pod_id =
          to_string(model::Place::pod(pod.value("namespace", ""), pod.value("name", "")));
      book.own[pod_id] = words_of(pod.value("ips", json::array()));
      book.node[pod_id] = addresses;
    }
  }
  for (const json& host : graph.value("outside", json::array())) {
    book.own[to_string(model::Place::outside(host.value("name", "")))] =
        words_of(host.value("addresses", json::array()));
  }
  return book;
}

Attempt check_probe(const json& probe, const json& result, const AddressBook& addresses) {
  Attempt attempt;
  if (result.contains("error")) {
    attempt.passed = false;
    attempt.broken = true;
    attempt.message = result["error"].get<std::string>();
    attempt.details = result.value("hint", "");
    return attempt;
  }
  const json expect = probe.value("expect", json::object());
  check_outcome(expect, "ok", result.value("outcome", ""), result.value("reason", ""), attempt);
  if (expect.contains("backends")) {
    const std::set<std::string> wanted = words_of(expect["backends"]);
    const std::set<std::string> seen = backends_of(result);
    if (wanted != seen) {
      attempt.fail("answers of " + joined(wanted), "of " + joined(seen));
    }
  }
  check_shares(expect, result, attempt);
  check_headers(expect.value("headers", json::object()), result, attempt);
  check_rtts(expect.value("rtt", json::object()), result, attempt);
  check_dns(expect, result.value("dns", json::object()), attempt);
  if (expect.contains("source")) {
    check_source(probe, expect["source"].get<std::string>(), result.value("source", ""), addresses, attempt);
  }
  if (expect.contains("status") && result.value("status", 0) != expect["status"].get<int>()) {
    attempt.fail("status " + expect["status"].dump(), "status " + std::to_string(result.value("status", 0)));
  }
  if (expect.contains("body")) {
    check_text(expect["body"], "body", result.value("body", ""), attempt);
  }
  return attempt;
}

}  // namespace labctl::scenario
