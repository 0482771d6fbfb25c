#pragma once

// The schemas of what the verbs of a Scenario's step say, shared by the steps of scenarios and by lists of
// probes, and the checks of the texts they are made of.

#include "topology/manifest/kinds/schema.hpp"

#include <array>

namespace labctl::manifest {

inline bool has_variable(std::string_view text) { return text.find("${") != std::string_view::npos; }

// A check that a text with a variable in it passes: it is made when the variable is filled in.
template <TextCheck Check>
std::optional<Complaint> or_variable(std::string_view text) {
  return has_variable(text) ? std::nullopt : Check(text);
}
std::optional<Complaint> only_variable(std::string_view text);

constexpr Field number_or_variable(std::string_view name, std::int64_t min, std::int64_t max) {
  return {.name = name, .type = FieldType::IntOrString, .check = only_variable, .min = min, .max = max};
}
constexpr Field duration(std::string_view name) { return text(name, or_variable<check_duration>); }

// An object: kind, namespace if the kind has one, name. Or a path of manifests,
// which ends in .yaml, .yml, .json or /.
std::optional<Complaint> check_reference_or_path(std::string_view text);

// Where a probe or command starts: a namespace of the lab.
std::optional<Complaint> check_vantage(std::string_view text);
// What a probe is to reach.
std::optional<Complaint> check_target(std::string_view text);
inline constexpr std::array<std::string_view, 7> kProbeProtocols{"icmp", "tcp",  "udp",  "sctp",
                                                                 "dns",  "http", "https"};

// Whether each flow of the steps is started once and stopped later (flow_schema.cpp).
void check_flows(const Place& steps, Findings& findings);

extern const Schema kHttpRequest;
extern const Schema kFlow;
// `place` is a text or a list of texts.
void check_text_or_texts(const Place& place, TextCheck check, Findings& findings);

extern const Schema kProbeVerb;
extern const Schema kListedProbe;  // with a name, within and for of its own
extern const Schema kExec;
extern const Schema kWait;
extern const Schema kScale;
extern const Schema kLabel;
extern const Schema kMatrix;
extern const Schema kPatch;
extern const Schema kApply;  // as a mapping; a text or a list of them is its files
extern const Schema kGet;
extern const Schema kResync;

}  // namespace labctl::manifest
