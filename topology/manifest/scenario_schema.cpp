// labctl.dev/v1alpha1 Scenario and Probe: the steps, their verbs and what each may say (design §4).
//
// A text that holds "${" is a place for a variable: its format is checked when it is filled in.

#include "topology/manifest/cluster_reader.hpp"
#include "topology/manifest/kinds.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <vector>

namespace labctl::manifest {
namespace {

bool has_variable(std::string_view text) { return text.find("${") != std::string_view::npos; }

template <TextCheck Check>
std::optional<Complaint> or_variable(std::string_view text) {
  return has_variable(text) ? std::nullopt : Check(text);
}

std::optional<Complaint> only_variable(std::string_view text) {
  return has_variable(text)
             ? std::nullopt
             : std::optional<Complaint>({"must be a whole number, got the text " + in_quotes(text), {}});
}

constexpr Field number(std::string_view name, std::int64_t min, std::int64_t max) {
  return {.name = name, .type = FieldType::IntOrString, .check = only_variable, .min = min, .max = max};
}
constexpr Field duration(std::string_view name) { return text(name, or_variable<check_duration>); }

std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> parts;
  for (size_t slash; (slash = text.find('/')) != std::string_view::npos; text.remove_prefix(slash + 1)) {
    parts.push_back(text.substr(0, slash));
  }
  parts.push_back(text);
  return parts;
}

bool is_name(std::string_view text) { return !check_dns_subdomain(text); }

// Where a probe or command starts: a namespace of the lab.
std::optional<Complaint> check_vantage(std::string_view text) {
  if (has_variable(text)) {
    return std::nullopt;
  }
  const auto parts = split(text);
  if ((parts.size() == 3 && parts[0] == "pod" && is_name(parts[1]) && is_name(parts[2])) ||
      (parts.size() == 2 && (parts[0] == "node" || parts[0] == "outside") && is_name(parts[1]))) {
    return std::nullopt;
  }
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

std::optional<Complaint> check_reference_or_path(std::string_view text) {
  return is_path(text) ? std::nullopt : check_reference(text);
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
  for (const std::string_view start : {"pod/", "node/", "outside/"}) {
    if (text.starts_with(start)) {
      return check_vantage(text.substr(0, text.find(':')));
    }
  }
  if (text.starts_with("svc/") && split(text).size() != 3) {
    return Complaint{"must be svc/NAMESPACE/NAME:PORT, got " + in_quotes(text), {}};
  }
  return std::nullopt;
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

constexpr std::array kProbeExpectFields{
    any("outcome"),
    texts("backends", check_vantage),
    text("source"),
    number("status", 100, 599),
    object("body", kTextMatch),
    texts("answers"),
};
constexpr Schema kProbeExpect{"probe expectation", kProbeExpectFields, check_expect};

// ---- Verbs --------------------------------------------------------------------------------------
constexpr std::array<std::string_view, 7> kProbeProtocols{"icmp", "tcp",  "udp",  "sctp",
                                                          "dns",  "http", "https"};

constexpr std::array kHttpFields{text("method"), text("path"), text("host"), string_map("headers"),
                                 text("body")};
constexpr Schema kHttp{"http request", kHttpFields};
constexpr std::array kDnsFields{text("name").required(), text("type"), text("server", or_variable<check_ip>)};
constexpr Schema kDns{"dns question", kDnsFields};

#define LABCTL_PROBE_FIELDS                                                                    \
  text("from", check_vantage).required(), text("to", check_target).required(),                 \
      text("proto").one_of(kProbeProtocols), number("count", 1, 100'000), duration("timeout"), \
      number("sourcePort", 1, 65535), object("http", kHttp), object("dns", kDns),              \
      object("expect", kProbeExpect)

constexpr std::array kProbeFields{LABCTL_PROBE_FIELDS};
constexpr Schema kProbeVerb{"probe", kProbeFields};
constexpr std::array kListedProbeFields{text("name", check_not_empty), duration("within"), duration("for"),
                                        LABCTL_PROBE_FIELDS};
constexpr Schema kListedProbe{"probe", kListedProbeFields};
#undef LABCTL_PROBE_FIELDS

constexpr std::array kExecExpectFields{number("code", 0, 255), object("stdout", kTextMatch),
                                       object("stderr", kTextMatch)};
constexpr Schema kExecExpect{"exec expectation", kExecExpectFields};
constexpr std::array kExecFields{text("in", check_vantage).required(),
                                 text("container", or_variable<check_dns_label>),
                                 texts("command").required().not_empty(),
                                 string_map("env", check_env_name),
                                 duration("timeout"),
                                 object("expect", kExecExpect)};
constexpr Schema kExec{"exec", kExecFields};

constexpr std::array kWaitFields{text("for", check_reference).required(), text("condition", check_not_empty),
                                 text("pointer", check_pointer),
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
constexpr Schema kWait{"wait", kWaitFields, check_wait};

constexpr std::array kScaleFields{text("ref", check_reference).required(),
                                  number("replicas", 0, std::numeric_limits<std::int32_t>::max()).required()};
void check_scale(const Place& place, Findings& findings) {
  const Place ref = place.field("ref");
  const std::string_view kind = ref.text().substr(0, ref.text().find('/'));
  if (!has_variable(kind) && kind != "deployment" && kind != "replicaset" && kind != "statefulset") {
    findings.error(ref,
                   "only a deployment, replicaset or statefulset has replicas, got " + in_quotes(ref.text()));
  }
}
constexpr Schema kScale{"scale", kScaleFields, check_scale};

constexpr std::array kLabelFields{text("ref", check_reference).required(),
                                  string_map("labels", check_label_key, or_variable<check_label_value>),
                                  texts("remove", check_label_key)};
void check_label(const Place& place, Findings& findings) {
  if (!place.field("labels") && !place.field("remove")) {
    findings.error(place, "a label step needs labels to set or keys to remove",
                   "as in {ref: pod/default/web-0, labels: {ready: \"yes\"}}");
  }
}
constexpr Schema kLabel{"label", kLabelFields, check_label};

constexpr std::array kMatrixExpectFields{any("outcome")};
constexpr Schema kMatrixExpect{"matrix expectation", kMatrixExpectFields, check_expect};
constexpr std::array kMatrixFields{text("proto").one_of(kProbeProtocols),
                                   number("port", 0, 65535),
                                   texts("from", check_vantage),
                                   texts("to", check_vantage),
                                   duration("timeout"),
                                   object("expect", kMatrixExpect)};
constexpr Schema kMatrix{"matrix", kMatrixFields};

// ---- Steps --------------------------------------------------------------------------------------
constexpr std::array<std::string_view, 8> kVerbs{"probe",  "exec",  "wait",  "apply",
                                                 "delete", "scale", "label", "matrix"};
constexpr std::array<std::string_view, 3> kVerbsForLater{"fault", "heal", "flow"};
constexpr std::array<std::string_view, 3> kAsserting{"probe", "exec", "matrix"};

constexpr std::array kStepFields{
    text("name", check_not_empty).required(),
    text("explain"),
    object("probe", kProbeVerb),
    object("exec", kExec),
    object("wait", kWait),
    any("apply"),
    any("delete"),
    object("scale", kScale),
    object("label", kLabel),
    object("matrix", kMatrix),
    any("fault"),
    any("heal"),
    any("flow"),
    any("sleep"),
    duration("within"),
    duration("for"),
    any("cases"),
};

// `place` is a text or a list of texts.
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

void check_cases(const Place& cases, Findings& findings) {
  if (!cases.node->is_sequence()) {
    return findings.error(cases, "must be a list of mappings, got " + description(*cases.node));
  }
  for (size_t i = 0; i < cases.size(); ++i) {
    const Place one = cases.item(i);
    if (!one || !one.node->is_mapping()) {
      findings.error(
          one,
          "must be a mapping of variables, got " + (one ? description(*one.node) : std::string("nothing")),
          "as in {from: pod/default/a, outcome: ok}, for ${from} and ${outcome} in the step");
    }
  }
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) {
    out += (out.empty() ? "" : " and ") + word;
  }
  return out;
}

void check_verbs(const Place& step, Findings& findings) {
  std::vector<std::string> said;
  for (const std::string_view verb : kVerbs) {
    if (step.field(verb)) {
      said.emplace_back(verb);
    }
  }
  for (const std::string_view verb : kVerbsForLater) {
    if (const Place place = step.field(verb)) {
      findings.error(place, "the verb " + std::string(verb) + " is not supported yet",
                     "use " + either({kVerbs.begin(), kVerbs.end()}));
      return;
    }
  }
  if (const Place sleep = step.field("sleep")) {
    return findings.error(sleep, "sleep is not a verb: a step waits for a condition, never for a time",
                          "use wait, or within: 5s on an assertion");
  }
  if (said.size() != 1) {
    findings.error(step, said.empty() ? "a step needs a verb" : "a step has one verb, got " + joined(said),
                   said.empty() ? "one of " + either({kVerbs.begin(), kVerbs.end()}) : "make a step of each");
    return;
  }
  const bool asserts = std::find(kAsserting.begin(), kAsserting.end(), said.front()) != kAsserting.end();
  for (const std::string_view timing : {"within", "for"}) {
    const Place place = step.field(timing);
    if (place && !asserts) {
      findings.error(
          place,
          std::string(timing) + " belongs to an assertion (probe, exec, matrix), not to " + said.front(),
          said.front() == "wait" ? "use wait.timeout" : "add a wait step behind this one");
    }
  }
}

void check_step(const Place& step, Findings& findings) {
  check_verbs(step, findings);
  if (const Place paths = step.field("apply")) {
    check_text_or_texts(paths, check_not_empty, findings);
  }
  if (const Place references = step.field("delete")) {
    check_text_or_texts(references, check_reference_or_path, findings);
  }
  if (const Place cases = step.field("cases")) {
    check_cases(cases, findings);
  }
}
constexpr Schema kStep{"step", kStepFields, check_step};

// ---- Scenario -----------------------------------------------------------------------------------
constexpr std::array kScenarioSpecFields{
    any("cluster"),
    texts("apply", check_not_empty),
    texts("needs", check_not_empty),
    any("vars"),
    list("steps", kStep).required().not_empty(),
    text("description"),
};

void check_scenario_spec(const Place& spec, Findings& findings) {
  const Place cluster = spec.field("cluster");
  if (cluster && cluster.node->is_mapping()) {
    const size_t before = findings.errors();
    check_schema(cluster, kClusterSpec, findings);
    if (findings.errors() == before) {
      read_cluster(cluster, "lab", findings);
    }
  } else if (cluster && !cluster.node->is_string()) {
    findings.error(cluster,
                   "must be the spec of a Cluster or a path to one, got " + description(*cluster.node),
                   "as in cluster: {nodes: 2}");
  }
  const Place vars = spec.field("vars");
  if (vars && !vars.node->is_mapping()) {
    findings.error(vars, "must be a mapping of variables, got " + description(*vars.node),
                   "as in vars: {count: 100}");
  } else if (vars) {
    for (const YamlEntry& entry : vars.node->entries) {
      const Place value = vars.field(entry.key);
      if (value && (value.node->is_mapping() || value.node->is_sequence())) {
        findings.error(value, "a variable is a text, a number or a boolean, got " + description(*value.node));
      }
    }
  }
  std::map<std::string, int, std::less<>> names;
  const Place steps = spec.field("steps");
  for (size_t i = 0; i < steps.size(); ++i) {
    const Place step = steps.item(i);
    const Place name = step.field("name");
    if (const auto [first, is_new] = names.emplace(name.text(), name.mark.line); !is_new) {
      findings.error(
          name, "a second step named " + in_quotes(name.text()),
          "the first is on line " + std::to_string(first->second) + "; reports need a name for each");
    }
  }
}
constexpr Schema kScenarioSpec{"Scenario spec", kScenarioSpecFields, check_scenario_spec};
constexpr std::array kScenarioFields{
    text("apiVersion"),
    text("kind"),
    object("metadata", kMetadata).required(),
    object("spec", kScenarioSpec).required(),
    reserved("status"),
};

constexpr std::array kProbeSpecFields{list("probes", kListedProbe).required().not_empty()};
constexpr Schema kProbeSpec{"Probe spec", kProbeSpecFields};
constexpr std::array kProbeObjectFields{
    text("apiVersion"),
    text("kind"),
    object("metadata", kMetadata).required(),
    object("spec", kProbeSpec).required(),
    reserved("status"),
};

}  // namespace

constexpr Schema kScenario{"Scenario", kScenarioFields};
constexpr Schema kProbe{"Probe", kProbeObjectFields};

}  // namespace labctl::manifest
