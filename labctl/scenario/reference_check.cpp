#include "labctl/scenario/reference_check.hpp"

#include "labctl/api/resource_kinds.hpp"
#include "labctl/scenario/variables.hpp"
#include "topology/base/error.hpp"
#include "topology/manifest/yaml/findings.hpp"
#include "topology/manifest/yaml/text_format.hpp"
#include "topology/model/place.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace labctl::scenario {
namespace {

using nlohmann::json;

std::string lower_case(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

// "deployment/default/web", "namespace/shop": as steps name objects.
std::string reference_to(const manifest::Object& object) {
  return lower_case(object.kind) + "/" + (object.ns.empty() ? "" : object.ns + "/") + object.name;
}

std::vector<std::string_view> views_of(const std::set<std::string>& words) {
  return {words.begin(), words.end()};
}

// "spec.steps[0].probe.from" of "/spec/steps/0/probe/from".
std::string path_of(const std::string& pointer) {
  std::string path;
  for (size_t at = 0; at < pointer.size();) {
    const size_t end = std::min(pointer.find('/', at + 1), pointer.size());
    const std::string word = pointer.substr(at + 1, end - at - 1);
    const bool is_index =
        !word.empty() && std::all_of(word.begin(), word.end(), [](char c) { return c >= '0' && c <= '9'; });
    path += is_index ? "[" + word + "]" : (path.empty() ? "" : ".") + word;
    at = end;
  }
  return path;
}

// Kinds whose objects are all known from files, or named by a controller.
bool is_checked(std::string_view kind) {
  constexpr std::string_view kChecked[] = {"pod",         "deployment", "replicaset", "daemonset",
                                           "statefulset", "job",        "cronjob"};
  return std::find(std::begin(kChecked), std::end(kChecked), kind) != std::end(kChecked);
}

// Where a step names objects, by one text or a list of them.
constexpr const char* kNameFields[] = {"/probe/from", "/probe/to",    "/probe/expect/backends",
                                       "/flow/from",  "/flow/to",     "/flow/expect/backends",
                                       "/exec/in",    "/matrix/from", "/matrix/to",
                                       "/wait/for",   "/scale/ref",   "/label/ref",
                                       "/patch/ref",  "/delete"};

class References {
 public:
  explicit References(const ReferenceCheck& check) : check_(check) {
    for (const model::Node& node : check.scenario.cluster.nodes) {
      nodes_.insert(to_string(model::Place::node(node.name)));
    }
    for (const model::OutsideHost& host : check.scenario.cluster.outside.hosts) {
      outside_.insert(to_string(model::Place::outside(host.name)));
    }
    for (const auto* objects : {&check.scenario.objects, &check.step_objects}) {
      for (const manifest::Object& object : *objects) {
        objects_.insert(reference_to(object));
        if (object.kind != "Pod" && is_checked(lower_case(object.kind))) {
          owners_.insert(object.ns + "/" + object.name + "-");
        }
      }
    }
  }

  std::vector<Diagnostic> run() {
    // Of an unsound document any field may have any type.
    const json spec = check_.scenario.document.json.value("spec", json());
    const json steps = spec.is_object() ? spec.value("steps", json()) : json();
    for (size_t i = 0; steps.is_array() && i < steps.size(); ++i) {
      if (!steps[i].is_object()) {
        continue;
      }
      const std::string pointer = "/spec/steps/" + std::to_string(i);
      for (const json& filled : filled_in(steps[i], spec)) {
        check_step(filled, pointer);
      }
    }
    return std::move(out_);
  }

 private:
  // The step once for each of its cases, as far as its variables are known.
  static std::vector<json> filled_in(const json& step, const json& spec) {
    const auto add = [](Variables& variables, const json& given) {
      if (given.is_object()) {
        for (const auto& [name, value] : given.items()) {
          variables[name] = text_of(value);
        }
      }
    };
    Variables vars;
    add(vars, spec.value("vars", json()));
    json cases = step.value("cases", json());
    if (!cases.is_array() || cases.empty()) {
      cases = json::array({json::object()});
    }
    std::vector<json> out;
    for (const json& one : cases) {
      Variables variables = vars;
      add(variables, one);
      try {
        out.push_back(expand(step, variables));
      } catch (const Error&) {
        out.push_back(step);  // a variable from --set: texts that hold it are passed over
      }
    }
    return out;
  }

  void check_step(const json& step, const std::string& pointer) {
    for (const char* field : kNameFields) {
      check_field(step, field, pointer);
    }
    check_resource(step, pointer);
  }

  void check_resource(const json& step, const std::string& pointer) {
    const json::json_pointer place("/get/kind");
    const json kind = step.contains(place) ? step.at(place) : json();
    const std::string word = kind.is_string() ? kind.get<std::string>() : "";
    if (word.empty() || word.find("${") != std::string::npos || api::find_resource(word) != nullptr) {
      return;
    }
    const std::string near = api::nearest_resource(word);
    say(Severity::Error, pointer + "/get/kind", "no resource is called \"" + word + "\"",
        near.empty() ? "as in services or endpointslices" : "did you mean " + near + "?");
  }

  // A text or a list of texts.
  void check_field(const json& step, const char* field, const std::string& pointer) {
    const json::json_pointer place(field);
    if (!step.contains(place)) {
      return;
    }
    const json& value = step.at(place);
    if (value.is_string()) {
      check_name(value.get<std::string>(), pointer + field);
    }
    for (size_t i = 0; value.is_array() && i < value.size(); ++i) {
      if (value[i].is_string()) {
        check_name(value[i].get<std::string>(), pointer + field + "/" + std::to_string(i));
      }
    }
  }

  void check_name(std::string text, const std::string& pointer) {
    const bool is_file = text.ends_with(".yaml") || text.ends_with(".yml") || text.ends_with(".json");
    text = text.substr(0, text.find(':'));  // the port of a target
    // A variable that is not known, or a name that is none, which was said already.
    if (is_file || manifest::check_dns_subdomain(text.substr(text.rfind('/') + 1))) {
      return;
    }
    const std::string kind = text.substr(0, text.find('/'));
    const auto place = model::parse_place(text);
    if (place && place->kind == model::PlaceKind::Node) {
      check_fixed(*place, nodes_, "no node of the cluster is called ", pointer);
    } else if (place && place->kind == model::PlaceKind::Outside) {
      check_fixed(*place, outside_, "no outside host of the cluster is called ", pointer);
    } else if (is_checked(kind) && std::count(text.begin(), text.end(), '/') == 2 &&
               check_.are_objects_known && !is_declared(kind, text)) {
      const std::string near = model::nearest_place(text, views_of(objects_));
      say(Severity::Warning, pointer, "no manifest declares " + text,
          near.empty() ? "" : "did you mean " + near + "?");
    }
  }

  void check_fixed(const model::Place& place, const std::set<std::string>& known, const char* complaint,
                   const std::string& pointer) {
    const std::string text = to_string(place);
    if (!check_.is_cluster_known || known.contains(text)) {
      return;
    }
    const std::string near = model::nearest_place(text, views_of(known));
    std::string all;
    if (near.empty()) {
      all = known.empty() ? "it has none" : "it has " + manifest::some_of(views_of(known));
    }
    say(Severity::Error, pointer, complaint + place.name, near.empty() ? all : "did you mean " + near + "?");
  }

  // Also what a controller may name: web-7d4b9-x2z of a Deployment web.
  bool is_declared(const std::string& kind, const std::string& text) const {
    if (objects_.contains(text)) {
      return true;
    }
    const std::string name = text.substr(kind.size() + 1);
    // What every lab has by itself.
    if (name == "default/kubernetes" || name == "kube-system/kube-dns" ||
        name.starts_with("kube-system/kube-dns-")) {
      return true;
    }
    return (kind == "pod" || kind == "replicaset") &&
           std::any_of(owners_.begin(), owners_.end(),
                       [&](const std::string& owner) { return name.starts_with(owner); });
  }

  void say(Severity severity, const std::string& pointer, std::string message, std::string hint) {
    // Cases of a step may have the same name in the same place.
    if (said_.emplace(pointer, message).second) {
      out_.push_back(
          diagnostic_at(check_.scenario.document, pointer, severity, std::move(message), std::move(hint)));
    }
  }

  const ReferenceCheck& check_;
  std::set<std::string> nodes_;
  std::set<std::string> outside_;
  std::set<std::string> objects_;
  std::set<std::string> owners_;  // "default/web-"
  std::set<std::pair<std::string, std::string>> said_;
  std::vector<Diagnostic> out_;
};

}  // namespace

std::vector<Diagnostic> check_references(const ReferenceCheck& check) { return References(check).run(); }

Diagnostic diagnostic_at(const manifest::Object& document, const std::string& pointer, Severity severity,
                         std::string message, std::string hint) {
  const auto found = document.positions.find(pointer);
  return {severity, found != document.positions.end() ? found->second : document.where, path_of(pointer),
          std::move(message), std::move(hint)};
}

}  // namespace labctl::scenario
