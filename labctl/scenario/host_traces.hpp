#pragma once

// What a test run could leave on the host, looked at before and after: the host's own links, routes and
// mounts, and what is ours: folders of labs.

#include <map>
#include <set>
#include <string>
#include <vector>

namespace labctl::scenario {

// kind ("links", "routes", "mounts") -> one text each
using HostState = std::map<std::string, std::set<std::string>>;

// Of the namespaces this process is in; what cannot be read is left out.
HostState read_host();

// One line: "host: 3 links, 5 routes, 31 mounts, as before". What has changed is named; it is not ours, for
// labs live in namespaces of their own.
std::string compare_hosts(const HostState& before, const HostState& after);

// The labs of `names` that do not go within a few seconds, each with the command that removes it.
std::vector<std::string> labs_left(const std::set<std::string>& names);

}  // namespace labctl::scenario
