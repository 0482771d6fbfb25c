#include "labctl/api/lab_requests.hpp"

#include "labctl/api/request_reader.hpp"
#include "topology/base/error.hpp"

#include <charconv>
#include <csignal>
#include <set>

namespace labctl::api {
namespace {

using api::Fields;
using api::Mistakes;
using nlohmann::json;

constexpr api::Range kWaitMs{0, 86'400'000, "a time to wait in milliseconds"};
constexpr api::Range kTerminalSize{0, 65535, "a terminal's size"};
constexpr api::Range kGraceSeconds{0, INT32_MAX, "a grace period in seconds"};

// A program's words and its environment are C strings.
bool is_c_string(const std::string& text) { return text.find('\0') == std::string::npos; }

std::vector<manifest::Source> sources_in(Fields& fields) {
  std::vector<manifest::Source> sources;
  for (Fields& source : fields.objects("sources")) {
    manifest::Source one;
    one.name = source.text("name", "<request>");
    if (source.find("text") == nullptr) {
      source.mistake("text", "is required");
    }
    one.text = source.text("text");
    one.skipped = source.text("skipped");
    source.close();
    sources.push_back(std::move(one));
  }
  return sources;
}

// An object that "resource", "namespace" and "name" say.
api::ResourceRef ref_in(Fields& fields) {
  api::ResourceRef ref;
  const std::string resource = fields.required_text("resource");
  ref.kind = api::find_resource(resource);
  if (ref.kind == nullptr && !resource.empty()) {
    fields.mistake("resource", "no such resource");
  }
  ref.ns = fields.text("namespace", "default");
  ref.name = fields.required_text("name");
  if (ref.kind != nullptr && !ref.kind->namespaced) {
    ref.ns.clear();
  }
  return ref;
}

std::string query_text(const api::Request& request, const char* name, const std::string& otherwise = {}) {
  const auto found = request.query.find(name);
  return found != request.query.end() ? found->second : otherwise;
}

bool query_flag(const api::Request& request, const char* name, Mistakes& mistakes) {
  const std::string value = query_text(request, name);
  if (!value.empty() && value != "0" && value != "false" && value != "1" && value != "true") {
    mistakes.add(name, json(value), "must be true or false");
  }
  return value == "1" || value == "true";
}

}  // namespace

WaitRequest parse_wait(const json& body) {
  Mistakes mistakes;
  Fields fields(body, "", mistakes);
  WaitRequest wanted;
  wanted.object = ref_in(fields);
  wanted.condition = fields.text("condition");
  const std::string pointer = fields.text("pointer");
  try {
    wanted.pointer = json::json_pointer(pointer);
  } catch (const json::exception&) {
    fields.mistake("pointer", "must be a JSON pointer, such as /status/phase");
  }
  if (const json* equals = fields.find("equals")) {
    wanted.equals = *equals;
  }
  if (wanted.condition.empty() && pointer.empty()) {
    fields.mistake("condition", "is required, or a pointer");
  }
  wanted.timeout = std::chrono::milliseconds(fields.number("timeout_ms", kWaitMs, 30'000));
  fields.close();
  mistakes.throw_if_any();
  return wanted;
}

ExecStart parse_exec(const json& body) {
  Mistakes mistakes;
  Fields fields(body, "", mistakes);
  ExecStart wanted;
  wanted.from = fields.required_text("from");
  wanted.container = fields.text("container");
  wanted.command = fields.texts("command");
  wanted.env = fields.text_map("env");
  wanted.tty = fields.flag("tty");
  wanted.rows = static_cast<std::uint16_t>(fields.number("rows", kTerminalSize, 24));
  wanted.columns = static_cast<std::uint16_t>(fields.number("cols", kTerminalSize, 80));
  for (const std::string& word : wanted.command) {
    if (!is_c_string(word)) {
      fields.mistake("command", "a word may hold no zero byte");
    }
  }
  for (const auto& [name, value] : wanted.env) {
    if (name.empty() || name.find('=') != std::string::npos || !is_c_string(name) || !is_c_string(value)) {
      mistakes.add(fields.path_of("env"), json(name),
                   "is no name of a variable, or its value holds a zero byte");
    }
  }
  fields.close();
  mistakes.throw_if_any();
  if (wanted.command.empty() || wanted.command.front().empty()) {
    throw Error(ErrorKind::InvalidInput, "exec: no command", "labctl exec VANTAGE -- COMMAND [ARG...]");
  }
  return wanted;
}

std::optional<int> parse_exec_signal(std::string_view line) {
  const json message = json::parse(line, nullptr, false);
  const auto found = message.is_object() ? message.find("signal") : message.end();
  if (!message.is_object() || found == message.end() || !found->is_number_integer()) {
    return std::nullopt;
  }
  const auto number = found->get<std::int64_t>();
  return number > 0 && number <= SIGRTMAX ? std::optional<int>(static_cast<int>(number)) : std::nullopt;
}

json to_json(const std::vector<manifest::Source>& sources) {
  json list = json::array();
  for (const manifest::Source& source : sources) {
    list.push_back({{"name", source.name}, {"text", source.text}});
    if (!source.skipped.empty()) {
      list.back()["skipped"] = source.skipped;
    }
  }
  return list;
}

ApplyRequest parse_apply(const json& body) {
  Mistakes mistakes;
  Fields fields(body, "", mistakes);
  ApplyRequest wanted;
  wanted.sources = sources_in(fields);
  wanted.is_strict = fields.flag("strict");
  wanted.is_dry_run = fields.flag("dryRun");
  wanted.ns = fields.text("namespace");
  wanted.selector = fields.text("selector");
  if (std::optional<Fields> prune = fields.object("prune")) {
    wanted.prune = PruneRequest{prune->flag("all"), prune->texts("allowlist")};
    prune->close();
  }
  fields.close();
  mistakes.throw_if_any();
  return wanted;
}

DeleteRequest parse_delete(const json& body) {
  Mistakes mistakes;
  Fields fields(body, "", mistakes);
  DeleteRequest wanted;
  for (Fields& ref : fields.objects("refs")) {
    wanted.refs.push_back(ref_in(ref));
    ref.close();
  }
  wanted.sources = sources_in(fields);
  wanted.ns = fields.text("namespace");
  if (fields.find("gracePeriodSeconds") != nullptr) {
    wanted.grace = std::chrono::seconds(fields.number("gracePeriodSeconds", kGraceSeconds, 0));
  }
  fields.close();
  mistakes.throw_if_any();
  return wanted;
}

LogRequest parse_log_query(const api::Request& request) {
  static const std::set<std::string> known{"namespace", "pod",    "container", "tail",
                                           "previous",  "follow", "timestamps"};
  Mistakes mistakes;
  for (const auto& [name, value] : request.query) {
    if (!known.contains(name)) {
      mistakes.add(name, "no such field of a query for logs");
    }
  }
  LogRequest wanted;
  wanted.pod = {query_text(request, "namespace", "default"), query_text(request, "pod")};
  wanted.container = query_text(request, "container");
  wanted.previous = query_flag(request, "previous", mistakes);
  wanted.follow = query_flag(request, "follow", mistakes);
  wanted.timestamps = query_flag(request, "timestamps", mistakes);
  if (wanted.pod.name.empty()) {
    mistakes.add("pod", "is required");
  }
  if (const std::string tail = query_text(request, "tail"); !tail.empty()) {
    std::size_t lines = 0;
    const auto [end, error] = std::from_chars(tail.data(), tail.data() + tail.size(), lines);
    if (error != std::errc() || end != tail.data() + tail.size()) {
      mistakes.add("tail", json(tail), "is no number of lines");
    }
    wanted.tail = lines;
  }
  mistakes.throw_if_any();
  return wanted;
}

NamespacedName parse_namespaced_name(std::string_view path, const std::string& what) {
  const std::size_t slash = path.find('/');
  const std::string_view ns = path.substr(0, slash);
  const std::string_view name = slash == std::string_view::npos ? "" : path.substr(slash + 1);
  if (ns.empty() || name.empty()) {
    throw Error(ErrorKind::InvalidInput, what + ": \"" + std::string(path) + "\" is not NAMESPACE/NAME");
  }
  return {std::string(ns), std::string(name)};
}

}  // namespace labctl::api
