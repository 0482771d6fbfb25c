#pragma once

// Errors on the wire: a labctl::Error as a Kubernetes Status object (meta/v1) and back, so that the hint and
// kind a supervisor throws reach the user of the command, and kubectl understands the rest.

#include "labctl/api/http.hpp"
#include "topology/base/error.hpp"

#include <string>
#include <string_view>

namespace labctl::api {

// The reply that says `error`. Its code follows from the kind: InvalidInput 422, NotFound 404, AlreadyExists
// and Busy 409, Permission 403, Unsupported 501, Timeout 504, Kernel and Internal 500.
Response to_response(const Error& error);
// The reply of a status that no kind of ours stands for alone: 400, 408, 413, 431, 503. What it is to the
// client is to_error()'s to say.
Response to_response(int status, const std::string& message, const std::string& hint = {});

// The error a reply of 400 and more says; text that is no Status object becomes the message.
Error to_error(int status, std::string_view body);

}  // namespace labctl::api
