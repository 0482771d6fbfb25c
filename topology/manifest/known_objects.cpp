#include "topology/manifest/known_objects.hpp"

#include <algorithm>
#include <utility>

namespace labctl::manifest {
namespace {

constexpr std::string_view kClaim = "PersistentVolumeClaim";

bool is_ordinal(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

KnownObjects::KnownObjects(const std::vector<Record>& records) {
  for (const Record& record : records) {
    names_.emplace(record.kind->name, record.name, record.ns);
    const Place spec = record.place.field("spec");
    const Place templates = spec.field("volumeClaimTemplates");
    for (std::size_t i = 0; record.is_sound && i < templates.size(); ++i) {
      const Place claim = templates.item(i);
      const Place metadata = claim.field("metadata");
      claims_.emplace(record.ns, std::string(metadata.field("name").text()) + "-" + record.name + "-");
    }
  }
}

void KnownObjects::add(std::string kind, std::string ns, std::string name) {
  made_.emplace(std::move(kind), std::move(name), std::move(ns));
}

bool KnownObjects::has(std::string_view kind, std::string_view ns, std::string_view name) const {
  if (names_.contains({kind, name, ns}) ||
      made_.contains({std::string(kind), std::string(name), std::string(ns)})) {
    return true;
  }
  const std::size_t dash = kind == kClaim ? name.rfind('-') : std::string_view::npos;
  return dash != std::string_view::npos && is_ordinal(name.substr(dash + 1)) &&
         claims_.contains({ns, std::string(name.substr(0, dash + 1))});
}

void KnownObjects::warn_of_missing(std::string_view kind, std::string_view ns, const Place& name,
                                   const std::string& consequence, Findings& findings) const {
  const std::string full = std::string(ns) + "/" + std::string(name.text());
  std::string hint = "add it, or create it in the running lab";
  const auto elsewhere = names_.lower_bound({kind, name.text(), {}});
  if (elsewhere != names_.end() && std::get<0>(*elsewhere) == kind &&
      std::get<1>(*elsewhere) == name.text()) {
    hint = "namespace " + std::string(std::get<2>(*elsewhere)) +
           " has one, and only those of its own namespace are meant";
  }
  findings.repeated(
      name, {"missing " + std::string(kind) + " " + full,
             "no file has the " + std::string(kind) + " " + in_quotes(full) + ", so " + consequence, hint,
             false, false});
}

}  // namespace labctl::manifest
