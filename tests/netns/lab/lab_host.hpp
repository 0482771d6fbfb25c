#pragma once

// A whole lab in a test's own process, in a capsule: its main loop is the test's, and so
// is what stands around each piece of work. After every piece it is asked whether some
// object is in a state that nobody will leave.

#include "labctl/controllers/stuck.hpp"
#include "labctl/lab/lab.hpp"
#include "labctl/loop/main_loop.hpp"
#include "labctl/objects/deletion.hpp"
#include "labctl/objects/fields.hpp"
#include "tests/netns/process/capsule_fixture.hpp"
#include "topology/kernel/reaper.hpp"
#include "topology/manifest/loader.hpp"

#include <gtest/gtest.h>

#include <unistd.h>

#include <chrono>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>

namespace labctl::lab::testing {

using Piece = loop::MainLoopOptions::Piece;
using Around = std::function<void(Piece, const std::function<void()>& work)>;

class LabHost {
 public:
  // `text`: manifests, the Cluster among them. Boots.
  explicit LabHost(const std::string& text, Around around = {})
      : reaper(kernel::Reaper::create()),
        loaded(manifest::load({{"lab.yaml", text}}, {})),
        loop({[this, around = std::move(around)](Piece piece, const std::function<void()>& work) {
          around ? around(piece, work) : work();
          if (piece != Piece::Part) {
            look();
          }
        }}),
        lab(loop, reaper,
            {"capsule", manifest::cluster_or_default(loaded, "capsule"), kernel::IdMapping::Single,
             ::getpid(), nullptr}) {
    for (const Diagnostic& diagnostic : loaded.diagnostics) {
      EXPECT_NE(diagnostic.severity, Severity::Error) << to_string(diagnostic);
    }
    kernel::raise_open_files();
    loop.call_when_readable(reaper.fd(), [this] { reaper.reap(); });
    is_booted = true;
    lab.boot(loaded.objects);
  }

  bool run_until(const std::function<bool()>& is_done) {
    return loop.run_until(is_done, std::chrono::steady_clock::now() + std::chrono::seconds(40));
  }
  static store::Key pod_key(const std::string& name) { return {"pods", "default", name}; }
  store::ObjectPtr pod(const std::string& name) { return lab.objects().find(pod_key(name)); }
  bool is_ready(const std::string& name) {
    const store::ObjectPtr found = pod(name);
    return found != nullptr && objects::is_ready(*found);
  }
  bool has_event(const std::string& reason) {
    for (const store::ObjectPtr& event : lab.objects().list("events")) {
      if (objects::text_at(*event, "reason") == reason) {
        return true;
      }
    }
    return false;
  }

  kernel::Reaper reaper;
  manifest::Loaded loaded;
  std::string first_stuck;  // what was found the first time, if ever
  bool is_booted = false;
  loop::MainLoop loop;
  Lab lab;

 private:
  void look() {
    if (is_booted && first_stuck.empty() && lab.is_at_rest()) {
      first_stuck = controllers::to_text(lab.stuck());
    }
  }
};

inline std::string small_cluster(const std::string& spec = "nodes: 2") {
  return "apiVersion: labctl.dev/v1alpha1\nkind: Cluster\nmetadata: {name: capsule}\nspec: {" + spec +
         ", dns: {enabled: false}}\n---\n";
}

inline std::string web(int replicas) {
  return "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  replicas: " +
         std::to_string(replicas) +
         "\n  selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n    "
         "spec: "
         "{containers: [{name: c, image: agnhost, args: [netexec], ports: [{containerPort: 8080}], "
         "readinessProbe: "
         "{httpGet: {path: /healthz, port: 8080}, periodSeconds: 1}}]}\n---\n";
}

inline std::string program_pod(const std::string& name, const std::string& shell,
                               const std::string& more = "") {
  return "apiVersion: v1\nkind: Pod\nmetadata: {name: " + name + "}\nspec: {" + more +
         "containers: [{name: c, image: host, command: [sh, -c, '" + shell + "']}]}\n---\n";
}

}  // namespace labctl::lab::testing
