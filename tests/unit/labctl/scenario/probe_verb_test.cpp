#include "labctl/api/server.hpp"
#include "labctl/api/unix_socket.hpp"
#include "labctl/scenario/verbs/verbs.hpp"
#include "tests/support/temp_dir.hpp"
#include "topology/base/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <sys/stat.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <mutex>
#include <string>
#include <vector>

namespace labctl::scenario {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

// A lab that notes what it is asked.
class ProbedLab {
 public:
  ProbedLab()
      : server_(api::listen_unix(socket()), [this](const api::Request& request) { return take(request); }) {}

  Attempt probe(const json& value) {
    api::Client client(socket());
    Flows flows(socket());
    std::atomic<int> stop = 0;
    Context context{client, {}, stop, std::chrono::steady_clock::now() + 60s, flows};
    return do_probe(context, value);
  }
  std::vector<std::string> asked() {
    const std::lock_guard lock(mutex_);
    return asked_;
  }
  json request() {
    const std::lock_guard lock(mutex_);
    return request_;
  }

 private:
  std::filesystem::path socket() const {
    const std::filesystem::path folder = folder_.path() / "shop";
    ::mkdir(folder.c_str(), 0700);
    return folder / "api.sock";
  }
  api::Response take(const api::Request& request) {
    const std::lock_guard lock(mutex_);
    asked_.push_back(request.path);
    api::Response response;
    if (request.path == "/lab/v1/graph") {
      response.body = R"({"nodes": [{"name": "n", "addresses": ["192.168.50.11"],
          "pods": [{"namespace": "default", "name": "a", "ips": ["10.244.1.2"]}]}]})";
    } else {
      request_ = json::parse(request.body);
      response.body = R"({"id": 1, "outcome": "ok", "tries": 1, "backend": "pod/default/b",
          "source": "10.244.1.2", "rtt_us": 61})";
    }
    return response;
  }

  support::TempDir folder_;
  std::mutex mutex_;
  std::vector<std::string> asked_;
  json request_;
  api::Server server_;
};

const json kProbe{{"from", "pod/default/a"}, {"to", "pod/default/b:80"}};

json expecting(const json& expect) {
  json probe = kProbe;
  probe["expect"] = expect;
  return probe;
}

TEST(ProbeVerb, AsksForTheGraphOnlyWhenASourceInWordsIsExpected) {
  ProbedLab lab;
  EXPECT_TRUE(lab.probe(kProbe).passed);
  EXPECT_TRUE(lab.probe(expecting({{"backends", {"pod/default/b"}}})).passed);
  EXPECT_TRUE(lab.probe(expecting({{"source", "10.244.1.2"}})).passed);
  EXPECT_THAT(lab.asked(), testing::Each("/lab/v1/probes"));
  EXPECT_TRUE(lab.probe(expecting({{"source", "client"}})).passed);
  EXPECT_EQ(lab.probe(expecting({{"source", "node"}})).message,
            "wanted source node (192.168.50.11), seen source 10.244.1.2");
  EXPECT_EQ(lab.asked().back(), "/lab/v1/graph");
}

TEST(ProbeVerb, SaysWhatWasSeen) {
  EXPECT_EQ(
      ProbedLab().probe(kProbe).details,
      "pod/default/a -> pod/default/b:80: ok, answered by pod/default/b, which saw 10.244.1.2, in 61 us");
}

TEST(ProbeVerb, AsksWhatTheStepSays) {
  ProbedLab lab;
  json probe = expecting({{"rtt", {{"p99", "1s"}}}});
  probe.update({{"proto", "udp"}, {"count", 3}, {"timeout", "2s"}, {"sourcePort", 99}});
  lab.probe(probe);
  EXPECT_EQ(lab.request(), json::parse(R"({"id": 1, "from": "pod/default/a", "to": "pod/default/b:80",
      "proto": "udp", "count": 3, "timeout_ms": 2000, "source_port": 99, "percentiles": true})"));
}

TEST(ProbeVerb, TellsWhatItCannotAskBeforeItAsks) {
  ProbedLab lab;
  json probe = kProbe;
  probe["count"] = 0;
  try {
    lab.probe(probe);
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::InvalidInput);
    EXPECT_EQ(error.message(), "count: 0: a count is 1 to 1000000");
  }
  EXPECT_THAT(lab.asked(), testing::IsEmpty());
}

}  // namespace
}  // namespace labctl::scenario
