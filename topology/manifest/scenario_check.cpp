#include "topology/manifest/scenario_check.hpp"

#include "topology/manifest/yaml/tree_values.hpp"

#include <nlohmann/json.hpp>

#include <functional>
#include <string_view>
#include <vector>

namespace labctl::manifest {
namespace {

using Names = std::set<std::string, std::less<>>;
using OnVariable = std::function<void(const Place& text, std::string_view name)>;

void add_keys(const Place& place, Names& names) {
  if (place && place.node->is_mapping()) {
    for (const YamlEntry& entry : place.node->entries) {
      names.insert(entry.key);
    }
  }
}

// Calls `on_variable` for each ${name} in the texts of `place`, and complains of those without an end.
void each_variable(const Place& place, const OnVariable& on_variable, Findings& findings) {
  if (!place) {
    return;
  }
  for (const YamlEntry& entry : place.node->entries) {
    // Made here instead of looked up: a hostile mapping is as long as a file.
    const Place value{entry.value->is_null() ? nullptr : entry.value,
                      entry.value->mark,
                      entry.mark,
                      place.source,
                      &place,
                      entry.key,
                      -1};
    each_variable(value, on_variable, findings);
  }
  for (size_t i = 0; i < place.size(); ++i) {
    each_variable(place.item(i), on_variable, findings);
  }
  const std::string_view text = place.text();
  for (size_t begin = 0, read = 0; (begin = text.find("${", read)) != std::string_view::npos;) {
    if (begin > read && text[begin - 1] == '$') {
      read = begin + 2;  // $${ stands for itself
      continue;
    }
    const size_t end = text.find('}', begin);
    if (end == std::string_view::npos) {
      findings.error(place, "a variable without an end: " + in_quotes(text.substr(begin)),
                     "write it as ${name}, or $${ where ${ stands for itself");
      return;
    }
    on_variable(place, text.substr(begin + 2, end - begin - 2));
    read = end;
  }
}

std::string written(std::string_view name) { return "${" + std::string(name) + "}"; }

// Whether the text is a command's, where ${HOME} may be meant for a shell.
bool is_command(const Place& text) {
  for (const Place* place = &text; place != nullptr; place = place->parent) {
    if (place->key == "command") {
      return true;
    }
  }
  return false;
}

void unknown_variable(const Place& text, std::string_view name, const Names& known, Findings& findings) {
  const std::string near = nearest(name, {known.begin(), known.end()});
  const std::string setting = "set it under vars:, in cases:, or with --set " + std::string(name) + "=VALUE";
  findings.error(text, "no variable is called " + written(name),
                 name.empty()       ? "write it as ${name}"
                 : !near.empty()    ? "did you mean " + written(near) + "?"
                 : is_command(text) ? setting + "; a shell's own is written $" + written(name)
                                    : setting);
}

// The variables that every case has are known; one that only some have is a hole in the others.
class Step {
 public:
  Step(const Place& step, const Names& common, Findings& findings)
      : step_(step), cases_(step.field("cases")), known_(common), findings_(findings) {
    for (size_t i = 0; i < cases_.size(); ++i) {
      add_keys(cases_.item(i), of_cases_);
    }
  }

  // Returns the names that its texts use.
  Names check() {
    each_variable(
        step_,
        [&](const Place& text, std::string_view name) {
          const bool is_new = used_.emplace(name).second;
          if (known_.contains(name)) {
            return;
          }
          if (!of_cases_.contains(name)) {
            Names all = known_;
            all.insert(of_cases_.begin(), of_cases_.end());
            unknown_variable(text, name, all, findings_);
          } else if (is_new) {
            check_every_case_has(name);
          }
        },
        findings_);
    warn_of_unused();
    return std::move(used_);
  }

 private:
  void check_every_case_has(std::string_view name) {
    for (size_t i = 0; i < cases_.size(); ++i) {
      const Place one = cases_.item(i);
      if (one && one.node->is_mapping() && !one.field(name)) {
        findings_.error(one, "has no value for " + written(name) + ", which the step uses",
                        "add " + std::string(name) + ": VALUE, or a default under vars:");
      }
    }
  }

  void warn_of_unused() {
    const Place first = cases_.size() > 0 ? cases_.item(0) : Place{};
    for (const std::string& name : of_cases_) {
      const Place value = first.field(name);
      if (!used_.contains(name) && value) {
        findings_.warning(value, "no text of the step has " + written(name));
      }
    }
  }

  const Place& step_;
  Place cases_;
  Names known_;
  Names of_cases_;
  Names used_;
  Findings& findings_;
};

}  // namespace

void check_variables(const Place& scenario, const std::set<std::string>& set_names, Findings& findings) {
  const Place spec = scenario.field("spec");
  const Place vars = spec.field("vars");
  const Place steps = spec.field("steps");
  Names common(set_names.begin(), set_names.end());
  add_keys(vars, common);
  add_keys(spec.field("expand"), common);  // ${network} is what it is expanded to
  Names used;
  for (size_t i = 0; i < steps.size(); ++i) {
    const Place step = steps.item(i);
    if (step && step.node->is_mapping()) {
      used.merge(Step(step, common, findings).check());
    }
  }
  if (vars && vars.node->is_mapping()) {
    for (const YamlEntry& entry : vars.node->entries) {
      if (!used.contains(entry.key)) {
        findings.warning(vars.field(entry.key), "no step has " + written(entry.key));
      }
    }
  }
}

void keep_nulls_of_patches(const Place& scenario, nlohmann::json& object) {
  const Place spec = scenario.field("spec");
  const Place steps = spec.field("steps");
  for (size_t i = 0; i < steps.size(); ++i) {
    const Place step = steps.item(i);
    const Place patch = step.field("patch");
    if (const Place merge = patch.field("merge")) {
      object["spec"]["steps"][i]["patch"]["merge"] = to_json(*merge.node, Nulls::Keep);
    }
  }
}

}  // namespace labctl::manifest
