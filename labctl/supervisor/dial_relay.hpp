#pragma once

// How a lab reaches a server outside: its supervisor has a network namespace of its own, and an ordinary
// user's may not go back to the host's. The keeper, which stayed there, opens the connection and hands the
// socket over: a socket belongs to the namespace that it was made in, whoever uses it.

#include "topology/base/unique_fd.hpp"

#include <chrono>
#include <string>

namespace labctl::supervisor {

struct DialRelay {
  UniqueFd keeper;
  UniqueFd lab;
};

DialRelay make_dial_relay();

// The keeper's side, when its end is readable: takes one request and answers it with a connection to `server`
// (HOST:PORT), or the reason why there is none. False when the other end has gone.
bool answer_dial(const UniqueFd& keeper, const std::string& server, std::chrono::milliseconds timeout);

// The lab's side: a connected socket in the host's network. Throws the Error that the keeper met (kind
// Kernel), Timeout when it does not answer.
UniqueFd dial_by_keeper(const UniqueFd& lab, std::chrono::milliseconds timeout);

}  // namespace labctl::supervisor
