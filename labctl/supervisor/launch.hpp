#pragma once

// Starting a lab: the processes, their namespaces and who cleans up after whom.
//
//   labctl up ──fork──> keeper ──fork──> (leaves the host's namespaces) ──fork──> supervisor, the lab's PID 1
//      │  waits           │ stays in the host's namespaces,                         │ boots, then serves
//      │  for "ready"     │ owns the lab's folder, removes it                       │ the control socket
//      └── commit ───────>│ when the supervisor is gone                             │
//
// Until the command commits (after "ready"), its end is the lab's end: the keeper sees the pipe close and
// kills the supervisor. A foreground lab never commits. The supervisor dies with the keeper, and all of the
// lab with the supervisor. A supervisor that ends unasked leaves the folder: in it stands how it ended.
//
// Threads: the calling process must have one thread.

#include "topology/base/error.hpp"
#include "topology/base/unique_fd.hpp"
#include "topology/manifest/loader.hpp"
#include "topology/model/cluster.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include <sys/types.h>

namespace labctl::supervisor {

struct LaunchOptions {
  std::string lab;
  model::Cluster cluster;
  std::vector<manifest::Object> objects;
  std::chrono::milliseconds timeout{60'000};
};

// The command was asked to stop (SIGINT or SIGTERM) while the lab booted; the lab is gone again.
struct Interrupted {
  int signal = 0;
};

// A lab that is ready. Destroying it without commit() takes the lab down and
// waits until its processes are gone.
class LaunchedLab {
 public:
  LaunchedLab(std::string lab, pid_t keeper, UniqueFd commit, nlohmann::json status);
  LaunchedLab(LaunchedLab&& other) noexcept;
  LaunchedLab& operator=(LaunchedLab&&) = delete;
  ~LaunchedLab();

  const std::string& name() const { return lab_; }
  // As GET /lab/v1/status says it.
  const nlohmann::json& status() const { return status_; }
  void set_status(nlohmann::json status) { status_ = std::move(status); }
  // The lab now lives on by itself.
  void commit();
  // Takes the lab down and waits until nothing of it is left but namespaces that the kernel is freeing.
  void take_down() noexcept;
  // Of a lab that died while it booted: takes down what is left, and tells what it left behind as its reason.
  Error why_not(const Error& failure) noexcept;
  // A descriptor of the keeper, readable when the lab has gone; for foreground labs to wait on.
  UniqueFd keeper_fd() const;

 private:
  void end_keeper() noexcept;

  std::string lab_;
  pid_t keeper_ = -1;
  UniqueFd commit_;
  nlohmann::json status_;
};

// Boots a lab and waits until it is ready.
// Throws Error: AlreadyExists (a lab of that name is up), Unsupported or Permission (this
// host cannot run labs; the hint names the remedy), Timeout, and what the boot threw;
// Interrupted. Nothing is left in any of these cases.
LaunchedLab launch(const LaunchOptions& options);

}  // namespace labctl::supervisor
