#include "topology/manifest/loader.hpp"

#include "topology/manifest/applied_text.hpp"
#include "topology/manifest/as_sent.hpp"
#include "topology/manifest/capacity_check.hpp"
#include "topology/manifest/default_namespace.hpp"
#include "topology/manifest/defaults.hpp"
#include "topology/manifest/deprecations.hpp"
#include "topology/manifest/host_program_check.hpp"
#include "topology/manifest/json_tree.hpp"
#include "topology/manifest/kinds/api_groups.hpp"
#include "topology/manifest/kinds/cluster_reader.hpp"
#include "topology/manifest/kinds/kinds.hpp"
#include "topology/manifest/made_objects.hpp"
#include "topology/manifest/name_check.hpp"
#include "topology/manifest/node_objects.hpp"
#include "topology/manifest/object_references.hpp"
#include "topology/manifest/pod_selection.hpp"
#include "topology/manifest/policy_defaults.hpp"
#include "topology/manifest/references.hpp"
#include "topology/manifest/scenario_check.hpp"
#include "topology/manifest/service_references.hpp"
#include "topology/manifest/stood_in_names.hpp"
#include "topology/manifest/volume_references.hpp"
#include "topology/manifest/yaml/document_reader.hpp"
#include "topology/manifest/yaml/tree_values.hpp"
#include "topology/model/node_labels.hpp"
#include "topology/model/pod_capacity.hpp"

#include <algorithm>
#include <deque>
#include <optional>
#include <utility>

namespace labctl::manifest {
namespace {

// What diagnostics about an object that came over the API name as their file.
const Source kRequest{"<request>", {}};
// A List inside a List inside a List is nobody's file.
constexpr int kListDepthMax = 3;

std::vector<std::string> names_of(const std::vector<Source>& sources) {
  std::vector<std::string> names;
  for (const Source& source : sources) {
    names.push_back(source.name);
  }
  return names;
}

// Steps of one load, in the order of run().
class Load {
 public:
  // Both must outlive it.
  Load(const std::vector<Source>& sources, const LoadOptions& options)
      : sources_(sources), options_(options), findings_(names_of(sources), options.strict) {}

  Loaded run() {
    for (size_t i = 0; i < sources_.size(); ++i) {
      read_source(static_cast<int>(i));
    }
    return finish();
  }

  // Instead of the sources one object: for a client, every kind is one that is acted on.
  Loaded run(const nlohmann::json& object) {
    is_client_ = true;
    const YamlNode& root = to_tree(object, arena_);
    read_object({&root, root.mark, root.mark, 0, nullptr, {}, -1}, "", "", 0);
    return finish();
  }

 private:
  Loaded finish() {
    read_clusters();
    const std::optional<model::Cluster> cluster = known_cluster();
    if (options_.leaves_out_made && !is_client_) {
      leave_out_made_objects(records_, options_.known_dns.value_or(cluster && cluster->dns.enabled),
                             findings_);
    }
    settle_duplicates(records_, findings_);
    check_namespaces(records_, known_namespaces(options_), findings_);
    check_priority_classes(records_, options_.allow_cluster, findings_);
    check_nodes(records_, known_nodes(), findings_);
    check_derived_names(records_, findings_);
    if (options_.allow_cluster && !is_client_) {
      check_config_references(records_, findings_);  // a running lab has more than the files
      check_storage_classes(records_, findings_);
    }
    if (options_.known_network || cluster) {
      check_service_ranges(records_, options_.known_network ? *options_.known_network : cluster->network,
                           findings_);
    }
    if (options_.known_pod_capacity || cluster) {
      check_replicas(records_,
                     options_.known_pod_capacity.value_or(cluster ? model::pod_capacity(*cluster) : 0),
                     findings_);
    }
    if (options_.known_host_programs || options_.allow_cluster) {
      check_host_programs(records_, program_rules(cluster), findings_);
    }
    if (!is_client_) {
      check_deprecations(records_, findings_);
    }
    // What a mistake left out of the files would be missed everywhere.
    if (options_.is_whole.value_or(options_.allow_cluster) && !is_client_ && findings_.errors() == 0) {
      check_object_references(records_, findings_);
      check_pod_selection(records_, program_rules(cluster), findings_);
    }
    merge_nodes();
    build_objects();
    loaded_.diagnostics = findings_.take();
    return std::move(loaded_);
  }

  HostProgramRules program_rules(const std::optional<model::Cluster>& cluster) const {
    HostProgramRules rules = host_program_rules(
        options_.known_host_programs.value_or(model::host_programs_of(cluster.value_or(model::Cluster{}))),
        options_.host_programs, options_.tells_host_programs);
    rules.is_running_lab = !options_.leaves_out_made;
    return rules;
  }

  bool is_later(const Kind& kind) const { return kind.support == Support::Later && !is_client_; }

  void read_source(int source) {
    const auto& [name, text, skipped] = sources_[static_cast<size_t>(source)];
    if (!skipped.empty()) {
      findings_.warning({nullptr, {}, {}, source, nullptr, {}, -1}, "left out: " + skipped + ", not a file");
      return;
    }
    for (const YamlNode* root : read_documents(source, text, arena_, findings_)) {
      read_object({root, root->mark, root->mark, source, nullptr, {}, -1}, "", "", 0);
    }
  }

  // `api_version` and `kind` are those that a typed list gives its items, or empty.
  void read_object(const Place& place, std::string api_version, std::string kind_name, int depth) {
    if (!place.node->is_mapping()) {
      findings_.error(place, "an object must be a mapping, got " + description(*place.node),
                      "begin with apiVersion: and kind:");
      return;
    }
    if (!take_text(place, "apiVersion", api_version) || !take_text(place, "kind", kind_name)) {
      return;
    }
    if (is_list(place, api_version, kind_name)) {
      read_list(place, api_version, kind_name, depth);
      return;
    }
    const Kind* kind = find_kind(api_version, kind_name);
    if (kind == nullptr) {
      report_missing_kind(place, api_version, kind_name);
      return;
    }
    report_support(place.field("kind"), *kind, is_client_, findings_);
    read_record(place, *kind);
  }

  bool take_text(const Place& place, std::string_view field, std::string& out) {
    const Place value = place.field(field);
    if (value && value.node->is_string() && !value.text().empty()) {
      out = value.text();
    } else if (value) {
      findings_.error(value, "must be a text, got " + description(*value.node));
      return false;
    } else if (out.empty()) {
      findings_.error(value, "is required", field == "kind" ? "as in kind: Pod" : "as in apiVersion: v1");
      return false;
    }
    return true;
  }

  // "List", or "PodList" and the like with items; what another group calls so is a kind of its own.
  static bool is_list(const Place& place, std::string_view api_version, std::string_view kind) {
    return is_own_group(group_of(api_version)) &&
           (kind == "List" || (kind.ends_with("List") && place.field("items")));
  }

  void read_list(const Place& place, const std::string& api_version, const std::string& kind, int depth) {
    // A place that outlives this call's children: paths of items are rebuilt through it.
    const Place& items = lists_.emplace_back(lists_.emplace_back(place).field("items"));
    if (!items) {
      return;
    }
    if (!items.node->is_sequence()) {
      findings_.error(items, "must be a list, got " + description(*items.node),
                      "begin each item with \"- \"");
      return;
    }
    if (depth >= kListDepthMax) {
      findings_.error(items, "lists of lists nest too deep", "list the objects themselves");
      return;
    }
    const bool typed = kind != "List";
    for (size_t i = 0; i < items.size(); ++i) {
      const Place item = items.item(i);
      if (!item) {
        findings_.error(item, "an empty item", "remove the \"-\"");
        continue;
      }
      read_object(item, typed ? api_version : "", typed ? kind.substr(0, kind.size() - 4) : "", depth + 1);
    }
  }

  void report_missing_kind(const Place& place, const std::string& api_version, const std::string& name) {
    const MissingKind missing = missing_kind(api_version, name);
    if (missing.is_error) {
      findings_.error(place.field(missing.is_wrong_version ? "apiVersion" : "kind"), missing.message,
                      missing.hint);
      return;
    }
    findings_.repeated(place.field("kind"), {"kind " + api_version + "/" + name, missing.message,
                                             missing.hint, false, true, Topic::LeftOut, missing.subject});
  }

  void read_record(const Place& as_written, const Kind& kind) {
    Place place = as_written;
    if (kind.api_version != kLabApi && !is_later(kind)) {
      place.node = &as_sent(*place.node, *kind.schema, arena_);
    }
    const size_t errors_before = findings_.errors();
    if (is_later(kind)) {
      check_later(place);
    } else {
      check_schema(place, *kind.schema, findings_);
    }
    if (kind.name == "Scenario") {
      check_variables(place, options_.known_variables, findings_);
    }
    Record record{place, &kind, {}, {}, false};
    const Place metadata = place.field("metadata");
    if (metadata && metadata.node->is_mapping()) {
      read_identity(metadata, record);
    }
    record.is_sound = findings_.errors() == errors_before;
    records_.push_back(std::move(record));
  }

  // Of kinds that are not acted on only what the rules between objects need.
  void check_later(const Place& place) {
    const Place metadata = place.field("metadata");
    if (!metadata) {
      findings_.error(metadata, "is required", "as in metadata: {name: NAME}");
    } else {
      check_schema(metadata, kMetadata, findings_);
    }
  }

  void read_identity(const Place& metadata, Record& record) {
    record.name = read_name(metadata, *record.kind, findings_);
    const Place ns = metadata.field("namespace");
    if (record.kind->is_namespaced) {
      record.ns = read_namespace(ns, options_, findings_);
    } else if (ns && ns.node->is_string()) {
      findings_.repeated(
          ns, {"namespace of " + std::string(record.kind->name),
               "a " + std::string(record.kind->name) + " stands in no namespace", "remove it", false, false});
    }
  }

  void read_clusters() {
    const Record* first = nullptr;
    for (Record& record : records_) {
      if (record.kind->name != "Cluster") {
        continue;
      }
      if (!options_.allow_cluster) {
        findings_.error(record.place, "the Cluster of a running lab cannot change",
                        "leave the Cluster out, or take the lab down and up again");
      } else if (first != nullptr) {
        findings_.error(record.place, "a second Cluster",
                        "the first is on line " + std::to_string(first->place.mark.line) + " of " +
                            findings_.position(first->place).file + "; a lab has one");
      } else {
        first = &record;
        if (record.is_sound) {
          const Place spec = record.place.field("spec");
          loaded_.cluster =
              read_cluster(spec, record.name.empty() ? options_.default_name : record.name, findings_);
          const auto far = check_store_is_here(loaded_.cluster->store);
          if (far && !options_.allows_remote_store) {
            findings_.error(spec.field("store"), far->message, far->hint);
          }
          loaded_.cluster_spec = spec ? to_json(*spec.node) : nlohmann::json::object();
        } else {
          cluster_is_broken_ = true;
        }
      }
    }
  }

  KnownNodes known_nodes() {
    KnownNodes known;
    if (!options_.known_nodes.empty() || !options_.allow_cluster) {
      known.has_labels = false;
      for (const std::string& name : options_.known_nodes) {
        known.nodes.push_back({name, {}, {}, {}});
      }
      return known;
    }
    if (cluster_is_broken_) {
      return known;
    }
    const std::vector<model::Cluster> own = inline_clusters();
    for (const model::Cluster& cluster : own) {
      known.nodes.insert(known.nodes.end(), cluster.nodes.begin(), cluster.nodes.end());
    }
    if (loaded_.cluster || own.empty()) {
      const model::Cluster cluster = loaded_.cluster ? *loaded_.cluster : model::default_cluster("");
      known.cluster_domain = cluster.dns.domain;
      known.nodes.insert(known.nodes.end(), cluster.nodes.begin(), cluster.nodes.end());
    }
    for (const Record& record : records_) {
      merge_node(record, known.nodes);
    }
    for (model::Node& node : known.nodes) {
      node.labels = model::node_labels(node);
    }
    return known;
  }

  // That of the files, or the default one. Nothing when more than one may be
  // meant; a running lab has its own.
  std::optional<model::Cluster> known_cluster() {
    if (!options_.allow_cluster || cluster_is_broken_) {
      return std::nullopt;
    }
    const std::vector<model::Cluster> own = inline_clusters();
    if (own.size() + (loaded_.cluster ? 1 : 0) > 1) {
      return std::nullopt;
    }
    return loaded_.cluster ? *loaded_.cluster : own.empty() ? model::default_cluster("") : own.front();
  }

  // A Scenario may bring its own cluster for the objects beside it.
  std::vector<model::Cluster> inline_clusters() {
    std::vector<model::Cluster> clusters;
    for (const Record& record : records_) {
      const Place spec = record.place.field("spec");
      if (record.kind->name != "Scenario" || !record.is_sound || !spec) {
        continue;
      }
      const Place cluster = spec.field("cluster");
      if (cluster && cluster.node->is_mapping()) {
        Findings reported_already({names_of(sources_)}, options_.strict);
        clusters.push_back(read_cluster(cluster, "", reported_already));
      }
    }
    return clusters;
  }

  void merge_nodes() {
    if (loaded_.cluster) {
      for (const Record& record : records_) {
        merge_node(record, loaded_.cluster->nodes);
      }
    }
  }

  Object named_object(const Record& record) const {
    Object object;
    object.api_version = record.kind->api_version;
    object.kind = record.kind->name;
    object.ns = record.ns;
    object.name = record.name;
    object.where = findings_.position(record.place);
    object.json = to_json(*record.place.node);
    if (record.kind->name == "Scenario" && record.is_sound) {
      keep_nulls_of_patches(record.place, object.json);
    }
    return object;
  }

  void build_objects() {
    for (const Record& record : records_) {
      if (!record.is_sound && record.kind->name == "Scenario") {
        loaded_.unsound_scenarios.push_back(named_object(record));
        loaded_.unsound_scenarios.back().positions = positions_of(record.place, findings_);
      }
      if (!record.is_sound || is_later(*record.kind) || record.kind->name == "Cluster") {
        continue;
      }
      Object object = named_object(record);
      object.json["apiVersion"] = object.api_version;  // items of typed lists leave them out
      object.json["kind"] = object.kind;
      object.json.erase("status");
      if (record.kind->is_namespaced) {
        object.json["metadata"]["namespace"] = record.ns;
      } else {
        object.json["metadata"].erase("namespace");
      }
      if (record.kind->support == Support::Lab) {
        object.positions = positions_of(record.place, findings_);
        loaded_.scenarios.push_back(std::move(object));
      } else {
        if (options_.keeps_applied) {
          object.last_applied =
              applied_text(*record.place.node, {object.api_version, object.kind, object.ns});
        }
        fill_in_defaults(object.json, object.kind);
        fill_in_policy_defaults(object.json);
        object.api_version = object.json["apiVersion"];
        loaded_.objects.push_back(std::move(object));
      }
    }
  }

  const std::vector<Source>& sources_;
  const LoadOptions& options_;
  YamlArena arena_;
  Findings findings_;
  std::deque<Place> lists_;
  std::vector<Record> records_;
  bool cluster_is_broken_ = false;
  bool is_client_ = false;
  Loaded loaded_;
};

}  // namespace

Loaded load(const std::vector<Source>& sources, const LoadOptions& options) {
  return Load(sources, options).run();
}

Loaded load_object(const nlohmann::json& object, const LoadOptions& options) {
  static const std::vector<Source> kSources{kRequest};
  return Load(kSources, options).run(object);
}

namespace {

std::string member_text(const nlohmann::json& object, const char* name) {
  const auto found = object.is_object() ? object.find(name) : object.end();
  return object.is_object() && found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

const Kind* kind_of(const nlohmann::json& object) {
  return find_kind(member_text(object, "apiVersion"), member_text(object, "kind"));
}

const Field* status_field(const Kind* kind) {
  if (kind == nullptr) {
    return nullptr;
  }
  const auto found = std::find_if(kind->schema->fields.begin(), kind->schema->fields.end(),
                                  [](const Field& field) { return field.name == "status"; });
  return found == kind->schema->fields.end() || found->schema == nullptr ? nullptr : &*found;
}

}  // namespace

std::vector<Diagnostic> check_types(const nlohmann::json& object) {
  const Kind* kind = kind_of(object);
  if (kind == nullptr) {
    return {};
  }
  YamlArena arena;
  Findings findings({kRequest.name}, false);
  const YamlNode& root = to_tree(object, arena);
  check_types({&root, {}, {}, 0, nullptr, {}, -1}, *kind->schema, findings);
  return findings.take();
}

std::vector<Diagnostic> check_status(const nlohmann::json& object) {
  const Field* field = status_field(kind_of(object));
  if (field == nullptr || !object.contains("status")) {
    return {};
  }
  YamlArena arena;
  Findings findings({kRequest.name}, false);
  const YamlNode& root = to_tree({{"status", object["status"]}}, arena);
  const Place place{&root, {}, {}, 0, nullptr, {}, -1};
  if (const Place status = place.field("status")) {
    check_schema(status, *field->schema, findings);
  }
  return findings.take();
}

bool has_status(const nlohmann::json& object) { return status_field(kind_of(object)) != nullptr; }

model::Cluster cluster_or_default(const Loaded& loaded, std::string default_name) {
  if (loaded.cluster) {
    return *loaded.cluster;
  }
  model::Cluster cluster = model::default_cluster(std::move(default_name));
  for (const Object& object : loaded.objects) {
    if (object.kind == "Node") {
      merge_node(object.json, cluster.nodes);
    }
  }
  return cluster;
}

}  // namespace labctl::manifest
