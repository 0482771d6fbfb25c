#include "labctl/scenario/evidence.hpp"

#include "labctl/api/client.hpp"
#include "labctl/api/exec_session.hpp"
#include "labctl/api/resource_kinds.hpp"
#include "labctl/api/uri.hpp"
#include "labctl/report/tests/test_results_json.hpp"
#include "labctl/scenario/evidence_folder.hpp"
#include "labctl/supervisor/registry.hpp"
#include "topology/base/error.hpp"
#include "topology/base/unique_fd.hpp"
#include "topology/model/place.hpp"
#include "topology/model/well_known.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <fstream>
#include <set>
#include <utility>
#include <vector>

namespace labctl::scenario {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using std::chrono::steady_clock;

const std::string kTooLate = "not to be had: the time for evidence was over\n";

// File and command; the first program that is there is run.
struct Look {
  const char* file;
  const char* command;
};
constexpr std::array<Look, 8> kLooks{{
    {"links.txt", "ip -details -statistics link show"},
    {"addresses.txt", "ip address show"},
    {"routes.txt", "ip -4 route show table all; ip -6 route show table all"},
    {"neighbours.txt", "ip neighbour show; bridge fdb show"},
    {"rules.txt", "ip -4 rule show; ip -6 rule show"},
    {"sockets.txt", "ss --numeric --all --tcp --udp --processes"},
    {"ruleset.txt", "nft list ruleset"},
    {"conntrack.txt", "cat /proc/net/nf_conntrack"},
}};

// Places and logs are named after objects, whose names may be as long as those of files.
std::string file_name(std::string text) {
  for (char& c : text) {
    const bool is_plain =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
    c = is_plain ? c : '_';
  }
  return fitting_file_name(text);
}

// Every pod/NAMESPACE/NAME and outside/NAME in a text.
std::set<std::string> places_named(const std::string& text) {
  constexpr std::string_view kPlaceCharacters = "abcdefghijklmnopqrstuvwxyz0123456789.-/";
  std::set<std::string> places;
  for (size_t at = 0; (at = text.find_first_of(kPlaceCharacters, at)) != std::string::npos;) {
    const size_t end = std::min(text.find_first_not_of(kPlaceCharacters, at), text.size());
    const auto place = model::parse_place(std::string_view(text).substr(at, end - at));
    if (place && place->kind != model::PlaceKind::Node) {
      places.insert(to_string(*place));
    }
    at = end;
  }
  return places;
}

constexpr const char* kLeftOut = "(left out)";

class Collector {
 public:
  Collector(const std::string& lab, const report::ScenarioResult& result, EvidenceFolder& folder)
      : lab_(lab), client_(supervisor::socket_path(lab), kEvidenceMax), result_(result), folder_(folder) {}

  void collect(const std::vector<LongOutput>& outputs) {
    write("result.json", [&] { return report::scenario_to_json(result_).dump(2) + "\n"; });
    for (const LongOutput& output : outputs) {
      folder_.write(output.file, output.text);
    }
    write_objects();
    write("supervisor.log", [&] { return text_in(supervisor::lab_directory(lab_) / "supervisor.log"); });
    for (const std::string& place : places()) {
      look_at(place);
    }
    write_logs();
  }

 private:
  template <typename Content>
  void write(const fs::path& name, Content content) {
    std::string text;
    try {
      text = is_late() ? kTooLate : content();
    } catch (const Error& error) {
      text = "not to be had: " + error.message() + "\n";
    } catch (const json::exception& error) {
      text = std::string("not to be had: ") + error.what() + "\n";
    }
    folder_.write(name, text);
  }

  bool is_late() const { return steady_clock::now() >= until_; }

  static std::string text_in(const fs::path& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  void write_objects() {
    for (const api::ResourceKind& kind : api::resource_kinds()) {
      write(fs::path("objects") / (std::string(kind.plural) + ".json"), [&] {
        const json list = client_.get(api::collection_path(kind)).json();
        if (kind.plural == "pods") {
          pods_ = list.value("items", json::array());
        }
        return without_secrets(list).dump(2, ' ', false, json::error_handler_t::replace) + "\n";
      });
    }
  }

  // The nodes, and what failed checks name.
  std::set<std::string> places() {
    std::set<std::string> places;
    try {
      const json graph = client_.get("/lab/v1/graph").json();
      for (const json& node : graph.value("nodes", json::array())) {
        places.insert(to_string(model::Place::node(node.value("name", ""))));
      }
    } catch (const Error&) {
      return places;
    }
    for (const report::CheckResult& check : result_.checks) {
      if (check.verdict != report::Verdict::Passed) {
        places.merge(places_named(check.message + " " + check.details));
      }
    }
    return places;
  }

  void look_at(const std::string& place) {
    for (const Look& look : kLooks) {
      const UniqueFd out = folder_.create_file(fs::path(file_name(place)) / look.file);
      if (is_late()) {
        [[maybe_unused]] const ssize_t size = ::write(out.get(), kTooLate.data(), kTooLate.size());
        continue;
      }
      const UniqueFd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
      api::ExecRequest request;
      request.from = place;
      request.command = {"sh", "-c", look.command};
      request.timeout = std::chrono::ceil<std::chrono::milliseconds>(until_ - steady_clock::now());
      try {
        api::run_exec(client_, request, {null.get(), out.get(), out.get()});
      } catch (const Error& error) {
        const std::string text = "not to be had: " + error.message() + "\n";
        [[maybe_unused]] const ssize_t size = ::write(out.get(), text.data(), text.size());
      }
    }
  }

  void write_logs() {
    for (const json& pod : pods_) {
      const auto ns = pod.value("/metadata/namespace"_json_pointer, std::string());
      const auto name = pod.value("/metadata/name"_json_pointer, std::string());
      const json containers = pod.value("/spec/containers"_json_pointer, json::array());
      for (const json& container : containers) {
        const auto container_name = container.value("name", std::string());
        write(fs::path("logs") / (file_name(ns + "_" + name + "_" + container_name) + ".txt"), [&] {
          return client_
              .get("/lab/v1/logs" +
                   api::query_string({{"namespace", ns}, {"pod", name}, {"container", container_name}}))
              .body;
        });
      }
    }
  }

  const std::string& lab_;
  api::Client client_;
  const report::ScenarioResult& result_;
  EvidenceFolder& folder_;
  json pods_ = json::array();
  const steady_clock::time_point until_ = steady_clock::now() + kEvidenceMax;
};

}  // namespace

json without_secrets(json object) {
  if (object.is_array()) {
    for (json& item : object) {
      item = without_secrets(std::move(item));
    }
    return object;
  }
  if (!object.is_object()) {
    return object;
  }
  if (object.value("kind", json()) == "Secret") {
    for (const char* field : {"data", "stringData"}) {
      if (const auto values = object.find(field); values != object.end() && values->is_object()) {
        for (json& value : *values) {
          value = kLeftOut;
        }
      }
    }
  }
  for (auto& [key, field] : object.items()) {
    if (key == "env" && field.is_array()) {
      for (json& variable : field) {
        if (variable.is_object() && variable.contains("value")) {
          variable["value"] = kLeftOut;
        }
      }
    } else if (key == model::kLastAppliedAnnotation) {
      field = kLeftOut;
    } else {
      field = without_secrets(std::move(field));
    }
  }
  return object;
}

void collect_evidence(const std::string& lab, report::ScenarioResult& result,
                      const std::vector<LongOutput>& outputs, const EvidencePlace& place) {
  try {
    EvidenceFolder folder(place.root);
    Collector(lab, result, folder).collect(outputs);
    const EvidenceFolder::Place put = folder.put_in_place(place.name);
    result.evidence = put.path.string();
    result.evidence_note = put.why;
  } catch (const Error& error) {
    result.evidence_note = "none kept: " + error.message();
  }
}

}  // namespace labctl::scenario
