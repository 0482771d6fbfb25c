#include "labctl/api/probe_expectation.hpp"

#include "topology/base/duration.hpp"
#include "topology/base/error.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cctype>
#include <limits>

namespace labctl::api {
namespace {

using nlohmann::json;
using std::chrono::microseconds;

constexpr Range kExpectedStatus{0, 599, "a status"};
constexpr Range kExpectedCount{0, std::numeric_limits<std::int32_t>::max(), "a count"};

std::string lower_case(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

std::optional<std::uint64_t> count_in(Fields& fields, const char* name) {
  return fields.find(name) != nullptr
             ? std::optional(static_cast<std::uint64_t>(fields.number(name, kExpectedCount, 0)))
             : std::nullopt;
}

std::map<std::string, TextExpectation> headers_in(Fields& fields) {
  std::map<std::string, TextExpectation> headers;
  const json* value = fields.find("headers");
  if (value != nullptr && !value->is_object()) {
    fields.mistake("headers", "must be an object of header names");
  } else if (value != nullptr) {
    for (const auto& [name, text] : value->items()) {
      headers[name] = parse_text_expectation(text, fields.path_of("headers") + "." + name);
    }
  }
  return headers;
}

std::map<std::string, microseconds> rtts_in(Fields& fields) {
  std::map<std::string, microseconds> rtts;
  for (const auto& [name, text] : fields.text_map("rtt")) {
    const auto limit = parse_duration(text);
    if (!limit) {
      fields.mistake("rtt", "must be an object of durations, such as {\"p99\": \"5ms\"}");
    }
    rtts[name] = limit.value_or(microseconds(0));
  }
  return rtts;
}

ProbeExpectation::Dns dns_expected_in(Fields& fields) {
  ProbeExpectation::Dns dns;
  dns.rcode = fields.text("rcode");
  if (const auto answers = texts_in(fields, "answers")) {
    dns.answers.emplace(answers->begin(), answers->end());
  }
  dns.answer_count = count_in(fields, "answerCount");
  dns.flags = texts_in(fields, "flags").value_or(std::vector<std::string>{});
  dns.authority = texts_in(fields, "authority").value_or(std::vector<std::string>{});
  dns.queries = count_in(fields, "queries");
  dns.query_names = texts_in(fields, "queryNames");
  return dns;
}

// ---- Judging ------------------------------------------------------------------------------------

std::string reason_in_brackets(const ProbeResult& result) {
  return result.reason.empty() ? "" : " (" + result.reason + ")";
}

// Of the reply that is wanted.
probes::Outcome outcome_of_reply(const ProbeExpectation& expect) {
  using probes::Outcome;
  if (!expect.dns.rcode.empty()) {
    return expect.dns.rcode == "NOERROR"    ? Outcome::Ok
           : expect.dns.rcode == "NXDOMAIN" ? Outcome::DnsNxdomain
                                            : Outcome::DnsError;
  }
  return expect.status >= 200 && expect.status < 400 ? Outcome::Ok : Outcome::HttpStatus;
}

std::map<std::string, std::uint64_t> answers_of(const ProbeResult& result) {
  if (!result.responses.empty() || result.backend.empty()) {
    return result.responses;
  }
  return {{result.backend, std::max<std::uint64_t>(result.tries, 1)}};
}

// Header names are compared without case (RFC 9110 §5.1).
void judge_headers(const std::map<std::string, TextExpectation>& wanted, const ProbeResult& result,
                   Verdict& verdict) {
  std::map<std::string, std::string> seen;
  if (result.http) {
    for (const auto& [name, value] : result.http->headers) {
      seen[lower_case(name)] = value;
    }
  }
  for (const auto& [name, expect] : wanted) {
    const auto found = seen.find(lower_case(name));
    if (found == seen.end()) {
      verdict.fail("a header " + name, "none");
    } else {
      expect.judge("header " + name, found->second, verdict);
    }
  }
}

void judge_rtts(const std::map<std::string, microseconds>& wanted, const ProbeResult& result,
                Verdict& verdict) {
  for (const auto& [name, most] : wanted) {
    const auto got = result.rtt_percentiles_us.find(name);
    if (got == result.rtt_percentiles_us.end()) {
      verdict.fail("RTT " + name + " of at most " + to_string(most), "no answer");
    } else if (microseconds(got->second) > most) {
      verdict.fail("RTT " + name + " of at most " + to_string(most), std::to_string(got->second) + "us");
    }
  }
}

// A record is "name ttl class type data".
std::string record_part(const std::string& record, std::size_t blanks, bool to_the_end) {
  std::size_t at = 0;
  for (; blanks > 0; --blanks) {
    const std::size_t blank = record.find(' ', at);
    if (blank == std::string::npos) {
      return record;
    }
    at = blank + 1;
  }
  return record.substr(at, to_the_end ? std::string::npos : record.find(' ', at) - at);
}

// Exactly these, in any order: whole records, or only what they say.
void judge_answers(const std::set<std::string>& wanted, const ProbeResult::Dns& dns, Verdict& verdict) {
  std::set<std::string> seen;
  for (const std::string& record : dns.answer) {
    seen.insert(wanted.contains(record) ? record : record_part(record, 4, true));
  }
  if (wanted != seen) {
    verdict.fail("answers " + joined(wanted, "none"), joined(seen, "none"));
  }
}

// All of `wanted` must be among `seen`.
void judge_among(const std::string& what, const std::vector<std::string>& wanted,
                 const std::set<std::string>& seen, Verdict& verdict) {
  for (const std::string& word : wanted) {
    if (!seen.contains(word)) {
      verdict.fail(what + " " + word, joined(seen, "none"));
    }
  }
}

// Names of questions, with or without their final dot.
std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (std::string name : names) {
    name.erase(name.size() - (name.ends_with('.') ? 1 : 0));
    text += (text.empty() ? "" : ", ") + lower_case(name);
  }
  return text.empty() ? "none" : text;
}

void judge_dns(const ProbeExpectation::Dns& expect, const ProbeResult& result, Verdict& verdict) {
  const ProbeResult::Dns dns = result.dns.value_or(ProbeResult::Dns());
  if (!expect.rcode.empty() && expect.rcode != dns.rcode) {
    verdict.fail("rcode " + expect.rcode,
                 dns.rcode.empty() ? "no reply" + reason_in_brackets(result) : dns.rcode);
  }
  if (expect.answers) {
    judge_answers(*expect.answers, dns, verdict);
  }
  if (expect.answer_count && *expect.answer_count != dns.answer.size()) {
    verdict.fail(std::to_string(*expect.answer_count) + " answers", std::to_string(dns.answer.size()));
  }
  judge_among("flag", expect.flags, {dns.flags.begin(), dns.flags.end()}, verdict);
  std::set<std::string> types;
  for (const std::string& record : dns.authority) {
    types.insert(record_part(record, 3, false));
  }
  judge_among("authority", expect.authority, types, verdict);
  if (expect.queries && *expect.queries != dns.queries.size()) {
    verdict.fail(std::to_string(*expect.queries) + " queries", std::to_string(dns.queries.size()));
  }
  if (expect.query_names) {
    std::vector<std::string> names;
    for (const ProbeResult::Query& query : dns.queries) {
      names.push_back(query.name);
    }
    const std::string wanted = listed(*expect.query_names);
    if (const std::string seen = listed(names); wanted != seen) {
      verdict.fail("queries for " + wanted, "for " + seen);
    }
  }
}

void judge_source(const std::string& wanted, const std::string& from, const ProbeResult& result,
                  const AddressBook& addresses, Verdict& verdict) {
  const auto of_place = [](const std::map<std::string, std::set<IpAddress>>& book, const std::string& id) {
    const auto found = book.find(id);
    return found != book.end() ? found->second : std::set<IpAddress>{};
  };
  std::set<IpAddress> accepted;
  std::string shown = wanted;
  if (const auto address = IpAddress::parse(wanted)) {
    accepted.insert(*address);
  } else {
    accepted = wanted == "client" ? of_place(addresses.own, from)
               : wanted == "node" ? of_place(addresses.node, from)
                                  : of_place(addresses.own, wanted);
    std::set<std::string> texts;
    for (const IpAddress& one : accepted) {
      texts.insert(to_string(one));
    }
    shown += " (" + joined(texts, "nobody") + ")";
  }
  if (!result.source || !accepted.contains(*result.source)) {
    verdict.fail("source " + shown,
                 result.source ? "source " + to_string(*result.source) : "an unknown source");
  }
}

}  // namespace

bool ProbeExpectation::needs_addresses() const { return !source.empty() && !IpAddress::parse(source); }

bool ProbeExpectation::leaves_outcome_to_reply() const {
  return outcome.any_of.empty() && !outcome.fail && (!dns.rcode.empty() || status.has_value());
}

void ProbeExpectation::prepare(ProbeRequest& request) const {
  request.percentiles = request.percentiles || !rtts.empty();
  request.whole_body = request.whole_body || body.is_said();
  if (request.retry_within.count() == 0) {
    return;
  }
  const auto single = leaves_outcome_to_reply() ? std::optional(outcome_of_reply(*this)) : outcome.single();
  if (!single) {
    throw Error(ErrorKind::InvalidInput, "a probe that is tried again needs one outcome to wait for",
                "such as --expect refused, or \"expect\": \"refused\" in a line");
  }
  request.expect = *single;
}

Verdict ProbeExpectation::judge(const std::string& from, const ProbeResult& result,
                                const AddressBook& addresses) const {
  Verdict verdict;
  if (!result.error.empty()) {
    return {.passed = false, .broken = true, .message = result.error, .details = result.hint};
  }
  if (!leaves_outcome_to_reply()) {
    outcome.judge(result.outcome, result.reason, verdict);
  }
  backends.judge(answers_of(result), verdict);
  judge_headers(headers, result, verdict);
  judge_rtts(rtts, result, verdict);
  judge_dns(dns, result, verdict);
  if (!source.empty()) {
    judge_source(source, from, result, addresses, verdict);
  }
  const int got = result.http ? result.http->status : 0;
  if (status && *status != got) {
    verdict.fail("status " + std::to_string(*status),
                 got != 0 || !leaves_outcome_to_reply()
                     ? "status " + std::to_string(got)
                     : std::string(probes::to_string(result.outcome)) + reason_in_brackets(result));
  }
  body.judge("body", result.http ? result.http->body : "", verdict, result.http ? result.http->body_size : 0);
  return verdict;
}

ProbeExpectation parse_probe_expectation(const json& value, const std::string& path) {
  ProbeExpectation expect;
  if (!value.is_object()) {
    expect.outcome = parse_outcomes(value, path);
    return expect;
  }
  Mistakes mistakes;
  Fields fields(value, path, mistakes);
  if (const json* outcome = fields.find("outcome")) {
    expect.outcome = parse_outcomes(*outcome, fields.path_of("outcome"));
  }
  expect.backends = backends_in(fields);
  expect.headers = headers_in(fields);
  expect.rtts = rtts_in(fields);
  expect.dns = dns_expected_in(fields);
  expect.source = fields.text("source");
  if (fields.find("status") != nullptr) {
    expect.status = static_cast<int>(fields.number("status", kExpectedStatus, 0));
  }
  if (const json* body = fields.find("body")) {
    expect.body = parse_text_expectation(*body, fields.path_of("body"));
  }
  fields.close();
  mistakes.throw_if_any();
  return expect;
}

}  // namespace labctl::api
