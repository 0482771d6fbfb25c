#include "topology/manifest/host_program_check.hpp"

#include "topology/manifest/yaml/tree_values.hpp"
#include "topology/model/well_known.hpp"

#include <array>
#include <string_view>
#include <utility>

namespace labctl::manifest {
namespace {

constexpr std::string_view kShellPath = "/shell";
constexpr std::array<const char*, 3> kProbesOfContainer{"startupProbe", "readinessProbe", "livenessProbe"};
constexpr std::array<const char*, 2> kHooksOfContainer{"postStart", "preStop"};

// "hostPrograms: none", or the flag in its place.
std::string who_says(const HostProgramRules& rules) {
  return (rules.is_asked ? "--host-programs " : "hostPrograms: ") +
         std::string(model::to_string(rules.policy.which));
}

// Of one pod's containers.
class PodCheck {
 public:
  PodCheck(const HostProgramRules& rules, bool is_of_job, Findings& findings)
      : rules_(rules), is_of_job_(is_of_job), findings_(findings) {}

  void run(const Place& spec) {
    const Place inits = spec.field("initContainers");
    for (std::size_t i = 0; i < inits.size(); ++i) {
      const Place container = inits.item(i);
      check(container, container.field("restartPolicy").text() != "Always");
    }
    const Place containers = spec.field("containers");
    for (std::size_t i = 0; i < containers.size(); ++i) {
      const Place container = containers.item(i);
      check(container, is_of_job_);
    }
  }

 private:
  // `ends`: stood in for, it succeeds at once, and has no probes and hooks.
  void check(const Place& container, bool ends) {
    const std::string_view image = container.field("image").text();
    const Place own_command = container.field("command");
    const std::vector<std::string> command = texts_at(own_command);
    const model::ImageRule* rule = model::rule_for(rules_.policy.images, image);
    const bool is_host = image == model::kHostImage;
    const bool runs_root = !is_host && rule != nullptr && (!rule->root.empty() || !rule->archive.empty());
    if (is_host) {
      say(container.field("image"), "image: host", command);
    } else if (rule != nullptr && !runs_root && !command.empty() &&
               rules_.policy.which == model::HostPrograms::Listed) {
      refuse(own_command, command);  // in place of the one that is listed
    }
    const bool stands_in = is_stood_in_for(rules_, image);
    if (stands_in) {
      tell_of_command(container);
    }
    if ((ends && stands_in) || !rules_.policy.runs_execs_of(image)) {
      return;
    }
    for (const char* name : kProbesOfContainer) {
      check_action(container.field(name), name, image, runs_root);
    }
    const Place lifecycle = container.field("lifecycle");
    for (const char* name : kHooksOfContainer) {
      check_action(lifecycle.field(name), name, image, runs_root);
    }
  }

  void tell_of_command(const Place& container) {
    const Place command = container.field("command");
    const Place dropped = command.size() > 0 ? command : container.field("args");
    if (rules_.tells && dropped.size() > 0) {
      findings_.repeated(
          dropped, {"command of a stand-in", "is not run: the image is stood in for",
                    "images: [{match: IMAGE, archive: FILE}] in the Cluster runs an image", false, false});
    }
  }

  void check_action(const Place& action, const char* name, std::string_view image, bool runs_root) {
    if (!action) {
      return;
    }
    const Place exec = action.field("exec");
    if (exec && !(runs_root && rules_.policy.may_run_roots())) {
      say(exec, name, texts_at(exec.field("command")));
    }
    const Place http = action.field("httpGet");
    const Place path = http.field("path");
    if (path && model::is_agnhost(image) && path.text().starts_with(kShellPath)) {
      say(path, name, {model::kShell});
    }
  }

  bool refuse(const Place& place, const std::vector<std::string>& command) {
    const auto complaint = check_host_program(rules_, command);
    if (complaint) {
      findings_.error(place, complaint->message, complaint->hint);
    }
    return complaint.has_value();
  }

  void say(const Place& place, const char* subject, const std::vector<std::string>& command) {
    if (!refuse(place, command) && rules_.tells) {
      findings_.repeated(place, {std::string("host program ") + subject,
                                 kRunsHostProgram,
                                 {},
                                 false,
                                 false,
                                 Topic::HostProgram,
                                 subject});
    }
  }

  const HostProgramRules& rules_;
  const bool is_of_job_;
  Findings& findings_;
};

// An export of a running lab has them; whether they are, the kubelet looks.
bool is_dns_of_lab(const Record& record) {
  return record.ns == model::kSystemNamespace && record.name.starts_with(model::kDnsService);
}

void check_cluster(const Place& spec, const HostProgramRules& rules, Findings& findings) {
  const Place images = spec.field("images");
  const auto complaint = check_image_rules(rules);
  for (std::size_t i = 0; i < images.size(); ++i) {
    const Place image = images.item(i);
    if (image.field("archive")) {
      continue;
    }
    if (complaint) {
      findings.error(image, complaint->message, complaint->hint);
    } else if (rules.tells) {
      findings.repeated(
          image, {"host program images", kRunsHostProgram, {}, false, false, Topic::HostProgram, "images"});
    }
  }
}

}  // namespace

HostProgramRules host_program_rules(model::HostProgramPolicy policy, std::optional<model::HostPrograms> asked,
                                    bool tells) {
  policy.which = asked.value_or(policy.which);
  return {std::move(policy), asked.has_value(), tells, false};
}

bool is_stood_in_for(const HostProgramRules& rules, std::string_view image) {
  return image != model::kHostImage && model::rule_for(rules.policy.images, image) == nullptr &&
         !model::is_agnhost(image);
}

std::optional<Complaint> check_host_program(const HostProgramRules& rules,
                                            const std::vector<std::string>& command) {
  if (rules.policy.may_run(command)) {
    return std::nullopt;
  }
  if (rules.policy.which == model::HostPrograms::None || command.empty()) {
    return Complaint{std::string(kRunsHostProgram) + ", which " + who_says(rules) + " forbids",
                     "an image that is not mapped is stood in for, and runs nothing"};
  }
  return Complaint{"runs " + in_quotes(command.front()) + " of this host, which the Cluster does not list (" +
                       who_says(rules) + ")",
                   "as in allowedHostPrograms: [" + command.front() + "] in the Cluster"};
}

std::optional<Complaint> check_image_rules(const HostProgramRules& rules) {
  if (rules.policy.which != model::HostPrograms::None) {
    return std::nullopt;
  }
  return check_host_program(rules, {});
}

void check_host_programs(const std::vector<Record>& records, const HostProgramRules& rules,
                         Findings& findings) {
  if (rules.policy.which == model::HostPrograms::All && !rules.tells) {
    return;
  }
  for (const Record& record : records) {
    const Place spec = record.place.field("spec");
    if (!record.is_sound || !spec || (rules.is_running_lab && is_dns_of_lab(record))) {
      continue;
    }
    if (record.kind->schema == &kCluster) {
      check_cluster(spec, rules, findings);
    } else {
      const bool is_of_job = record.kind->schema == &kJob || record.kind->schema == &kCronJob;
      with_pod_spec(record, [&](const Place& pod) { PodCheck(rules, is_of_job, findings).run(pod); });
    }
  }
}

}  // namespace labctl::manifest
