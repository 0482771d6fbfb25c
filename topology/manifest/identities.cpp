#include "topology/manifest/identities.hpp"

#include "topology/manifest/default_namespace.hpp"
#include "topology/manifest/kinds/api_groups.hpp"
#include "topology/manifest/kinds/kinds.hpp"
#include "topology/manifest/yaml/document_reader.hpp"

#include <deque>
#include <set>
#include <tuple>
#include <utility>

namespace labctl::manifest {
namespace {

// As in files that are applied.
constexpr int kListsMax = 3;

class IdentityReader {
 public:
  IdentityReader(const std::vector<Source>& sources, const LoadOptions& options)
      : sources_(sources), options_(options), findings_(names(sources), false) {}

  Identities run() {
    for (std::size_t i = 0; i < sources_.size(); ++i) {
      const int number = static_cast<int>(i);
      for (const YamlNode* root : read_documents(number, sources_[i].text, arena_, findings_)) {
        read({root, root->mark, root->mark, number, nullptr, {}, -1}, {}, 0);
      }
    }
    found_.diagnostics = findings_.take();
    return std::move(found_);
  }

 private:
  static std::vector<std::string> names(const std::vector<Source>& sources) {
    std::vector<std::string> out;
    for (const Source& source : sources) {
      out.push_back(source.name);
    }
    return out;
  }

  // `typed` is what a typed list says of its items.
  void read(const Place& place, Identity typed, int depth) {
    if (!place.node->is_mapping()) {
      findings_.error(place, "an object must be a mapping", "begin with apiVersion: and kind:");
      return;
    }
    Identity who = std::move(typed);
    if (!take(place, "apiVersion", who.api_version) || !take(place, "kind", who.kind)) {
      return;
    }
    if (is_own_group(group_of(who.api_version)) &&
        (who.kind == "List" || (who.kind.ends_with("List") && place.field("items")))) {
      read_list(place, who, depth);
      return;
    }
    const Kind* kind = find_kind(who.api_version, who.kind);
    if (kind == nullptr) {
      report_missing_kind(place, who);
    } else if (kind->support == Support::Lab) {
      findings_.repeated(place.field("kind"),
                         {"left out " + who.kind, "left out: a " + who.kind + " is no object of a lab", "",
                          false, false, Topic::LeftOut, who.kind});
    } else {
      read_name_of(place, *kind, std::move(who));
    }
  }

  void report_missing_kind(const Place& place, const Identity& who) {
    const MissingKind missing = missing_kind(who.api_version, who.kind);
    if (missing.is_error) {
      findings_.error(place.field(missing.is_wrong_version ? "apiVersion" : "kind"), missing.message,
                      missing.hint);
      return;
    }
    findings_.repeated(place.field("kind"), {"kind " + who.api_version + "/" + who.kind, missing.message,
                                             missing.hint, false, false, Topic::LeftOut, missing.subject});
  }

  bool take(const Place& place, std::string_view field, std::string& out) {
    const Place value = place.field(field);
    if (value && value.node->is_string() && !value.text().empty()) {
      out = value.text();
    }
    if (out.empty() || (value && !value.node->is_string())) {
      findings_.error(value ? value : place, std::string(field) + " must say which object is meant",
                      field == "kind" ? "as in kind: Pod" : "as in apiVersion: v1");
      return false;
    }
    return true;
  }

  void read_list(const Place& place, const Identity& list, int depth) {
    // Places that outlive this call's children.
    const Place& items = lists_.emplace_back(lists_.emplace_back(place).field("items"));
    if (!items) {
      return;
    }
    if (!items.node->is_sequence() || depth >= kListsMax) {
      findings_.error(items, depth >= kListsMax ? "lists of lists nest too deep" : "must be a list");
      return;
    }
    const bool is_typed = list.kind != "List";
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (const Place item = items.item(i)) {
        read(item,
             is_typed ? Identity{list.api_version, list.kind.substr(0, list.kind.size() - 4), {}, {}}
                      : Identity{},
             depth + 1);
      }
    }
  }

  void read_name_of(const Place& place, const Kind& kind, Identity who) {
    const Place metadata = place.field("metadata");
    const Place name = metadata ? metadata.field("name") : Place{};
    if (!name || !name.node->is_string() || name.text().empty()) {
      findings_.error(name ? name : place, "metadata.name must say which " + who.kind + " is meant",
                      "as in metadata: {name: NAME}");
      return;
    }
    who.api_version = kept_as(kind).api_version;
    who.name = name.text();
    who.ns = kind.is_namespaced ? read_namespace(metadata.field("namespace"), options_, findings_) : "";
    if (seen_.emplace(who.api_version, who.kind, who.ns, who.name).second) {
      found_.objects.push_back(std::move(who));
    }
  }

  const std::vector<Source>& sources_;
  const LoadOptions& options_;
  YamlArena arena_;
  Findings findings_;
  std::deque<Place> lists_;
  std::set<std::tuple<std::string, std::string, std::string, std::string>> seen_;
  Identities found_;
};

}  // namespace

Identities read_identities(const std::vector<Source>& sources, const std::string& ns) {
  LoadOptions options;
  ask_for_namespace(options, ns);
  return IdentityReader(sources, options).run();
}

}  // namespace labctl::manifest
