#pragma once

// Kubernetes objects as `get` shows them: kubectl's columns, or the objects themselves.

#include "labctl/report/text/format.hpp"
#include "labctl/report/text/palette.hpp"

#include <nlohmann/json_fwd.hpp>

#include <chrono>
#include <iosfwd>
#include <string>
#include <utility>
#include <vector>

namespace labctl::report {

struct ResourceView {
  Format format = Format::Table;
  bool with_namespace = false;  // a NAMESPACE column first
  bool with_kind = false;       // "pod/web-0" for the name, when several kinds are shown
  bool with_labels = false;     // a LABELS column last
  bool headers = true;
  bool single = false;  // one object was asked for by name: JSON and YAML are it, not a List
  std::chrono::system_clock::time_point now = std::chrono::system_clock::now();
  Palette palette;
};

// All of one kind, or (structured formats) of any kinds: `objects` carry apiVersion and kind.
void print_resources(std::ostream& out, const std::vector<nlohmann::json>& objects, const ResourceView& view);

// For watches: a list, then rows one by one as they change, in the columns of the list as far as they fit.
// The structured formats are a document an object. Flushes after each call.
class ResourceWatch {
 public:
  ResourceWatch(std::ostream& out, ResourceView view) : out_(out), view_(std::move(view)) {}
  // The header comes with the first object.
  void list(const std::vector<nlohmann::json>& objects);
  void row(const nlohmann::json& object);

 private:
  void print_rows(const std::vector<nlohmann::json>& objects);

  std::ostream& out_;
  ResourceView view_;
  std::vector<size_t> widths_;
  bool has_header_ = false;
};

// "pod/web-0", "deployment.apps/web": kind in lower case with its API group.
std::string qualified_name(const nlohmann::json& object);

// What kubectl shows as a pod's STATUS: "Running", "CrashLoopBackOff", "Init:0/1", "Terminating", ...
std::string pod_status(const nlohmann::json& pod);

// Whether that container is an init container of the pod that stays beside the others.
bool is_sidecar(const nlohmann::json& pod, const std::string& container);

// Orders Event objects, oldest first; those of one second as the lab wrote them.
bool happened_before(const nlohmann::json& a, const nlohmann::json& b);

// A JSON value in a structured format (JSON indented by 4, as kubectl; JSONL: arrays a line an element).
void print_value(std::ostream& out, const nlohmann::json& value, Format format);

}  // namespace labctl::report
