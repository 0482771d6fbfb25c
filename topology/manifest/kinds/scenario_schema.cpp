// labctl.dev/v1alpha1 Scenario and Probe: the steps, their verbs and what each may say.
//
// A text that holds "${" is a place for a variable: its format is checked when it is filled in.

#include "topology/manifest/kinds/cluster_reader.hpp"
#include "topology/manifest/kinds/kinds.hpp"
#include "topology/manifest/kinds/verb_schema.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <vector>

namespace labctl::manifest {
namespace {

// ---- Steps --------------------------------------------------------------------------------------
constexpr std::array<std::string_view, 12> kVerbs{"probe", "exec",  "wait",   "apply", "delete", "scale",
                                                  "label", "patch", "matrix", "get",   "resync", "flow"};
constexpr std::array<std::string_view, 2> kVerbsForLater{"fault", "heal"};
constexpr std::array<std::string_view, 4> kAsserting{"probe", "exec", "matrix", "get"};

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
    object("patch", kPatch),
    object("get", kGet),
    object("resync", kResync),
    object("matrix", kMatrix),
    object("flow", kFlow),
    any("fault"),
    any("heal"),
    any("sleep"),
    duration("within"),
    duration("for"),
    any("cases"),
};

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
  const Place flow = step.field("flow");
  for (const std::string_view timing : {"within", "for"}) {
    const Place place = step.field(timing);
    // The end of a flow says how long it goes on for what is expected of it.
    const bool bounds_a_flow = timing == "within" && flow.field("stop");
    if (place && !asserts && !bounds_a_flow) {
      findings.error(
          place,
          std::string(timing) + " belongs to an assertion (probe, exec, matrix, get), not to " + said.front(),
          said.front() == "wait" ? "use wait.timeout" : "add a wait step behind this one");
    }
  }
}

void check_step(const Place& step, Findings& findings) {
  check_verbs(step, findings);
  const Place paths = step.field("apply");
  if (paths && paths.node->is_mapping()) {
    check_schema(paths, kApply, findings);
  } else if (paths) {
    check_text_or_texts(paths, check_not_empty, findings);
  }
  if (const Place references = step.field("delete")) {
    check_text_or_texts(references, check_reference_or_path, findings);
  }
  if (const Place cases = step.field("cases")) {
    check_cases(cases, findings);
  }
}
constexpr Schema kStep{"step", kStepFields, nullptr, check_step};

// ---- Scenario -----------------------------------------------------------------------------------
// What a scenario cannot do without: a program of the host, or something its kernel has.
std::optional<Complaint> check_need(std::string_view text) {
  constexpr std::string_view kProgram = "program/", kKernel = "kernel/";
  constexpr std::array<std::string_view, 4> kFeatures{"ipv6", "sctp", "vxlan", "nftables"};
  if (text.starts_with(kProgram) && text.size() > kProgram.size() &&
      text.find('/', kProgram.size()) == std::string_view::npos) {
    return std::nullopt;
  }
  if (text.starts_with(kKernel)) {
    text.remove_prefix(kKernel.size());
    if (std::find(kFeatures.begin(), kFeatures.end(), text) != kFeatures.end()) {
      return std::nullopt;
    }
    return Complaint{"no kernel feature is called " + in_quotes(text),
                     "they are " + either({kFeatures.begin(), kFeatures.end()})};
  }
  return Complaint{"must be program/NAME or kernel/FEATURE, got " + in_quotes(text),
                   "as in [program/nginx, kernel/sctp]"};
}

constexpr std::array<std::string_view, 3> kFamilyWords{"IPv4", "IPv6", "dual"};
constexpr std::array kExpandFields{texts("families").one_of(kFamilyWords),
                                   texts("network").one_of(kNetworkModes),
                                   texts("dataplane").one_of(kDataplanes)};
constexpr Schema kExpand{"expansion", kExpandFields};

constexpr std::array kScenarioSpecFields{
    any("cluster"),
    object("expand", kExpand),
    texts("apply", check_not_empty),
    text("namespace", check_dns_label),
    texts("needs", check_need),
    duration("timeout"),
    boolean("wait"),
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
  check_flows(steps, findings);
  for (size_t i = 0; i < steps.size(); ++i) {
    const Place step = steps.item(i);
    const Place name = step.field("name");
    if (!name) {
      continue;
    }
    if (const auto [first, is_new] = names.emplace(name.text(), name.mark.line); !is_new) {
      findings.error(
          name, "a second step named " + in_quotes(name.text()),
          "the first is on line " + std::to_string(first->second) + "; reports need a name for each");
    }
  }
}
constexpr Schema kScenarioSpec{"Scenario spec", kScenarioSpecFields, nullptr, check_scenario_spec};
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
