#include "labctl/report/objects/resources.hpp"

#include "labctl/report/objects/age.hpp"
#include "labctl/report/objects/config_objects.hpp"
#include "labctl/report/objects/fields.hpp"
#include "labctl/report/objects/job_cells.hpp"
#include "labctl/report/objects/node_cells.hpp"
#include "labctl/report/objects/policy_columns.hpp"
#include "labctl/report/objects/service_cells.hpp"
#include "labctl/report/text/json_text.hpp"
#include "labctl/report/text/table.hpp"
#include "labctl/report/text/yaml.hpp"
#include "topology/base/printable.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <functional>
#include <ostream>
#include <span>
#include <string_view>

namespace labctl::report {
namespace {

using Json = nlohmann::json;
using CellOf = std::function<Cell(const Json&, const ResourceView&)>;

struct Column {
  std::string header;
  CellOf cell;
  bool wide = false;
};

Column field(std::string header, std::string pointer, std::string otherwise, bool wide = false) {
  return {std::move(header),
          [pointer = std::move(pointer), otherwise = std::move(otherwise)](
              const Json& object, const ResourceView&) { return text_or(object, pointer, otherwise); },
          wide};
}

Column age_column() {
  return {"AGE",
          [](const Json& object, const ResourceView& view) {
            return age_since(text(object, "/metadata/creationTimestamp"), view.now);
          },
          false};
}

std::string ready_of(const Json& object, const std::string& ready, const std::string& wanted) {
  return std::to_string(number(object, ready)) + "/" + std::to_string(number(object, wanted));
}

// Of the containers that stay: sidecars too.
std::string pod_ready(const Json& pod) {
  long long ready = 0;
  size_t total = list(pod, "/spec/containers").size();
  for (const Json& status : list(pod, "/status/containerStatuses")) {
    ready += flag(status, "/ready") ? 1 : 0;
  }
  for (const Json& spec : list(pod, "/spec/initContainers")) {
    total += text(spec, "/restartPolicy") == "Always" ? 1 : 0;
  }
  for (const Json& status : list(pod, "/status/initContainerStatuses")) {
    ready += flag(status, "/ready") && is_sidecar(pod, text(status, "/name")) ? 1 : 0;
  }
  return std::to_string(ready) + "/" + std::to_string(total);
}

// "3 (5m ago)": when the last container was restarted, as kubectl has it since 1.22.
std::string pod_restarts(const Json& pod, const ResourceView& view) {
  long long restarts = 0;
  std::string last;
  const auto add = [&](const Json& status) {
    restarts += number(status, "/restartCount");
    last = std::max(last, text(status, "/lastState/terminated/finishedAt"));
  };
  for (const Json& status : list(pod, "/status/containerStatuses")) {
    add(status);
  }
  for (const Json& status : list(pod, "/status/initContainerStatuses")) {
    if (is_sidecar(pod, text(status, "/name"))) {
      add(status);
    }
  }
  std::string out = std::to_string(restarts);
  return restarts == 0 || last.empty() ? out : out + " (" + age_since(last, view.now) + " ago)";
}

Cell color_status(const std::string& raw, const Palette& palette) {
  const std::string status = printable_line(raw);
  constexpr std::array<std::string_view, 7> kGood{"Running", "Completed", "Succeeded", "Ready",
                                                  "Active",  "Normal",    "Complete"};
  constexpr std::array<std::string_view, 7> kWaiting{
      "Pending",     "ContainerCreating", "PodInitializing", "SchedulingGated",
      "Terminating", "Warning",           "Suspended"};
  if (std::find(kGood.begin(), kGood.end(), status) != kGood.end()) {
    return Cell::of_colour(palette.good(status));
  }
  const bool waiting = std::find(kWaiting.begin(), kWaiting.end(), status) != kWaiting.end();
  return Cell::of_colour(waiting || status.starts_with("Init:") ? palette.warn(status) : palette.bad(status));
}

std::string of_containers(const Json& object, const char* what) {
  Json values = Json::array();
  for (const Json& container : at(object, "/spec/template/spec/containers")) {
    values.push_back(text(container, what));
  }
  return join_texts(values);
}

std::vector<Column> template_columns() {
  return {{"CONTAINERS", [](const Json& o, const ResourceView&) { return of_containers(o, "/name"); }, true},
          {"IMAGES", [](const Json& o, const ResourceView&) { return of_containers(o, "/image"); }, true},
          {"SELECTOR",
           [](const Json& o, const ResourceView&) { return join_selector(at(o, "/spec/selector")); }, true}};
}

std::string event_time(const Json& event) {
  for (const char* pointer :
       {"/series/lastObservedTime", "/lastTimestamp", "/eventTime", "/metadata/creationTimestamp"}) {
    if (std::string found = text(event, pointer); !found.empty()) {
      return found;
    }
  }
  return {};
}

std::string involved(const Json& event) {
  std::string kind = text(event, "/involvedObject/kind");
  std::transform(kind.begin(), kind.end(), kind.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return kind + "/" + text(event, "/involvedObject/name");
}

std::vector<Column> pod_columns() {
  return {
      {"READY", [](const Json& o, const ResourceView&) { return pod_ready(o); }},
      {"STATUS", [](const Json& o, const ResourceView& v) { return color_status(pod_status(o), v.palette); }},
      {"RESTARTS", pod_restarts},
      age_column(),
      field("IP", "/status/podIP", "<none>", true),
      field("NODE", "/spec/nodeName", "<none>", true)};
}

std::vector<Column> node_columns() {
  return {{"STATUS",
           [](const Json& o, const ResourceView& v) { return color_status(node_status(o), v.palette); }},
          {"ROLES", [](const Json& o, const ResourceView&) { return node_roles(o); }},
          age_column(),
          {"INTERNAL-IP", [](const Json& o, const ResourceView&) { return node_addresses(o, "InternalIP"); }},
          {"POD-CIDR", [](const Json& o, const ResourceView&) { return pod_cidrs(o); }},
          field("ZONE", "/metadata/labels/topology.kubernetes.io~1zone", "<none>", true),
          field("PODS", "/status/allocatable/pods", "<none>", true),
          field("VERSION", "/status/nodeInfo/kubeletVersion", "<none>", true),
          field("KERNEL-VERSION", "/status/nodeInfo/kernelVersion", "<none>", true)};
}

std::vector<Column> event_columns() {
  return {{"LAST SEEN", [](const Json& o, const ResourceView& v) { return age_since(event_time(o), v.now); }},
          {"TYPE",
           [](const Json& o, const ResourceView& v) { return color_status(text(o, "/type"), v.palette); }},
          field("REASON", "/reason", ""),
          {"OBJECT", [](const Json& o, const ResourceView&) { return involved(o); }},
          field("SOURCE", "/source/component", "", true),
          field("COUNT", "/count", "1", true),
          field("NAME", "/metadata/name", "", true),
          field("MESSAGE", "/message", "")};
}

std::vector<Column> service_columns() {
  return {field("TYPE", "/spec/type", "ClusterIP"),
          field("CLUSTER-IP", "/spec/clusterIP", "<none>"),
          {"EXTERNAL-IP",
           [](const Json& o, const ResourceView& v) { return external_ip_of(o, v.format == Format::Wide); }},
          {"PORT(S)", [](const Json& o, const ResourceView&) { return ports_of_service(o); }},
          age_column(),
          {"SELECTOR",
           [](const Json& o, const ResourceView&) { return join_labels(at(o, "/spec/selector")); }, true}};
}

std::vector<Column> slice_columns() {
  return {field("ADDRESSTYPE", "/addressType", "<none>"),
          {"PORTS", [](const Json& o, const ResourceView&) { return ports_of_slice(o); }},
          {"ENDPOINTS", [](const Json& o, const ResourceView&) { return addresses_of_slice(o); }},
          age_column()};
}

std::vector<Column> endpoints_columns() {
  return {{"ENDPOINTS", [](const Json& o, const ResourceView&) { return addresses_of_endpoints(o); }},
          age_column()};
}

std::vector<Column> columns_of_policy(const std::string& kind) {
  std::vector<Column> columns;
  for (PolicyColumn& column : policy_columns(kind)) {
    columns.push_back(
        column.cell == nullptr
            ? age_column()
            : Column{std::move(column.header),
                     [cell = column.cell](const Json& o, const ResourceView&) { return cell(o); },
                     column.wide});
  }
  return columns;
}

// The columns after NAMESPACE and NAME.
std::vector<Column> columns_of(const std::string& kind) {
  std::vector<Column> columns;
  const auto append = [&](std::vector<Column> more) {
    columns.insert(columns.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  };
  if (kind == "Pod") {
    return pod_columns();
  }
  if (kind == "Node") {
    return node_columns();
  }
  if (kind == "Event") {
    return event_columns();
  }
  if (kind == "Service") {
    return service_columns();
  }
  if (kind == "EndpointSlice") {
    return slice_columns();
  }
  if (kind == "Endpoints") {
    return endpoints_columns();
  }
  if (kind == "Deployment") {
    columns = {
        {"READY", [](const Json& o,
                     const ResourceView&) { return ready_of(o, "/status/readyReplicas", "/spec/replicas"); }},
        field("UP-TO-DATE", "/status/updatedReplicas", "0"),
        field("AVAILABLE", "/status/availableReplicas", "0"),
        age_column()};
    append(template_columns());
  } else if (kind == "ReplicaSet") {
    columns = {field("DESIRED", "/spec/replicas", "0"), field("CURRENT", "/status/replicas", "0"),
               field("READY", "/status/readyReplicas", "0"), age_column()};
    append(template_columns());
  } else if (kind == "StatefulSet") {
    columns = {
        {"READY", [](const Json& o,
                     const ResourceView&) { return ready_of(o, "/status/readyReplicas", "/spec/replicas"); }},
        age_column()};
    append(template_columns());
  } else if (kind == "DaemonSet") {
    columns = {field("DESIRED", "/status/desiredNumberScheduled", "0"),
               field("CURRENT", "/status/currentNumberScheduled", "0"),
               field("READY", "/status/numberReady", "0"),
               field("UP-TO-DATE", "/status/updatedNumberScheduled", "0"),
               field("AVAILABLE", "/status/numberAvailable", "0"),
               {"NODE SELECTOR",
                [](const Json& o, const ResourceView&) {
                  return join_labels(at(o, "/spec/template/spec/nodeSelector"));
                }},
               age_column()};
    append(template_columns());
  } else if (kind == "Job") {
    columns = {{"STATUS",
                [](const Json& o, const ResourceView& v) { return color_status(job_status(o), v.palette); }},
               {"COMPLETIONS", [](const Json& o, const ResourceView&) { return job_completions(o); }},
               {"DURATION", [](const Json& o, const ResourceView& v) { return job_duration(o, v.now); }},
               age_column()};
    append(template_columns());
  } else if (kind == "CronJob") {
    columns = {
        field("SCHEDULE", "/spec/schedule", "<none>"),
        field("TIMEZONE", "/spec/timeZone", "<none>"),
        {"SUSPEND",
         [](const Json& o, const ResourceView&) { return flag(o, "/spec/suspend") ? "True" : "False"; }},
        {"ACTIVE",
         [](const Json& o, const ResourceView&) { return std::to_string(list(o, "/status/active").size()); }},
        {"LAST SCHEDULE", [](const Json& o, const ResourceView& v) { return last_schedule(o, v.now); }},
        age_column()};
  } else if (kind == "Namespace") {
    columns = {{"STATUS",
                [](const Json& o, const ResourceView& v) {
                  return color_status(text_or(o, "/status/phase", "Active"), v.palette);
                }},
               age_column()};
  } else if (std::vector<Column> of_policy = columns_of_policy(kind); !of_policy.empty()) {
    append(std::move(of_policy));
  } else {
    for (const ConfigColumn& column : config_columns(kind)) {
      columns.push_back(
          {column.header, [cell = column.cell](const Json& o, const ResourceView&) { return cell(o); }});
    }
    columns.push_back(age_column());
  }
  return columns;
}

// Headers and cells as asked for: NAMESPACE, NAME (events have none), the kind's own, LABELS.
std::vector<Column> visible_columns(const std::string& kind, const ResourceView& view) {
  std::vector<Column> columns;
  if (view.with_namespace) {
    columns.push_back(field("NAMESPACE", "/metadata/namespace", ""));
  }
  if (kind != "Event") {
    columns.push_back({"NAME", [](const Json& object, const ResourceView& v) {
                         const std::string name =
                             v.with_kind ? qualified_name(object) : text(object, "/metadata/name");
                         return is_default_class(object) ? name + " (default)" : name;
                       }});
  }
  for (Column& column : columns_of(kind)) {
    if (!column.wide || view.format == Format::Wide) {
      columns.push_back(std::move(column));
    }
  }
  if (view.with_labels) {
    columns.push_back({"LABELS", [](const Json& o, const ResourceView&) {
                         return join_labels(at(o, "/metadata/labels"));
                       }});
  }
  return columns;
}

void print_table(std::ostream& out, std::span<const Json> objects, const std::string& kind,
                 const ResourceView& view) {
  const std::vector<Column> columns = visible_columns(kind, view);
  std::vector<std::string> headers;
  for (const Column& column : columns) {
    headers.push_back(column.header);
  }
  Table table(std::move(headers), view.headers);
  for (const Json& object : objects) {
    std::vector<Cell> cells;
    for (const Column& column : columns) {
      cells.push_back(column.cell(object, view));
    }
    table.add(cells);
  }
  table.print(out);
}

}  // namespace

std::string qualified_name(const Json& object) {
  std::string kind = text(object, "/kind");
  std::transform(kind.begin(), kind.end(), kind.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const std::string version = text(object, "/apiVersion");
  const size_t slash = version.find('/');
  return kind + (slash == std::string::npos ? "" : "." + version.substr(0, slash)) + "/" +
         text(object, "/metadata/name");
}

bool happened_before(const Json& a, const Json& b) {
  const auto version = [](const Json& event) {
    const std::string digits = text(event, "/metadata/resourceVersion");
    return std::pair(digits.size(), digits);  // decimal numbers of any size in their order
  };
  const std::string time_a = event_time(a);
  const std::string time_b = event_time(b);
  return time_a != time_b ? time_a < time_b : version(a) < version(b);
}

void print_value(std::ostream& out, const Json& value, Format format) {
  switch (format) {
    case Format::Yaml:
      write_yaml(out, value);
      return;
    case Format::JsonLines:
      if (value.is_array()) {
        for (const Json& item : value) {
          out << json_text(item) << '\n';
        }
        return;
      }
      out << json_text(value) << '\n';
      return;
    case Format::Json:
    case Format::Table:
    case Format::Wide:
    case Format::Name:
      out << json_text(value, 4) << '\n';
      return;
  }
}

void print_resources(std::ostream& out, const std::vector<Json>& objects, const ResourceView& view) {
  switch (view.format) {
    case Format::Name:
      for (const Json& object : objects) {
        out << printable_line(qualified_name(object)) << '\n';
      }
      return;
    case Format::JsonLines:
      for (const Json& object : objects) {
        print_value(out, object, Format::JsonLines);
      }
      return;
    case Format::Json:
    case Format::Yaml:
      if (view.single && objects.size() == 1) {
        print_value(out, objects.front(), view.format);
      } else {
        print_value(out,
                    Json{{"apiVersion", "v1"},
                         {"kind", "List"},
                         {"items", objects},
                         {"metadata", {{"resourceVersion", ""}}}},
                    view.format);
      }
      return;
    case Format::Table:
    case Format::Wide:
      break;
  }
  // One table a kind, in the order the kinds come, an empty line between.
  for (size_t begin = 0; begin < objects.size();) {
    const std::string kind = text(objects[begin], "/kind");
    size_t end = begin;
    while (end < objects.size() && text(objects[end], "/kind") == kind) {
      ++end;
    }
    if (begin > 0) {
      out << '\n';
    }
    print_table(out, std::span(objects).subspan(begin, end - begin), kind, view);
    begin = end;
  }
}

void ResourceWatch::list(const std::vector<Json>& objects) { print_rows(objects); }
void ResourceWatch::row(const Json& object) { print_rows({object}); }

void ResourceWatch::print_rows(const std::vector<Json>& objects) {
  view_.now = std::chrono::system_clock::now();
  if (view_.format != Format::Table && view_.format != Format::Wide) {
    ResourceView single = view_;
    single.single = true;
    for (const Json& object : objects) {
      out_ << (view_.format == Format::Yaml ? "---\n" : "");
      print_resources(out_, {object}, single);
    }
    out_.flush();
    return;
  }
  if (objects.empty()) {
    return;
  }
  const std::vector<Column> columns = visible_columns(text(objects.front(), "/kind"), view_);
  std::vector<std::vector<std::string>> rows;
  if (!has_header_ && view_.headers) {
    rows.emplace_back();
    for (const Column& column : columns) {
      rows.back().push_back(column.header);
    }
  }
  has_header_ = true;
  for (const Json& object : objects) {
    rows.emplace_back();
    for (const Column& column : columns) {
      rows.back().push_back(column.cell(object, view_).shown());
    }
  }
  widths_.resize(columns.size(), 0);
  for (const auto& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) {
      widths_[i] = std::max(widths_[i], display_width(row[i]));
    }
  }
  for (const auto& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      line += row[i] + std::string(widths_[i] - display_width(row[i]) + 3, ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out_ << line << '\n';
  }
  out_.flush();
}

}  // namespace labctl::report
