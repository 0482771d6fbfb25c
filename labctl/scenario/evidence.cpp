#include "labctl/scenario/evidence.hpp"

#include "labctl/api/client.hpp"
#include "labctl/api/exec_session.hpp"
#include "labctl/api/resource_kinds.hpp"
#include "labctl/api/uri.hpp"
#include "labctl/report/test_results_json.hpp"
#include "labctl/supervisor/registry.hpp"
#include "topology/base/error.hpp"
#include "topology/base/unique_fd.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include <array>
#include <fstream>
#include <regex>
#include <set>
#include <utility>
#include <vector>

namespace labctl::scenario {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::chrono::seconds kCommandTimeout{5};

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

std::string file_name(std::string text) {
  for (char& c : text) {
    const bool is_plain =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
    c = is_plain ? c : '_';
  }
  return text;
}

class Collector {
 public:
  Collector(const std::string& lab, const report::ScenarioResult& result, fs::path folder)
      : lab_(lab), client_(supervisor::socket_path(lab)), result_(result), folder_(std::move(folder)) {}

  void collect() {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    write("result.json", [&] { return report::scenario_to_json(result_).dump(2) + "\n"; });
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
      text = content();
    } catch (const Error& error) {
      text = "not to be had: " + error.message() + "\n";
    }
    fs::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name) << text;
  }

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
        return list.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
      });
    }
  }

  // The nodes, and what failed checks name.
  std::set<std::string> places() {
    std::set<std::string> places;
    try {
      const json graph = client_.get("/lab/v1/graph").json();
      for (const json& node : graph.value("nodes", json::array())) {
        places.insert("node/" + node.value("name", ""));
      }
    } catch (const Error&) {
      return places;
    }
    const std::regex place(R"((pod/[a-z0-9.-]+/[a-z0-9.-]+|outside/[a-z0-9.-]+))");
    for (const report::CheckResult& check : result_.checks) {
      if (check.verdict == report::Verdict::Passed) {
        continue;
      }
      const std::string text = (check.message + " " + check.details).substr(0, 20'000);
      for (std::sregex_iterator found(text.begin(), text.end(), place), end; found != end; ++found) {
        places.insert(found->str());
      }
    }
    return places;
  }

  void look_at(const std::string& place) {
    const fs::path folder = folder_ / file_name(place);
    fs::create_directories(folder);
    for (const Look& look : kLooks) {
      const UniqueFd out(
          ::open((folder / look.file).c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
      const UniqueFd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
      api::ExecRequest request;
      request.from = place;
      request.command = {"sh", "-c", look.command};
      request.timeout = kCommandTimeout;
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
  fs::path folder_;
  json pods_ = json::array();
};

}  // namespace

std::string collect_evidence(const std::string& lab, const report::ScenarioResult& result,
                             const fs::path& folder) {
  try {
    Collector(lab, result, folder).collect();
    return folder.string();
  } catch (const fs::filesystem_error&) {
    return {};
  } catch (const Error&) {
    return {};
  }
}

}  // namespace labctl::scenario
