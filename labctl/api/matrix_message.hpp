#pragma once

// What a matrix asks the lab and what that answers (POST /lab/v1/matrix): one JSON object, answered by one.
//
// Pure. What a request has wrong is Error InvalidInput, as of a probe; an answer that cannot be read is Error
// Internal.

#include "probes/matrix/reach_matrix.hpp"
#include "probes/protocol/probe_protocol.hpp"
#include "topology/base/cancel.hpp"

#include <nlohmann/json_fwd.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace labctl::api {

// {"proto","port","timeout_ms","from":[ids],"to":[ids]}
struct MatrixRequest {
  std::optional<protocol::ProbeProtocol> protocol;
  std::uint16_t port = 0;  // 0: the first that each pod declares
  std::chrono::milliseconds timeout{1000};
  std::vector<std::string> from;  // empty: all places
  std::vector<std::string> to;    // empty: all pods
};
MatrixRequest parse_matrix(const nlohmann::json& body);
nlohmann::json to_json(const MatrixRequest& request);

// {"sources","destinations","rows","wanted","ok","total",
// "failures":[{"from","to","outcome","wanted","backend","reason"}],"elapsed_ms"}. `rows` and `wanted` hold
// outcomes; "-" in rows is a pair that was not probed.
struct MatrixReply {
  matrix::ReachMatrix reach;
  double elapsed_ms = 0;
};
// As text, for there may be millions of pairs. Throws Error Busy when `gone` is requested.
std::string to_text(const MatrixReply& reply, const Cancel* gone = nullptr);
MatrixReply parse_matrix_reply(const nlohmann::json& body);

}  // namespace labctl::api
