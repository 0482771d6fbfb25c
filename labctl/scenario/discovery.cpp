#include "labctl/scenario/discovery.hpp"

#include "topology/base/error.hpp"
#include "topology/manifest/decode.hpp"
#include "topology/manifest/source.hpp"

#include <algorithm>

namespace labctl::scenario {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFileName = "scenario.yaml";

std::vector<fs::path> files_of(const fs::path& path) {
  if (!fs::exists(path)) {
    throw Error(ErrorKind::NotFound, path.string() + ": no such file or folder");
  }
  if (!fs::is_directory(path)) {
    return {path};
  }
  std::vector<fs::path> files;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(path)) {
    if (entry.is_regular_file() && entry.path().filename() == kFileName) {
      files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

void add(std::vector<Diagnostic>& all, std::vector<Diagnostic> more) {
  all.insert(all.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

// The sources a scenario's lab is made of: its manifests, and the cluster's file when it names one.
std::vector<manifest::Source> lab_sources(const nlohmann::json& spec, const fs::path& folder) {
  std::vector<std::string> paths;
  if (const auto cluster = spec.find("cluster"); cluster != spec.end() && cluster->is_string()) {
    paths.push_back((folder / cluster->get<std::string>()).string());
  }
  for (const nlohmann::json& path : spec.value("apply", nlohmann::json::array())) {
    paths.push_back((folder / path.get<std::string>()).string());
  }
  return paths.empty() ? std::vector<manifest::Source>() : manifest::read_sources(paths);
}

Diagnostic unreadable(const manifest::Object& document, const Error& error) {
  return {Severity::Error, document.where, "spec", error.message(), error.hint()};
}

Scenario complete(manifest::Object document, const fs::path& folder, std::vector<Diagnostic>& diagnostics) {
  Scenario scenario;
  scenario.folder = folder;
  const nlohmann::json& spec = document.json["spec"];
  try {
    manifest::LoadOptions options;
    options.default_name = document.name;
    const std::vector<manifest::Source> sources = lab_sources(spec, folder);
    const bool is_inline = spec.contains("cluster") && spec["cluster"].is_object();
    if (is_inline) {
      scenario.cluster = manifest::decode_cluster(spec["cluster"], document.name);
      options.allow_cluster = false;
      for (const model::Node& node : scenario.cluster.nodes) {
        options.known_nodes.insert(node.name);
      }
    }
    manifest::Loaded loaded = manifest::load(sources, options);
    if (!is_inline) {
      scenario.cluster = manifest::cluster_or_default(loaded, document.name);
    }
    scenario.objects = std::move(loaded.objects);
    add(diagnostics, std::move(loaded.diagnostics));
  } catch (const Error& error) {
    diagnostics.push_back(unreadable(document, error));
  }
  scenario.document = std::move(document);
  return scenario;
}

}  // namespace

Discovered discover(const std::vector<std::string>& paths) {
  Discovered found;
  for (const std::string& path : paths) {
    for (const fs::path& file : files_of(path)) {
      manifest::Loaded loaded = manifest::load(manifest::read_sources({file.string()}), {});
      add(found.diagnostics, std::move(loaded.diagnostics));
      for (manifest::Object& document : loaded.scenarios) {
        if (document.kind == "Scenario") {
          found.scenarios.push_back(complete(std::move(document), file.parent_path(), found.diagnostics));
        }
      }
    }
  }
  return found;
}

}  // namespace labctl::scenario
