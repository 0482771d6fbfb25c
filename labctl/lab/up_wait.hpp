#pragma once

// What POST /lab/v1/up answers: whether all that a lab was booted with has come up (objects/coming_up.hpp), once it
// has, once nothing is left that may by itself, or when the time is over.

#include "topology/base/cancel.hpp"

#include <nlohmann/json_fwd.hpp>

#include <chrono>

namespace labctl::lab {

class Lab;

// {"up","settled","pods":{"total","up"},"left":[{"kind","namespace","names","count","reasons"}],"more"}, as
// api::parse_up_reply() reads it. Runs on the connection's thread. Throws Error (Busy) once `gone` is requested.
nlohmann::json wait_until_up(Lab& lab, std::chrono::milliseconds timeout, const Cancel* gone);

}  // namespace labctl::lab
