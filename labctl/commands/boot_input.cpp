#include "labctl/commands/boot_input.hpp"

#include "labctl/images/image_rules.hpp"
#include "labctl/supervisor/registry.hpp"
#include "topology/manifest/default_namespace.hpp"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <utility>

namespace labctl::commands {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFallbackName = "lab";

// File names that say nothing about what is in them: there the folder's name is better.
bool is_generic(const std::string& stem) {
  constexpr const char* kGeneric[] = {"lab",      "labctl",    "cluster", "scenario",
                                      "manifest", "manifests", "all",     "main"};
  return std::any_of(std::begin(kGeneric), std::end(kGeneric),
                     [&](const char* word) { return stem == word; });
}

std::vector<std::string> default_paths(const Session& session) {
  std::vector<std::string> found;
  for (const char* name : {"lab.yaml", "lab.yml", "labctl.yaml", "labctl.yml"}) {
    std::error_code ignored;
    if (fs::is_regular_file(name, ignored)) {
      found.emplace_back(name);
    }
  }
  if (found.size() > 1) {
    throw Error(ErrorKind::InvalidInput, found[0] + " and " + found[1] + " are both here",
                "name the one that is meant");
  }
  if (!found.empty()) {
    session.note("using " + found.front());
  }
  return found;
}

}  // namespace

std::string name_from_path(const std::string& path) {
  if (path == "-") {
    return kFallbackName;
  }
  std::error_code failed;
  fs::path place = fs::absolute(path, failed).lexically_normal();
  if (failed) {
    place = path;
  }
  if (!place.has_filename()) {
    place = place.parent_path();  // "shop/"
  }
  std::string raw = place.filename().string();
  if (!fs::is_directory(place, failed)) {
    const std::string stem = place.stem().string();
    raw = is_generic(stem) && place.parent_path().has_filename() ? place.parent_path().filename().string()
                                                                 : stem;
  }
  std::string name;
  for (const char c : raw) {
    const auto byte = static_cast<unsigned char>(c);
    const char next = byte < 0x80 && std::isalnum(byte) != 0 ? static_cast<char>(std::tolower(byte)) : '-';
    if (next != '-' || (!name.empty() && name.back() != '-')) {
      name += next;
    }
  }
  constexpr size_t kLongest = 63;
  name.resize(std::min(name.size(), kLongest));
  while (!name.empty() && name.back() == '-') {
    name.pop_back();
  }
  return name.empty() ? kFallbackName : name;
}

void refuse_errors(const Session& session, const std::vector<Diagnostic>& diagnostics) {
  session.diagnostics(diagnostics);
  const auto errors = std::count_if(diagnostics.begin(), diagnostics.end(),
                                    [](const Diagnostic& d) { return d.severity == Severity::Error; });
  if (errors > 0) {
    throw Error(ErrorKind::InvalidInput, std::to_string(errors) + (errors == 1 ? " error" : " errors") +
                                             " in the files: nothing was changed");
  }
}

BootInput read_boot_input(const Session& session, std::vector<std::string> paths, const BootOptions& asked) {
  if (paths.empty()) {
    paths = default_paths(session);
  }
  BootInput input;
  input.lab = session.named_lab();
  const std::string from_path = paths.empty() ? kFallbackName : name_from_path(paths.front());
  manifest::LoadOptions options;
  options.strict = asked.strict;
  options.default_name = input.lab.empty() ? from_path : input.lab;
  options.keeps_applied = true;
  options.host_programs = asked.host_programs;
  options.allows_remote_store = asked.allows_remote_store;
  options.tells_host_programs = true;
  manifest::ask_for_namespace(options, asked.ns);
  manifest::Loaded loaded = manifest::load(manifest::read_sources(paths), options);
  if (loaded.cluster) {
    images::append_mistakes(*loaded.cluster, loaded.diagnostics);
  }
  refuse_errors(session, loaded.diagnostics);
  manifest::add_missing_namespace(loaded, options);
  input.cluster = manifest::cluster_or_default(loaded, options.default_name);
  input.cluster.host_programs = asked.host_programs.value_or(input.cluster.host_programs);
  if (input.lab.empty()) {
    input.lab = input.cluster.name.empty() ? from_path : input.cluster.name;
  }
  // -n wins over the file: two labs from one file need two names.
  input.cluster.name = input.lab;
  if (!supervisor::valid_lab_name(input.lab)) {
    throw Error(ErrorKind::InvalidInput, "lab name \"" + input.lab + "\": not a DNS label",
                "1 to 63 of a-z, 0-9 and '-', beginning and ending with a letter or digit");
  }
  if (!loaded.scenarios.empty()) {
    session.note(std::to_string(loaded.scenarios.size()) +
                 " Scenario or Probe objects left aside: `labctl test` runs them");
  }
  input.objects = std::move(loaded.objects);
  input.warnings = std::move(loaded.diagnostics);
  return input;
}

}  // namespace labctl::commands
