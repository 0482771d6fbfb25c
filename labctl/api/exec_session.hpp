#pragma once

// The client's side of `exec`: a process in a namespace of the lab, with this process's own
// standard streams, or on a terminal of its own whose master end comes here. Protocol: POST
// /lab/v1/exec, then on the upgraded socket
//
//   tty: false   client --[1 byte + stdin, stdout, stderr]--> server     the process writes to them itself
//   tty: true    client <--[1 byte + pty master]------------- server     this side copies to and from 0, 1
//
// and afterwards lines of JSON: {"signal":15} to the server, {"exit":0} from it, with "error" and "hint"
// beside the code when the process could not be started.

#include "labctl/api/client.hpp"

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace labctl::api {

struct ExecRequest {
  std::string from;       // a vantage: "pod/default/web-0", "node/node-1", "outside/client"
  std::string container;  // of a pod; empty: its first
  std::vector<std::string> command;
  std::map<std::string, std::string> env;
  bool tty = false;
  // Without a terminal: the process is killed after this time. Zero: no limit.
  std::chrono::milliseconds timeout{0};
  // Told of each signal that is passed on, for callers that stop too.
  std::function<void(int)> on_signal;
};

// The standard streams to give, or to copy to and from with `tty`.
struct ExecStreams {
  int in = 0;
  int out = 1;
  int err = 2;
};

// How it ended. The code is the process's own, 128 + n when signal n ended it; 127 and 126, with `error` set,
// when there is no such program or it could not be run, as shells have it.
struct ExecEnd {
  int code = 0;
  std::string error;
  std::string hint;
};

// Runs to the end. While it runs, SIGINT, SIGTERM, SIGQUIT, SIGHUP, SIGUSR1 and SIGUSR2 of this process go to
// the other; with `tty`, SIGWINCH resizes its terminal and ours is raw. The terminal's mode and the signal
// mask are restored on every way out. Throws Error: NotFound if the vantage or container is absent, Kernel if
// the lab goes down meanwhile.
ExecEnd run_exec(Client& client, const ExecRequest& request, const ExecStreams& streams = {});

// As run_exec(), for who wants no more than the code.
int exec(Client& client, const ExecRequest& request, const ExecStreams& streams = {});

}  // namespace labctl::api
