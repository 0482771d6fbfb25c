#include "tests/unit/topology/manifest/api_table.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <map>
#include <set>
#include <sstream>

namespace labctl::manifest {
namespace {

using nlohmann::json;
using TextRule = bool (*)(const std::string&);

bool is_alnum(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; }

bool is_label(const std::string& text) {
  return !text.empty() && text.size() <= 63 && text.front() != '-' && text.back() != '-' &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return c == '-' || (is_alnum(c) && !std::isupper(static_cast<unsigned char>(c)));
         });
}

bool is_subdomain(const std::string& text) {
  std::istringstream parts(text + ".");
  bool fits = !text.empty() && text.size() <= 253 && text.back() != '.';
  for (std::string part; std::getline(parts, part, '.');) {
    fits = fits && is_label(part);
  }
  return fits;
}

bool is_qualified_part(const std::string& text) {
  return !text.empty() && text.size() <= 63 && is_alnum(text.front()) && is_alnum(text.back()) &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return is_alnum(c) || c == '-' || c == '_' || c == '.'; });
}

bool is_label_value(const std::string& text) { return text.empty() || is_qualified_part(text); }

bool is_qualified(const std::string& text) {
  const std::size_t slash = text.find('/');
  return slash == std::string::npos
             ? is_qualified_part(text)
             : is_subdomain(text.substr(0, slash)) && is_qualified_part(text.substr(slash + 1));
}

bool is_port_name(const std::string& text) {
  return text.size() <= 15 && is_label(text) && text.find("--") == std::string::npos &&
         std::any_of(text.begin(), text.end(),
                     [](char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0; });
}

// Relaxed since 1.34: printable ASCII without "=".
bool is_env_name(const std::string& text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~' && c != '='; });
}

bool is_config_key(const std::string& text) {
  return !text.empty() && text.size() <= 253 && text != "." && text != ".." &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return is_alnum(c) || c == '-' || c == '_' || c == '.'; });
}

bool is_base64(const std::string& text) {
  return text.size() % 4 == 0 && std::all_of(text.begin(), text.end(), [](char c) {
           return is_alnum(c) || c == '+' || c == '/' || c == '=';
         });
}

bool is_cron(const std::string& text) {
  return std::count(text.begin(), text.end(), ' ') == 4 || text.starts_with('@');
}
bool is_address(const std::string& text) {
  return text == "None" || text == "10.96.3.4";
}  // those that occur
bool is_filled(const std::string& text) { return !text.empty(); }

// Number and suffix: what of each a Quantity may have. Negative ones are no amounts of resources.
bool is_amount(const std::string& text) {
  static const std::set<std::string> kSuffixes{"",  "m",  "u",  "n",  "k",  "M",  "G",  "T", "P",
                                               "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei", "e3"};
  const std::size_t end = text.find_first_not_of("0123456789.");
  return !text.empty() && end != 0 && kSuffixes.contains(end == std::string::npos ? "" : text.substr(end));
}

// s text, i whole number, b truth, o mapping, l list, m mapping of texts, x number or text, a anything, q quantities.
struct Row {
  const char* path;
  char type;
  bool is_required = false;
  TextRule rule = nullptr;           // of texts, of the values of a mapping
  std::vector<std::string> words{};  // the only ones; "" is as if left out
  double min = -2147483648.0;
  double max = 2147483647.0;
  TextRule key_rule = nullptr;
};

const std::vector<Row> kMetadataRows{
    {"metadata", 'o', true},
    {"metadata.name", 's', true, is_subdomain},
    {"metadata.namespace", 's', false, is_label},
    {"metadata.labels", 'm', false, is_label_value, {}, 0, 0, is_qualified},
    {"metadata.annotations", 'm', false, nullptr, {}, 0, 0, is_qualified},
    {"metadata.creationTimestamp", 's'},
    {"metadata.uid", 's'},
    {"metadata.resourceVersion", 's'},
    {"metadata.generation", 'i'},
    {"metadata.managedFields", 'l'},
    {"metadata.managedFields[]", 'a'},
    {"metadata.finalizers", 'l'},
    {"apiVersion", 's'},
    {"kind", 's'},
};

const std::vector<Row> kPodSpecRows{
    {"containers", 'l', true},
    {"containers[]", 'o'},
    {"containers[].name", 's', true, is_label},
    {"containers[].image", 's', true, is_filled},
    {"containers[].command", 'l'},
    {"containers[].command[]", 's'},
    {"containers[].args", 'l'},
    {"containers[].args[]", 's'},
    {"containers[].ports", 'l'},
    {"containers[].ports[]", 'o'},
    {"containers[].ports[].name", 's', false, is_port_name},
    {"containers[].ports[].containerPort", 'i', true, nullptr, {}, 1, 65535},
    {"containers[].ports[].protocol", 's', false, nullptr, {"TCP", "UDP", "SCTP"}},
    {"containers[].env", 'l'},
    {"containers[].env[]", 'o'},
    {"containers[].env[].name", 's', true, is_env_name},
    {"containers[].env[].value", 's'},
    {"containers[].resources", 'o'},
    {"containers[].resources.requests", 'q'},
    {"containers[].resources.limits", 'q'},
    {"containers[].readinessProbe", 'o'},
    {"containers[].readinessProbe.periodSeconds", 'i', false, nullptr, {}, 0},
    {"containers[].readinessProbe.httpGet", 'o'},
    {"containers[].readinessProbe.httpGet.path", 's'},
    {"containers[].readinessProbe.httpGet.port", 'x', true, is_port_name, {}, 1, 65535},
    {"containers[].readinessProbe.tcpSocket", 'o'},
    {"containers[].readinessProbe.tcpSocket.port", 'x', true, is_port_name, {}, 1, 65535},
    {"containers[].volumeMounts", 'l'},
    {"containers[].volumeMounts[]", 'o'},
    {"containers[].volumeMounts[].name", 's', true},
    {"containers[].volumeMounts[].mountPath", 's', true},
    {"containers[].volumeMounts[].readOnly", 'b'},
    {"volumes", 'l'},
    {"volumes[]", 'o'},
    {"volumes[].name", 's', true, is_label},
    {"volumes[].emptyDir", 'o'},
    {"volumes[].configMap", 'o'},
    {"volumes[].configMap.name", 's'},
    {"volumes[].configMap.defaultMode", 'i', false, nullptr, {}, 0, 511},
    {"restartPolicy", 's', false, nullptr, {"Always", "OnFailure", "Never"}},
    {"dnsPolicy", 's', false, nullptr, {"ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"}},
    {"terminationGracePeriodSeconds", 'i', false, nullptr, {}, 0},
    {"hostNetwork", 'b'},
    {"nodeName", 's', false, is_subdomain},
    {"nodeSelector", 'm', false, is_label_value, {}, 0, 0, is_qualified},
    {"hostname", 's', false, is_label},
    {"securityContext", 'o'},
    {"tolerations", 'l'},
    {"tolerations[]", 'o'},
    {"tolerations[].operator", 's', false, nullptr, {"Exists", "Equal", "Lt", "Gt"}},
    {"tolerations[].value", 's'},
    {"tolerations[].key", 's'},
};

const std::vector<Row> kWorkloadRows{
    {"spec", 'o', true},
    {"spec.replicas", 'i', false, nullptr, {}, 0},
    {"spec.selector", 'o', true},
    {"spec.selector.matchLabels", 'm', false, is_label_value, {}, 0, 0, is_qualified},
    {"spec.template", 'o', true},
    {"spec.template.metadata", 'o'},
    {"spec.template.metadata.labels", 'm', false, is_label_value, {}, 0, 0, is_qualified},
    {"spec.template.spec", 'o', true},
    {"spec.minReadySeconds", 'i', false, nullptr, {}, 0},
    {"spec.revisionHistoryLimit", 'i', false, nullptr, {}, 0},
    {"status", 'a'},
};

const std::map<std::string, std::vector<Row>> kKindRows{
    {"Pod", {{"spec", 'o', true}, {"status", 'a'}}},
    {"Deployment", kWorkloadRows},
    {"StatefulSet", kWorkloadRows},
    {"DaemonSet", kWorkloadRows},
    {"CronJob",
     {{"spec", 'o', true},
      {"spec.schedule", 's', true, is_cron},
      {"spec.concurrencyPolicy", 's', false, nullptr, {"Allow", "Forbid", "Replace"}},
      {"spec.suspend", 'b'},
      {"spec.jobTemplate", 'o', true},
      {"spec.jobTemplate.spec", 'o', true},
      {"spec.jobTemplate.spec.backoffLimit", 'i', false, nullptr, {}, 0},
      {"spec.jobTemplate.spec.completions", 'i', false, nullptr, {}, 0},
      {"spec.jobTemplate.spec.template", 'o', true},
      {"spec.jobTemplate.spec.template.spec", 'o', true},
      {"status", 'a'}}},
    {"Service",
     {{"spec", 'o', true},
      {"spec.type", 's', false, nullptr, {"ClusterIP", "NodePort", "LoadBalancer", "ExternalName"}},
      {"spec.selector", 'm', false, is_label_value, {}, 0, 0, is_qualified},
      {"spec.ports", 'l', true},
      {"spec.ports[]", 'o'},
      {"spec.ports[].name", 's', false, is_label},
      {"spec.ports[].port", 'i', true, nullptr, {}, 1, 65535},
      {"spec.ports[].protocol", 's', false, nullptr, {"TCP", "UDP", "SCTP"}},
      {"spec.ports[].targetPort", 'x', false, is_port_name, {}, 0, 65535},
      {"spec.clusterIP", 's', false, is_address},
      {"spec.sessionAffinity", 's', false, nullptr, {"None", "ClientIP"}},
      {"spec.externalTrafficPolicy", 's', false, nullptr, {"Cluster", "Local"}},
      {"spec.publishNotReadyAddresses", 'b'},
      {"status", 'a'}}},
    {"ConfigMap", {{"data", 'm', false, nullptr, {}, 0, 0, is_config_key}, {"immutable", 'b'}}},
    {"Secret",
     {{"data", 'm', false, is_base64, {}, 0, 0, is_config_key},
      {"stringData", 'm', false, nullptr, {}, 0, 0, is_config_key},
      {"type", 's'},
      {"immutable", 'b'}}},
};

std::string pod_prefix(const std::string& kind) {
  static const std::map<std::string, std::string> kPrefixes{
      {"Pod", "spec."},
      {"CronJob", "spec.jobTemplate.spec.template.spec."},
      {"Deployment", "spec.template.spec."},
      {"StatefulSet", "spec.template.spec."},
      {"DaemonSet", "spec.template.spec."}};
  const auto found = kPrefixes.find(kind);
  return found == kPrefixes.end() ? "" : found->second;
}

class Walk {
 public:
  Walk(const std::string& kind, Judgement& out) : out_(out) {
    for (const auto* rows : {&kMetadataRows, &kKindRows.at(kind)}) {
      for (const Row& row : *rows) {
        if (kind == "DaemonSet" && std::string(row.path) == "spec.replicas") {
          continue;
        }
        rows_.emplace(row.path, &row);
      }
    }
    if (const std::string prefix = pod_prefix(kind); !prefix.empty()) {
      for (const Row& row : kPodSpecRows) {
        rows_.emplace(prefix + row.path, &row);
      }
    }
    for (const auto& [path, row] : rows_) {
      if (row->is_required) {
        const std::size_t dot = path.rfind('.');
        required_[dot == std::string::npos ? "" : path.substr(0, dot)].push_back(
            path.substr(dot == std::string::npos ? 0 : dot + 1));
      }
    }
  }

  void mapping(const json& value, const std::string& path) {
    for (const std::string& name : required_[path]) {
      if (!value.contains(name) || value[name].is_null()) {
        refuse(path + "." + name, "required");
      }
    }
    for (const auto& [key, member] : value.items()) {
      const std::string full = path.empty() ? key : path + "." + key;
      const auto row = rows_.find(full);
      if (row == rows_.end()) {
        out_.unknown.push_back(full);
      } else if (!member.is_null()) {
        check(member, full, *row->second);
      }
    }
  }

 private:
  void refuse(const std::string& path, const std::string& why) { out_.refusals.push_back(path + ": " + why); }

  void check(const json& value, const std::string& path, const Row& row) {
    switch (row.type) {
      case 's':
        return value.is_string() ? text(value, path, row) : refuse(path, "no text");
      case 'b':
        return value.is_boolean() ? void() : refuse(path, "no truth");
      case 'i':
        return value.is_number() && std::trunc(value.get<double>()) == value.get<double>()
                   ? number(value, path, row)
                   : refuse(path, "no whole number");
      case 'x':
        return value.is_string()           ? text(value, path, row)
               : value.is_number_integer() ? number(value, path, row)
                                           : refuse(path, "neither");
      case 'o':
        return value.is_object() ? mapping(value, path) : refuse(path, "no mapping");
      case 'l':
        return value.is_array() ? list(value, path) : refuse(path, "no list");
      case 'm':
        return value.is_object() ? texts(value, path, row) : refuse(path, "no mapping");
      case 'q':
        return value.is_object() ? amounts(value, path) : refuse(path, "no mapping");
      default:
        return;
    }
  }

  void text(const std::string& value, const std::string& path, const Row& row) {
    const bool is_unset = value.empty() && !row.is_required;
    if (!is_unset && row.rule != nullptr && !row.rule(value)) {
      refuse(path, "form");
    }
    if (!is_unset && !row.words.empty() &&
        std::find(row.words.begin(), row.words.end(), value) == row.words.end()) {
      refuse(path, "word");
    }
  }

  void number(double value, const std::string& path, const Row& row) {
    if (value < row.min || value > row.max) {
      refuse(path, "range");
    }
  }

  void list(const json& value, const std::string& path) {
    const auto row = rows_.find(path + "[]");
    if (value.empty() && rows_.at(path)->is_required) {
      refuse(path, "empty");
    }
    for (const json& item : value) {
      if (row != rows_.end()) {
        check(item, path + "[]", *row->second);
      }
    }
  }

  void texts(const json& value, const std::string& path, const Row& row) {
    for (const auto& [key, member] : value.items()) {
      if (row.key_rule != nullptr && !row.key_rule(key)) {
        refuse(path + "." + key, "key");
      }
      if (!member.is_null() && (!member.is_string() || (row.rule != nullptr && !row.rule(member)))) {
        refuse(path + "." + key, "value");
      }
    }
  }

  void amounts(const json& value, const std::string& path) {
    for (const auto& [key, member] : value.items()) {
      if (!is_amount(member.is_string() ? member.get<std::string>() : member.dump())) {
        refuse(path + "." + key, "quantity");
      }
    }
  }

  std::map<std::string, const Row*> rows_;
  std::map<std::string, std::vector<std::string>> required_;
  Judgement& out_;
};

// ---- Rules between fields -----------------------------------------------------------------------
void refuse_twice(const json& list, const std::string& path, Judgement& out) {
  std::set<std::string> names;
  for (const json& item : list) {
    const std::string name = item.value("name", "");
    if (!name.empty() && !names.insert(name).second) {
      out.refusals.push_back(path + ": twice " + name);
    }
  }
}

void check_pod(const json& spec, bool may_end, bool must_end, Judgement& out) {
  const std::string restart = spec.value("restartPolicy", "");
  if ((!may_end && !restart.empty() && restart != "Always") ||
      (must_end && (restart.empty() || restart == "Always"))) {
    out.refusals.push_back("restartPolicy: not of this kind");
  }
  const json volumes = spec.value("volumes", json::array());
  refuse_twice(volumes, "volumes", out);
  for (const json& container : spec["containers"]) {
    refuse_twice(container.value("ports", json::array()), "ports", out);
    for (const json& mount : container.value("volumeMounts", json::array())) {
      if (std::none_of(volumes.begin(), volumes.end(),
                       [&](const json& volume) { return volume["name"] == mount["name"]; })) {
        out.refusals.push_back("volumeMounts: of nothing");
      }
    }
    if (const auto probe = container.find("readinessProbe");
        probe != container.end() && probe->contains("httpGet") == probe->contains("tcpSocket")) {
      out.refusals.push_back("readinessProbe: one handler");
    }
    const json resources = container.value("resources", json::object());
    if (resources.value("/requests/cpu"_json_pointer, json()) == "2" &&
        resources.value("/limits/cpu"_json_pointer, json()) == "1") {
      out.refusals.push_back("resources: more than the limit");
    }
  }
  for (const json& toleration : spec.value("tolerations", json::array())) {
    if (toleration.value("operator", "") == "Exists" && !toleration.value("value", "").empty()) {
      out.refusals.push_back("tolerations: a value with Exists");
    }
  }
  if (spec.value("dnsPolicy", "") == "None") {
    out.refusals.push_back("dnsPolicy: no nameservers");
  }
}

void check_service(const json& spec, Judgement& out) {
  const json& ports = spec["ports"];
  refuse_twice(ports, "ports", out);
  if (ports.size() > 1 && std::any_of(ports.begin(), ports.end(),
                                      [](const json& port) { return port.value("name", "").empty(); })) {
    out.refusals.push_back("ports: without a name");
  }
  if (!spec.value("externalTrafficPolicy", "").empty() && spec.value("type", "ClusterIP") == "ClusterIP") {
    out.refusals.push_back("externalTrafficPolicy: of a ClusterIP");
  }
}

bool says_something(const json& value) {
  return value.is_structured() ? std::any_of(value.begin(), value.end(), says_something) : !value.is_null();
}

// Without what is null, as decoding has it.
json without_nulls(const json& value) {
  json out = value;
  if (value.is_object()) {
    out = json::object();
    for (const auto& [key, member] : value.items()) {
      if (!member.is_null()) {
        out[key] = without_nulls(member);
      }
    }
  } else if (value.is_array()) {
    out = json::array();
    for (const json& item : value) {
      out.push_back(without_nulls(item));
    }
  }
  return out;
}

}  // namespace

Judgement judge(const json& written) {
  const json object = without_nulls(written);
  const std::string kind = object["kind"];
  Judgement out;
  out.has_status = object.contains("status") && says_something(object["status"]);
  Walk(kind, out).mapping(written, "");  // an unknown field may be null
  const json name = object.value("/metadata/name"_json_pointer, json());
  if (kind == "Service" && name.is_string() && !is_label(name)) {
    out.refusals.push_back("metadata.name: no label");
  }
  if (!out.refusals.empty()) {
    return out;  // rules between fields are of fields that are sound
  }
  if (kind == "Service") {
    check_service(object["spec"], out);
  } else if (const std::string prefix = pod_prefix(kind); !prefix.empty()) {
    const json& spec = object["spec"];
    const bool is_job = kind == "CronJob";
    check_pod(kind == "Pod" ? spec
              : is_job      ? spec["jobTemplate"]["spec"]["template"]["spec"]
                            : spec["template"]["spec"],
              kind == "Pod" || is_job, is_job, out);
    if (kind != "Pod" && !is_job) {
      const json wanted = spec["selector"].value("matchLabels", json::object());
      const json labels = spec.value("/template/metadata/labels"_json_pointer, json::object());
      bool fits = true;
      for (const auto& [key, value] : wanted.items()) {
        fits = fits && labels.contains(key) && labels[key] == value;
      }
      if (wanted.empty() || !fits) {
        out.refusals.push_back("selector: not of the template");
      }
    }
  }
  return out;
}

}  // namespace labctl::manifest
