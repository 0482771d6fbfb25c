#include "labctl/commands/objects.hpp"

#include "labctl/api/uri.hpp"
#include "topology/base/error.hpp"

#include <map>
#include <sstream>

namespace labctl::commands {
namespace {

const api::ResourceKind& kind_of(const std::string& word) {
  if (const api::ResourceKind* kind = api::find_resource(word)) {
    return *kind;
  }
  const std::string near = api::nearest_resource(word);
  std::string known;
  for (const api::ResourceKind& kind : api::resource_kinds()) {
    known += (known.empty() ? "" : ", ") + std::string(kind.plural);
  }
  throw Error(ErrorKind::InvalidInput, "no resource \"" + word + "\" in a lab",
              near.empty() ? "there are " + known : "did you mean " + near + "?");
}

std::vector<const api::ResourceKind*> kinds_of(const std::string& words) {
  std::vector<const api::ResourceKind*> kinds;
  std::istringstream parts(words);
  for (std::string word; std::getline(parts, word, ',');) {
    if (word == "all") {
      // As kubectl's: what runs and how it is reached, not what holds it or follows from it.
      for (const api::ResourceKind& kind : api::resource_kinds()) {
        if (kind.namespaced && kind.in_all && kind.plural != "events" &&
            !kind.plural.starts_with("endpoint")) {
          kinds.push_back(&kind);
        }
      }
    } else {
      kinds.push_back(&kind_of(word));
    }
  }
  if (kinds.empty()) {
    throw Error(ErrorKind::InvalidInput, "no resource named", "such as `labctl get pods`");
  }
  return kinds;
}

std::string selection_query(const ListFilter& filter, std::map<std::string, std::string> query) {
  if (!filter.label_selector.empty()) {
    query["labelSelector"] = filter.label_selector;
  }
  if (!filter.field_selector.empty()) {
    query["fieldSelector"] = filter.field_selector;
  }
  return api::query_string(query);
}

}  // namespace

std::vector<Selection> parse_selections(const std::vector<std::string>& arguments, const std::string& ns,
                                        bool every_namespace) {
  if (arguments.empty()) {
    throw Error(ErrorKind::InvalidInput, "no resource named", "such as pods, deploy/web or nodes");
  }
  const auto scope = [&](const api::ResourceKind& kind) {
    return kind.namespaced && !every_namespace ? ns : std::string{};
  };
  std::vector<Selection> selections;
  if (arguments.front().find('/') == std::string::npos) {
    for (const api::ResourceKind* kind : kinds_of(arguments.front())) {
      selections.push_back({kind, scope(*kind), {arguments.begin() + 1, arguments.end()}});
    }
    if (arguments.size() > 1 && every_namespace && selections.front().kind->namespaced) {
      throw Error(ErrorKind::InvalidInput, "a name and --all-namespaces: cannot be together",
                  "name the namespace with -N");
    }
    for (size_t i = 1; i < arguments.size(); ++i) {
      if (arguments[i].find('/') != std::string::npos) {
        throw Error(ErrorKind::InvalidInput,
                    "\"" + arguments[i] + "\": either KIND NAME... or KIND/NAME..., not both");
      }
    }
    return selections;
  }
  for (const std::string& argument : arguments) {
    const api::ResourceRef ref = api::parse_resource_ref(argument, ns);
    selections.push_back({ref.kind, ref.ns, {ref.name}});
  }
  return selections;
}

ObjectList list_objects(api::Client& client, const api::ResourceKind& kind, const std::string& ns,
                        const ListFilter& filter) {
  const nlohmann::json reply =
      client.get(api::collection_path(kind, ns) + selection_query(filter, {})).json();
  ObjectList list;
  list.resource_version = reply.value("/metadata/resourceVersion"_json_pointer, std::string("0"));
  if (const auto items = reply.find("items"); items != reply.end() && items->is_array()) {
    for (nlohmann::json item : *items) {
      // Items of a typed list carry no type of their own in Kubernetes' wire form.
      item["apiVersion"] = kind.api_version;
      item["kind"] = kind.kind;
      list.items.push_back(std::move(item));
    }
  }
  return list;
}

nlohmann::json get_object(api::Client& client, const api::ResourceKind& kind, const std::string& ns,
                          const std::string& name) {
  nlohmann::json object = client.get(api::object_path(kind, ns, name)).json();
  object["apiVersion"] = kind.api_version;
  object["kind"] = kind.kind;
  return object;
}

std::string watch_target(const api::ResourceKind& kind, const std::string& ns, const ListFilter& filter,
                         const std::string& resource_version) {
  return api::collection_path(kind, ns) +
         selection_query(filter, {{"watch", "1"}, {"resourceVersion", resource_version}});
}

}  // namespace labctl::commands
