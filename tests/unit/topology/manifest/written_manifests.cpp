#include "tests/unit/topology/manifest/written_manifests.hpp"

#include <algorithm>
#include <cctype>
#include <functional>
#include <set>
#include <utility>

namespace labctl::manifest {
namespace {

using nlohmann::json;

json meant_container(Dice& dice, const std::string& name) {
  json out{{"name", name},
           {"image", dice.pick<std::string>(
                         {"nginx", "registry.example/shop/web:1.2", "a/b@sha256:" + std::string(64, 'a')})}};
  if (dice.one_in(2)) {
    out["ports"] = json::array({{{"name", "http"}, {"containerPort", 8080}},
                                {{"name", "metrics"}, {"containerPort", 9090}, {"protocol", "TCP"}}});
  }
  if (dice.one_in(2)) {
    out["env"] =
        json::array({{{"name", "MODE"}, {"value", dice.pick<std::string>({"on", "1", "true", "a b", ""})}},
                     {{"name", "log.level"}, {"value", "line one\nline two\n"}}});
  }
  if (dice.one_in(2)) {
    out["resources"] = {
        {"requests", {{"cpu", dice.pick<std::string>({"100m", "0.5", "1"})}, {"memory", "64Mi"}}},
        {"limits", {{"cpu", "2"}, {"memory", "1Gi"}}}};
  }
  if (dice.one_in(3)) {
    out["args"] = json::array({"--config", "key: value # no comment", "*", "- x", "0123", "null"});
  }
  if (dice.one_in(3)) {
    out["readinessProbe"] = {{"httpGet", {{"path", "/"}, {"port", 8080}}}, {"periodSeconds", 5}};
  }
  return out;
}

json meant_pod_spec(Dice& dice) {
  json spec{{"containers", json::array({meant_container(dice, "main")})}};
  if (dice.one_in(3)) {
    spec["containers"].push_back(meant_container(dice, "sidecar"));
    spec["containers"][1].erase("ports");
  }
  if (dice.one_in(3)) {
    spec["volumes"] =
        json::array({{{"name", "config"}, {"configMap", {{"name", "settings"}, {"defaultMode", 420}}}}});
    spec["containers"][0]["volumeMounts"] =
        json::array({{{"name", "config"}, {"mountPath", "/etc/app"}, {"readOnly", true}}});
  }
  if (dice.one_in(3)) {
    spec["terminationGracePeriodSeconds"] = 30;
  }
  return spec;
}

json meant_labels() { return {{"app.kubernetes.io/name", "web"}, {"version", "1.0"}, {"enabled", "true"}}; }

json meant_workload(Dice& dice, const std::string& kind) {
  json out{{"apiVersion", "apps/v1"},
           {"kind", kind},
           {"spec",
            {{"selector", {{"matchLabels", meant_labels()}}},
             {"template", {{"metadata", {{"labels", meant_labels()}}}, {"spec", meant_pod_spec(dice)}}}}}};
  if (kind != "DaemonSet") {
    out["spec"]["replicas"] = dice.roll(4);
  }
  return out;
}

json other_object(Dice& dice) {
  switch (dice.roll(5)) {
    case 0:
      return {{"apiVersion", "v1"}, {"kind", "Pod"}, {"spec", meant_pod_spec(dice)}};
    case 1:
      return {{"apiVersion", "v1"},
              {"kind", "Service"},
              {"spec",
               {{"selector", meant_labels()},
                {"type", dice.pick<std::string>({"ClusterIP", "NodePort", "LoadBalancer"})},
                {"ports", json::array({{{"name", "http"},
                                        {"port", 80},
                                        {"targetPort", dice.one_in(2) ? json("http") : json(8080)}},
                                       {{"name", "dns"}, {"port", 53}, {"protocol", "UDP"}}})}}}};
    case 2:
      return {{"apiVersion", "v1"},
              {"kind", "ConfigMap"},
              {"data", {{"app.conf", "a = 1\n\tb = \"2\"\n\n# end\n"}, {"PORT", "8080"}, {"empty", ""}}}};
    case 3:
      return {{"apiVersion", "v1"},
              {"kind", "Secret"},
              {"type", "Opaque"},
              {"data", {{"password", "c2VjcmV0"}}},
              {"stringData", {{"user", "on"}}}};
    default:
      return {{"apiVersion", "batch/v1"},
              {"kind", "CronJob"},
              {"spec",
               {{"schedule", "*/5 * * * *"},
                {"jobTemplate",
                 {{"spec", {{"backoffLimit", 3}, {"template", {{"spec", meant_pod_spec(dice)}}}}}}}}}};
  }
}

json::json_pointer spec_pointer(const json& object) {
  const std::string kind = object["kind"];
  return json::json_pointer(kind == "Pod"       ? "/spec"
                            : kind == "CronJob" ? "/spec/jobTemplate/spec/template/spec"
                                                : "/spec/template/spec");
}

bool has_pods(const json& object) { return object.contains("spec") && object["kind"] != "Service"; }

// ---- Text ---------------------------------------------------------------------------------------
bool is_plain(const std::string& text) {
  static const std::set<std::string> kWords{"true", "false", "yes", "no",  "on", "off",
                                            "null", "y",     "n",   "nan", "inf"};
  std::string low;
  for (const char c : text) {
    low += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  const auto fits = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '/' || c == '-' || c == '.' || c == '_';
  };
  return !text.empty() && (std::isalpha(static_cast<unsigned char>(text[0])) || text[0] == '/') &&
         std::all_of(text.begin(), text.end(), fits) && !kWords.contains(low);
}

class Writer {
 public:
  explicit Writer(Dice& dice) : dice_(dice) {}

  void block(const json& value, std::size_t indent, std::string& out) {
    for (const auto& [key, member] : value.items()) {
      if (dice_.one_in(16)) {
        out += std::string(indent, ' ') +
               dice_.pick<std::string>(
                   {"# {{- if .Values.x }}", "#\ttab: here", "", "# Source: chart/templates/x.yaml"}) +
               "\n";
      }
      out += std::string(indent, ' ') + scalar(key) + ":";
      entry(key, member, indent, out);
    }
  }

 private:
  void entry(const std::string& key, const json& member, std::size_t indent, std::string& out) {
    if (key == "labels" && member == anchored_ && !anchored_.is_null() && dice_.one_in(2)) {
      out += " *same\n";
    } else if (member.is_structured() && !member.empty() && !dice_.one_in(8)) {
      if (key == "matchLabels" && anchored_.is_null() && member.is_object() && !dice_.one_in(3)) {
        out += " &same";
        anchored_ = member;
      }
      out += dice_.one_in(12) ? "   # below\n" : "\n";
      member.is_object() ? block(member, indent + 2, out)
                         : items(member, indent + (dice_.one_in(2) ? 0 : 2), out);
    } else if (member.is_string() && is_text_block(member)) {
      text_block(member, indent + 2, out);
    } else if (member.is_null() && dice_.one_in(3)) {
      out += "\n";
    } else {
      out += " " + (key == "defaultMode" && member.is_number() ? octal(member) : flow(member)) +
             (dice_.one_in(12) ? " \t# said" : "") + "\n";
    }
  }

  std::string octal(const json& mode) {
    const std::string plain = mode.dump();
    return mode == 420 ? dice_.pick<std::string>({"0644", "420", "0o644"}) : plain;
  }

  void items(const json& list, std::size_t indent, std::string& out) {
    for (const json& item : list) {
      if (item.is_object() && !item.empty() && !dice_.one_in(6)) {
        std::string lines;
        Writer inner(dice_);
        inner.plain_block(item, indent + 2, lines);
        lines[indent] = '-';
        out += lines;
      } else {
        out += std::string(indent, ' ') + "- " + flow(item) + "\n";
      }
    }
  }

  // Its first line is an entry, so that a dash can stand before it.
  void plain_block(const json& value, std::size_t indent, std::string& out) {
    for (const auto& [key, member] : value.items()) {
      out += std::string(indent, ' ') + scalar(key) + ":";
      entry(key, member, indent, out);
    }
  }

  bool is_text_block(const std::string& text) {
    return text.size() > 1 && text.find('\n') != std::string::npos && text[0] != ' ' && text[0] != '\n' &&
           text[text.size() - 2] != '\n' && !dice_.one_in(3);
  }

  static void text_block(const std::string& text, std::size_t indent, std::string& out) {
    const bool ends = text.back() == '\n';
    out += ends ? " |\n" : " |-\n";
    std::size_t from = 0;
    const std::size_t end = text.size() - (ends ? 1 : 0);
    while (from <= end) {
      const std::size_t to = std::min(text.find('\n', from), end);
      const std::string line = text.substr(from, to - from);
      out += (line.empty() ? "" : std::string(indent, ' ') + line) + "\n";
      from = to + 1;
    }
  }

  std::string scalar(const std::string& text) {
    if (is_plain(text) && !dice_.one_in(4)) {
      return text;
    }
    const bool is_simple =
        std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c != '\'' && c <= '~'; });
    return is_simple && dice_.one_in(2) ? "'" + text + "'" : json(text).dump();
  }

  std::string flow(const json& value) {
    if (value.is_string()) {
      return scalar(value);
    }
    if (value.is_null()) {
      return dice_.pick<std::string>({"null", "~", "Null"});
    }
    if (value.is_boolean() && dice_.one_in(4)) {
      return value.get<bool>() ? dice_.pick<std::string>({"yes", "True", "on"})
                               : dice_.pick<std::string>({"no", "False", "off"});
    }
    if (!value.is_structured()) {
      return value.dump();
    }
    if (dice_.one_in(2)) {
      return value.dump();
    }
    std::string out;
    for (const auto& [key, member] : value.items()) {
      out +=
          (out.empty() ? "" : ", ") + (value.is_object() ? scalar(key) + ": " : std::string()) + flow(member);
    }
    return value.is_object() ? "{" + out + "}" : "[" + out + "]";
  }

  Dice& dice_;
  json anchored_;
};

std::string with_line_ends(const std::string& text) {
  std::string out;
  for (const char c : text) {
    out += c == '\n' ? "\r\n" : std::string(1, c);
  }
  return out;
}

}  // namespace

std::size_t Dice::roll(std::size_t sides) {
  state_ += 0x9e3779b97f4a7c15U;
  std::uint64_t z = state_;
  z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
  return static_cast<std::size_t>((z ^ (z >> 31U)) % sides);
}

json meant_object(Dice& dice) {
  json object = dice.one_in(2)
                    ? meant_workload(dice, dice.pick<std::string>({"Deployment", "StatefulSet", "DaemonSet"}))
                    : other_object(dice);
  if (object["kind"] == "CronJob") {
    object[spec_pointer(object)]["restartPolicy"] = "OnFailure";
  }
  object["metadata"] = {
      {"name", dice.pick<std::string>({"web", "web-1", "shop-api-v2"})},
      {"labels", meant_labels()},
      {"annotations",
       {{"meta.helm.sh/release-name", "web"}, {"checksum/config", "0x1f"}, {"note", "a: b, \"c\"\n"}}}};
  return object;
}

void add_oddities(json& object, Dice& dice) {
  json& metadata = object["metadata"];
  if (dice.one_in(2)) {
    metadata["creationTimestamp"] = dice.one_in(2) ? json() : json("2025-01-31T10:00:00Z");
  }
  if (dice.one_in(4)) {
    metadata["uid"] = "5f0e5b1e-0000-4000-8000-000000000001";
    metadata["resourceVersion"] = "12345";
    metadata["generation"] = 2;
    metadata["managedFields"] = json::array({{{"manager", "kubectl"},
                                              {"operation", "Update"},
                                              {"fieldsV1", {{"f:spec", {{"f:replicas", json::object()}}}}}}});
  }
  if (has_pods(object)) {
    json& spec = object[spec_pointer(object)];
    if (dice.one_in(3)) {
      spec["nodeSelector"] = dice.one_in(2) ? json() : json::object();
      spec["hostname"] = "";
      spec["containers"][0]["command"] = json();
    }
    if (dice.one_in(3)) {
      spec["containers"][0]["resources"] = json::object();
      spec["securityContext"] = json::object();
    }
  }
  if (object["kind"] != "ConfigMap" && object["kind"] != "Secret" && dice.one_in(3)) {
    object["status"] = dice.one_in(3)
                           ? json{{"conditions", json::array({{{"type", "Ready"}, {"status", "True"}}})}}
                       : object["kind"] == "Service" ? json{{"loadBalancer", json::object()}}
                                                     : json::object();
  }
}

std::string written(const std::vector<json>& objects, Dice& dice) {
  std::string out;
  if (dice.one_in(8)) {
    const json list{
        {"apiVersion", "v1"}, {"kind", "List"}, {"metadata", {{"resourceVersion", ""}}}, {"items", objects}};
    return list.dump(dice.one_in(2) ? -1 : 4);
  }
  if (dice.one_in(6)) {
    Writer(dice).block({{"apiVersion", "v1"}, {"kind", "List"}, {"items", objects}}, 0, out);
    return out;
  }
  for (const json& object : objects) {
    out += dice.pick<std::string>(
        {"---\n", "--- # Source: web/templates/all.yaml\n", "\n---\n", "---\n---\n# empty\n---\n"});
    Writer(dice).block(object, 0, out);
    out += dice.one_in(6) ? "...\n" : "";
  }
  return dice.one_in(8) ? with_line_ends(out) : out;
}

// ---- Faults -------------------------------------------------------------------------------------
std::string add_fault(json& object, Dice& dice) {
  struct Fault {
    const char* pointer;
    json value;
  };
  static const std::vector<Fault> kOfAll{
      {"/metadata/name", "Web_1"},
      {"/metadata/name", json()},
      {"/metadata/name", 3},
      {"/metadata/labels/a", 1},
      {"/metadata/labels/a", "a b"},
      {"/metadata/labels/a", std::string(64, 'x')},
      {"/metadata/labels/a", std::string(63, 'x')},
      {"/metadata/labels/a", ""},
      {"/metadata/annotations/a", true},
      {"/metadata/annotations/a b", "x"},
      {"/metadata/annotations", json()},
      {"/metadata/lables", json::object()},
      {"/metadata", json()},
      {"/metadata/namespace", "Shop"},
      {"/metadata/finalizers", "x"},
  };
  static const std::vector<Fault> kOfPods{
      {"/containers", json()},
      {"/containers", json::array()},
      {"/containers/0/image", json()},
      {"/containers/0/image", ""},
      {"/containers/0/name", "Main"},
      {"/containers/0/ports", json::array({{{"containerPort", 70000}}})},
      {"/containers/0/ports", json::array({{{"containerPort", "80"}}})},
      {"/containers/0/ports",
       json::array({{{"name", "a"}, {"containerPort", 80}}, {{"name", "a"}, {"containerPort", 81}}})},
      {"/containers/0/ports", json::array({{{"containerPort", 80}, {"protocol", "tcp"}}})},
      {"/containers/0/ports", json::array({{{"containerPort", 80.5}}})},
      {"/containers/0/ports", json::array({{{"containerPort", 80.0}}})},
      {"/containers/0/env", json::array({{{"name", "A=B"}}})},
      {"/containers/0/env", json::array({{{"name", "A B"}, {"value", "x"}}})},
      {"/containers/0/env", json::array({{{"name", "A"}, {"value", 1}}})},
      {"/containers/0/env", json::array({{{"name", "A"}, {"value", json()}}})},
      {"/containers/0/env", json::array({{{"name", "A"}, {"value", true}}})},
      {"/containers/0/resources", {{"requests", {{"cpu", "100mm"}}}}},
      {"/containers/0/resources", {{"requests", {{"cpu", 1}}}}},
      {"/containers/0/resources", {{"requests", {{"memory", "-1Mi"}}}}},
      {"/containers/0/resources", {{"limits", {{"cpu", "1e3"}}}}},
      {"/containers/0/resources", {{"requests", {{"cpu", "2"}}}, {"limits", {{"cpu", "1"}}}}},
      {"/containers/0/readinessProbe", {{"periodSeconds", 5}}},
      {"/containers/0/readinessProbe", {{"httpGet", {{"port", 80}}}, {"tcpSocket", {{"port", 80}}}}},
      {"/containers/0/readinessProbe", {{"httpGet", {{"port", 0}}}}},
      {"/containers/0/volumeMounts", json::array({{{"name", "nothing"}, {"mountPath", "/x"}}})},
      {"/containers/0/imagePullPolicies", "Always"},
      {"/containers/0/command", "sh"},
      {"/containers/0/args", json::array({1})},
      {"/restartPolicy", "Sometimes"},
      {"/restartPolicy", "Never"},
      {"/restartPolicy", ""},
      {"/dnsPolicy", "clusterFirst"},
      {"/terminationGracePeriodSeconds", "30"},
      {"/hostNetwork", "true"},
      {"/volumes", json::array({{{"name", "v"}, {"emptyDir", json::object()}},
                                {{"name", "v"}, {"emptyDir", json::object()}}})},
      {"/nodeName", ""},
      {"/nodeSelector", {{"disk", true}}},
      {"/hostname", "a.b"},
      {"/tolerations", json::array({{{"operator", "Exists"}, {"value", "x"}}})},
      {"/container", json::array()},
  };
  static const std::vector<Fault> kOfWorkloads{
      {"/spec/replicas", "3"},
      {"/spec/replicas", -1},
      {"/spec/replicas", json()},
      {"/spec/replicas", 2.5},
      {"/spec/selector", json()},
      {"/spec/selector", json::object()},
      {"/spec/selector/matchLabels/version", "2.0"},
      {"/spec/selector/matchLabels/version", 1.0},
      {"/spec/template", json()},
      {"/spec/minReadySeconds", -1},
      {"/spec/revisionHistoryLimit", 3},
      {"/spec/replica", 3},
      {"/spec/template/metadata/labels", json::object()},
      {"/spec", json()},
  };
  static const std::vector<Fault> kOfServices{
      {"/spec/type", "LoadBalance"},
      {"/spec/type", ""},
      {"/spec/ports/0/port", 0},
      {"/spec/ports/0/port", "80"},
      {"/spec/ports/0/targetPort", "8080"},
      {"/spec/ports/0/targetPort", 70000},
      {"/spec/ports/0/targetPort", ""},
      {"/spec/ports/1/name", "http"},
      {"/spec/ports/1/name", json()},
      {"/spec/ports/1/protocol", "udp"},
      {"/spec/ports", json()},
      {"/spec/selector/a", 1},
      {"/spec/clusterIP", "10.0.0.300"},
      {"/spec/sessionAffinity", "clientIP"},
      {"/spec/externalTrafficPolicy", "local"},
      {"/spec/port", 80},
      {"/spec/ports/0/targetPort", json()},
      {"/spec/publishNotReadyAddresses", "yes"},
  };
  static const std::vector<Fault> kOfData{{"/data/a~1b", "x"},   {"/data/n", 1},          {"/data/b", true},
                                          {"/data/x", json()},   {"/data/x y", "x"},      {"/data/x", "%%"},
                                          {"/immutable", "yes"}, {"/dat", json::object()}};
  static const std::vector<Fault> kOfCronJobs{{"/spec/schedule", "every day"},
                                              {"/spec/schedule", json()},
                                              {"/spec/concurrencyPolicy", "Never"},
                                              {"/spec/jobTemplate/spec/backoffLimit", -1},
                                              {"/spec/suspend", "no"},
                                              {"/spec/jobTemplate/spec/completions", 2.0}};
  std::vector<const std::vector<Fault>*> all{&kOfAll};
  const std::string kind = object["kind"];
  const bool is_workload = object["apiVersion"] == "apps/v1";
  if (has_pods(object)) {
    all.insert(all.end(), 2, &kOfPods);
  }
  all.push_back(is_workload         ? &kOfWorkloads
                : kind == "Service" ? &kOfServices
                : kind == "CronJob" ? &kOfCronJobs
                : kind == "Pod"     ? &kOfPods
                                    : &kOfData);
  const std::vector<Fault>& chosen = *dice.pick(all);
  const Fault& fault = dice.pick(chosen);
  const std::string pointer =
      (&chosen == &kOfPods ? spec_pointer(object).to_string() : std::string()) + fault.pointer;
  object[json::json_pointer(pointer)] = fault.value;
  return pointer + " = " + fault.value.dump();
}

}  // namespace labctl::manifest
