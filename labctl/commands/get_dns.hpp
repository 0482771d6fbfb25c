#pragma once

// `labctl get dns NAME`: what a pod of a namespace would be told.

#include "labctl/commands/session.hpp"
#include "labctl/report/text/format.hpp"

#include <string>
#include <vector>

namespace labctl::commands {

// The arguments of `get` ask for DNS: "dns NAME...", "dns/NAME".
bool asks_for_dns(const std::vector<std::string>& arguments);

// Prints the records of each name, or says why there is none; returns kAssertionFailed when one has none.
// Throws Error: InvalidInput without a name, and what the lab says.
int get_dns(const Session& session, const std::vector<std::string>& arguments, const std::string& ns,
            report::Format format, bool headers);

}  // namespace labctl::commands
