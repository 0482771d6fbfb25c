// What the verbs of a Scenario's step may say, and what they may expect.
//
// A text that holds "${" is a place for a variable: its format is checked when it is filled in.

#include "topology/manifest/kinds/verb_schema.hpp"

#include "topology/manifest/kinds/kinds.hpp"
#include "topology/manifest/yaml/findings.hpp"
#include "topology/model/place.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

namespace labctl::manifest {

std::optional<Complaint> only_variable(std::string_view text) {
  return has_variable(text)
             ? std::nullopt
             : std::optional<Complaint>({"must be a whole number, got the text " + in_quotes(text), {}});
}

void check_text_or_texts(const Place& place, TextCheck check, Findings& findings) {
  const auto check_one = [&](const Place& one) {
    if (!one || !one.node->is_string()) {
      return findings.error(one,
                            "must be a text, got " + (one ? description(*one.node) : std::string("nothing")));
    }
    if (const auto complaint = check(one.text())) {
      findings.error(one, complaint->message, complaint->hint);
    }
  };
  if (!place.node->is_sequence()) {
    return check_one(place);
  }
  if (place.size() == 0) {
    findings.error(place, "must not be empty");
  }
  for (size_t i = 0; i < place.size(); ++i) {
    check_one(place.item(i));
  }
}

namespace {

std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> parts;
  for (size_t slash; (slash = text.find('/')) != std::string_view::npos; text.remove_prefix(slash + 1)) {
    parts.push_back(text.substr(0, slash));
  }
  parts.push_back(text);
  return parts;
}

bool is_name(std::string_view text) { return !check_dns_subdomain(text); }

}  // namespace

std::optional<Complaint> check_vantage(std::string_view text) {
  if (has_variable(text)) {
    return std::nullopt;
  }
  const auto place = model::parse_place(text);
  if (place && is_name(place->name) && (place->ns.empty() || is_name(place->ns))) {
    return std::nullopt;
  }
  const auto parts = split(text);
  std::string hint;
  if (parts.size() == 2 && parts[0] == "pod" && is_name(parts[1])) {
    hint = "with the namespace: pod/default/" + std::string(parts[1]);
  } else if (parts.size() == 1 && is_name(text)) {
    hint = "pod/default/" + std::string(text) + ", or outside/" + std::string(text);
  } else if (parts.size() == 2 && is_name(parts[0]) && is_name(parts[1])) {
    hint = "for a pod: pod/" + std::string(text);
  }
  return Complaint{"must be pod/NAMESPACE/NAME, node/NAME or outside/NAME, got " + in_quotes(text), hint};
}

std::optional<Complaint> check_target(std::string_view text) {
  if (has_variable(text)) {
    return std::nullopt;
  }
  if (text.empty() || text.find_first_of(" \t\n") != std::string_view::npos) {
    return Complaint{
        "must be what to reach, without spaces; got " + in_quotes(text),
        "as in pod/default/web-0:8080, svc/default/web:80, 198.51.100.80:80 or http://web/hostname"};
  }
  if (model::split_place(text)) {
    return check_vantage(text.substr(0, text.find(':')));
  }
  if (text.starts_with("svc/") && split(text).size() != 3) {
    return Complaint{"must be svc/NAMESPACE/NAME:PORT, got " + in_quotes(text), {}};
  }
  return std::nullopt;
}

namespace {

// An object: kind, namespace if the kind has one, name.
std::optional<Complaint> check_reference(std::string_view text) {
  if (has_variable(text)) {
    return std::nullopt;
  }
  std::vector<std::string> words;
  for (const Kind& kind : kinds()) {
    std::string word(kind.name);
    std::transform(word.begin(), word.end(), word.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    if (kind.support != Support::Lab) {
      words.push_back(std::move(word));
    }
  }
  const auto parts = split(text);
  const auto known = std::find(words.begin(), words.end(), parts[0]);
  if (known == words.end()) {
    const std::string near = nearest(parts[0], {words.begin(), words.end()});
    return Complaint{
        "must be KIND/NAMESPACE/NAME, got " + in_quotes(text),
        near.empty() ? "as in deployment/default/web or namespace/shop" : "did you mean " + near + "?"};
  }
  const bool is_namespaced = std::any_of(kinds().begin(), kinds().end(), [&](const Kind& kind) {
    return kind.is_namespaced && kind.name.size() == known->size() &&
           std::equal(kind.name.begin(), kind.name.end(), known->begin(),
                      [](char a, char b) { return (a | 0x20) == b; });
  });
  const size_t wanted = is_namespaced ? 3 : 2;
  if (parts.size() == wanted && std::all_of(parts.begin() + 1, parts.end(), is_name)) {
    return std::nullopt;
  }
  return Complaint{
      "must be " + *known + (is_namespaced ? "/NAMESPACE/NAME" : "/NAME") + ", got " + in_quotes(text),
      is_namespaced && parts.size() == 2 && is_name(parts[1])
          ? "with the namespace: " + *known + "/default/" + std::string(parts[1])
          : ""};
}

bool is_path(std::string_view text) {
  return text.ends_with(".yaml") || text.ends_with(".yml") || text.ends_with(".json") || text.ends_with('/');
}

std::optional<Complaint> check_pointer(std::string_view text) {
  if (text.starts_with('/')) {
    return std::nullopt;
  }
  return Complaint{"must be a JSON pointer, which begins with \"/\"; got " + in_quotes(text),
                   "as in /status/readyReplicas"};
}

// ---- Expectations -------------------------------------------------------------------------------
constexpr std::array<std::string_view, 14> kOutcomes{
    "ok",         "refused",   "reset",     "unreachable", "prohibited",   "timeout", "dns_nxdomain",
    "dns_nodata", "dns_error", "tls_error", "http_status", "wrong_answer", "denied",  "inconclusive"};

void check_outcome(const Place& outcome, Findings& findings) {
  const auto check_one = [&](const Place& place) {
    if (!place || !place.node->is_string()) {
      return findings.error(place, "must be the name of an outcome, got " +
                                       (place ? description(*place.node) : std::string("nothing")));
    }
    if (has_variable(place.text()) ||
        std::find(kOutcomes.begin(), kOutcomes.end(), place.text()) != kOutcomes.end()) {
      return;
    }
    const std::string near = nearest(place.text(), {kOutcomes.begin(), kOutcomes.end()});
    findings.error(place, "no outcome is called " + in_quotes(place.text()),
                   near.empty() ? "they are " + either({kOutcomes.begin(), kOutcomes.end()})
                                : "did you mean " + near + "?");
  };
  if (!outcome || !outcome.node->is_sequence()) {
    return outcome ? check_one(outcome) : void();
  }
  for (size_t i = 0; i < outcome.size(); ++i) {
    check_one(outcome.item(i));
  }
}

void check_expect(const Place& place, Findings& findings) { check_outcome(place.field("outcome"), findings); }

constexpr std::array kTextMatchFields{text("contains"), text("equals"),
                                      text("matches", or_variable<check_pattern>)};
constexpr Schema kTextMatch{"text expectation", kTextMatchFields};

std::optional<Complaint> check_percentile(std::string_view text) {
  if (text == "p50" || text == "p90" || text == "p99" || text == "max") {
    return std::nullopt;
  }
  return Complaint{"must be p50, p90, p99 or max, got " + in_quotes(text), "as in rtt: {p99: 5ms}"};
}

std::optional<Complaint> check_source(std::string_view text) {
  if (text == "client" || text == "node" || !check_vantage(text)) {
    return std::nullopt;
  }
  return check_ip(text) ? std::optional<Complaint>(
                              {"must be client, node, a place or an address, got " + in_quotes(text),
                               "client is the one that probes, node the one it is on"})
                        : std::nullopt;
}

// backend: share of the answers, from 0 to 1.
void check_shares(const Place& shares, Findings& findings) {
  if (!shares) {
    return;
  }
  if (!shares.node->is_mapping()) {
    return findings.error(shares, "must be a mapping of backends to shares, got " + description(*shares.node),
                          "as in {pod/default/web-0: 0.5, pod/default/web-1: 0.5}");
  }
  for (const YamlEntry& entry : shares.node->entries) {
    const Place share = shares.field(entry.key);
    if (const auto complaint = check_vantage(entry.key)) {
      findings.error(share, complaint->message, complaint->hint);
    }
    const bool is_number =
        share && (share.node->kind == YamlNode::Kind::Integer || share.node->kind == YamlNode::Kind::Float);
    if (!is_number || share.node->number < 0 || share.node->number > 1) {
      findings.error(share,
                     "must be a share from 0 to 1, got " + (share ? description(*share.node) : "nothing"));
    }
  }
}

void check_headers(const Place& headers, Findings& findings) {
  if (!headers) {
    return;
  }
  if (!headers.node->is_mapping()) {
    return findings.error(headers, "must be a mapping of header names, got " + description(*headers.node),
                          "as in {Content-Type: {contains: json}}");
  }
  for (const YamlEntry& entry : headers.node->entries) {
    const Place header = headers.field(entry.key);
    if (header && header.node->is_mapping()) {
      check_schema(header, kTextMatch, findings);
    } else if (!header || !header.node->is_string()) {
      findings.error(header, "must be a text or {contains, equals, matches}, got " +
                                 (header ? description(*header.node) : std::string("nothing")));
    }
  }
}

void check_probe_expect(const Place& place, Findings& findings) {
  check_expect(place, findings);
  check_shares(place.field("shares"), findings);
  check_headers(place.field("headers"), findings);
}

constexpr std::array kProbeExpectFields{
    any("outcome"),
    texts("backends", check_vantage),
    texts("backendsInclude", check_vantage),
    number_or_variable("backendCount", 0, 1'000'000),
    any("shares"),
    Field{.name = "shareTolerance", .type = FieldType::Number, .min = 0, .max = 1},
    text("source", or_variable<check_source>),
    number_or_variable("status", 100, 599),
    any("headers"),
    object("body", kTextMatch),
    text("rcode"),
    texts("answers"),
    number_or_variable("answerCount", 0, 10'000),
    texts("flags"),
    texts("authority"),
    number_or_variable("queries", 0, 1'000),
    texts("queryNames"),
    string_map("rtt", check_percentile, or_variable<check_duration>),
};
constexpr Schema kProbeExpect{"probe expectation", kProbeExpectFields, check_probe_expect};

// ---- Verbs --------------------------------------------------------------------------------------
constexpr std::array kHttpFields{text("method"), text("path"), text("host"), string_map("headers"),
                                 text("body")};
constexpr std::array kDnsFields{text("name", check_not_empty),
                                text("type", check_not_empty),
                                text("server", or_variable<check_ip>),
                                boolean("tcp"),
                                boolean("recurse"),
                                boolean("edns")};
constexpr Schema kDns{"dns question", kDnsFields};

#define LABCTL_PROBE_FIELDS                                                                          \
  text("from", check_vantage).required(), text("to", check_target),                                  \
      text("proto").one_of_or_variable(kProbeProtocols), number_or_variable("count", 1, 100'000),    \
      duration("timeout"), number_or_variable("sourcePort", 1, 65535), object("http", kHttpRequest), \
      object("dns", kDns), object("expect", kProbeExpect)

// What is asked for is said once: by "dns:NAME" or by dns.name; without a target dns.server is asked.
void check_probe_verb(const Place& place, Findings& findings) {
  const Place to = place.field("to");
  const Place dns = place.field("dns");
  const Place name = dns ? dns.field("name") : Place();
  if (!to && !name) {
    findings.error(place, "a probe needs to, or dns with a name",
                   "as in to: svc/default/web:80, or dns: {name: web, type: AAAA}");
  }
  if (!to || !dns) {
    return;
  }
  const bool target_asks = to.text().starts_with("dns:");
  for (const std::string_view field : {"name", "type", "server"}) {
    const Place said = dns.field(field);
    if (said && (target_asks || field == "server")) {
      findings.error(said,
                     std::string(target_asks ? "to says what is asked, and whom" : "to names the server") +
                         ", so dns cannot have " + std::string(field));
    }
  }
}

constexpr std::array kProbeFields{LABCTL_PROBE_FIELDS};
constexpr std::array kListedProbeFields{text("name", check_not_empty), duration("within"), duration("for"),
                                        LABCTL_PROBE_FIELDS};
#undef LABCTL_PROBE_FIELDS

constexpr std::array kExecExpectFields{number_or_variable("code", 0, 255), object("stdout", kTextMatch),
                                       object("stderr", kTextMatch)};
constexpr Schema kExecExpect{"exec expectation", kExecExpectFields};
constexpr std::array kExecFields{text("in", check_vantage).required(),
                                 text("container", or_variable<check_dns_label>),
                                 texts("command").required().not_empty(),
                                 string_map("env", check_env_name),
                                 duration("timeout"),
                                 object("expect", kExecExpect)};

constexpr std::array kWaitFields{text("for", check_reference).required(), text("condition", check_not_empty),
                                 text("pointer", or_variable<check_pointer>),
                                 Field{.name = "equals", .type = FieldType::Scalar}, duration("timeout")};
void check_wait(const Place& place, Findings& findings) {
  const bool condition(place.field("condition"));
  const bool pointer(place.field("pointer"));
  if (condition == pointer) {
    findings.error(
        place,
        condition ? "a wait has a condition or a pointer, not both" : "a wait needs a condition or a pointer",
        "as in condition: Ready, or pointer: /status/readyReplicas with equals: 3");
  } else if (pointer != bool(place.field("equals"))) {
    findings.error(place,
                   pointer ? "a pointer needs equals: what it must come to" : "equals needs a pointer");
  }
}

constexpr std::array kScaleFields{
    text("ref", check_reference).required(),
    number_or_variable("replicas", 0, std::numeric_limits<std::int32_t>::max()).required()};
void check_scale(const Place& place, Findings& findings) {
  const Place ref = place.field("ref");
  const std::string_view kind = ref.text().substr(0, ref.text().find('/'));
  if (!has_variable(kind) && kind != "deployment" && kind != "replicaset" && kind != "statefulset") {
    findings.error(ref,
                   "only a deployment, replicaset or statefulset has replicas, got " + in_quotes(ref.text()));
  }
}

constexpr std::array kLabelFields{text("ref", check_reference).required(),
                                  string_map("labels", check_label_key, or_variable<check_label_value>),
                                  texts("remove", check_label_key)};
void check_label(const Place& place, Findings& findings) {
  if (!place.field("labels") && !place.field("remove")) {
    findings.error(place, "a label step needs labels to set or keys to remove",
                   "as in {ref: pod/default/web-0, labels: {ready: \"yes\"}}");
  }
}

// ---- Objects ------------------------------------------------------------------------------------
// What the API must say when it refuses: a part of its message, or more exactly.
void check_refusal(const Place& place, Findings& findings) {
  const Place refused = place.field("refused");
  if (!refused) {
    return findings.error(place, "an expected refusal needs refused: what the message says",
                          "as in expect: {refused: already allocated}");
  }
  if (refused.node->is_mapping()) {
    check_schema(refused, kTextMatch, findings);
  } else if (!refused.node->is_string() || refused.text().empty()) {
    findings.error(refused,
                   "must be a text or {contains, equals, matches}, got " + description(*refused.node));
  }
}
constexpr std::array kRefusalFields{any("refused")};
constexpr Schema kRefusal{"refusal", kRefusalFields, nullptr, check_refusal};

constexpr std::array<std::string_view, 1> kSubresources{"status"};
constexpr std::array kPatchFields{text("ref", check_reference).required(), any("merge"),
                                  text("subresource").one_of(kSubresources), object("expect", kRefusal)};
void check_patch(const Place& place, Findings& findings) {
  const Place merge = place.field("merge");
  if (!merge || !merge.node->is_mapping()) {
    findings.error(merge ? merge : place,
                   merge ? "must be a mapping, got " + description(*merge.node)
                         : std::string("a patch needs merge: the fields that change"),
                   "as in merge: {spec: {type: NodePort}}; null takes a field away");
  }
}

constexpr std::array kApplyFields{any("files"), text("namespace", check_dns_label),
                                  object("expect", kRefusal)};
void check_apply(const Place& place, Findings& findings) {
  if (const Place files = place.field("files")) {
    check_text_or_texts(files, check_not_empty, findings);
  } else {
    findings.error(place, "an apply needs files", "as in apply: {files: more.yaml}, or apply: more.yaml");
  }
}

std::optional<Complaint> check_selector(std::string_view text) {
  return text.empty() || text.find_first_of(" \t\n") != std::string_view::npos
             ? std::optional<Complaint>({"must be a label selector, got " + in_quotes(text),
                                         "as in kubernetes.io/service-name=web"})
             : std::nullopt;
}

void check_values(const Place& values, Findings& findings) {
  if (values && !values.node->is_sequence()) {
    return findings.error(values, "must be a list of values, got " + description(*values.node),
                          "as in [10.244.1.2, 10.244.2.2]");
  }
  for (size_t i = 0; i < values.size(); ++i) {
    const Place value = values.item(i);
    if (value && (value.node->is_mapping() || value.node->is_sequence())) {
      findings.error(value, "must be a text, a number or a boolean, got " + description(*value.node));
    }
  }
}

void check_get_expect(const Place& place, Findings& findings) {
  check_values(place.field("values"), findings);
  if (place.node->entries.empty()) {
    findings.error(place, "expect needs values, count, equals or matches", "as in expect: {count: 3}");
  }
}
constexpr std::array kGetExpectFields{any("values"), number_or_variable("count", 0, 1'000'000),
                                      Field{.name = "equals", .type = FieldType::Scalar},
                                      text("matches", or_variable<check_pattern>)};
constexpr Schema kGetExpect{"get expectation", kGetExpectFields, check_get_expect};
constexpr std::array kGetFields{text("kind", check_not_empty).required(),
                                text("namespace", or_variable<check_dns_label>),
                                text("name", check_not_empty),
                                text("selector", check_selector),
                                text("pointer", or_variable<check_pointer>),
                                object("expect", kGetExpect).required()};
void check_get(const Place& place, Findings& findings) {
  const Place selector = place.field("selector");
  if (selector && place.field("name")) {
    findings.error(selector, "a get has a name or a selector, not both");
  }
}

constexpr std::array kResyncExpectFields{number_or_variable("mended", 0, 1'000'000)};
constexpr Schema kResyncExpect{"resync expectation", kResyncExpectFields};
constexpr std::array kResyncFields{object("expect", kResyncExpect)};

constexpr std::array kMatrixExpectFields{any("outcome")};
constexpr Schema kMatrixExpect{"matrix expectation", kMatrixExpectFields, check_expect};
constexpr std::array kMatrixFields{text("proto").one_of_or_variable(kProbeProtocols),
                                   number_or_variable("port", 0, 65535),
                                   texts("from", check_vantage),
                                   texts("to", check_vantage),
                                   duration("timeout"),
                                   object("expect", kMatrixExpect)};

}  // namespace

std::optional<Complaint> check_reference_or_path(std::string_view text) {
  return is_path(text) ? std::nullopt : check_reference(text);
}

constexpr Schema kHttpRequest{"http request", kHttpFields};
constexpr Schema kProbeVerb{"probe", kProbeFields, check_probe_verb};
constexpr Schema kListedProbe{"probe", kListedProbeFields, check_probe_verb};
constexpr Schema kExec{"exec", kExecFields};
constexpr Schema kWait{"wait", kWaitFields, check_wait};
constexpr Schema kScale{"scale", kScaleFields, check_scale};
constexpr Schema kLabel{"label", kLabelFields, check_label};
constexpr Schema kMatrix{"matrix", kMatrixFields};
constexpr Schema kPatch{"patch", kPatchFields, check_patch};
constexpr Schema kApply{"apply", kApplyFields, check_apply};
constexpr Schema kGet{"get", kGetFields, check_get};
constexpr Schema kResync{"resync", kResyncFields};

}  // namespace labctl::manifest
