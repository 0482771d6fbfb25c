#pragma once

// What containers wrote, as GET /lab/v1/logs gives it: text, a line each, and with follow=1 what comes after.

#include "labctl/api/http.hpp"

namespace labctl::lab {

class Lab;

// Query: namespace, pod, container, tail, previous, follow, timestamps. Runs on the connection's thread.
// Throws Error: InvalidInput, NotFound.
api::Response serve_logs(Lab& lab, const api::Request& request);

}  // namespace labctl::lab
