#pragma once

// What a lab looked like when its scenario failed, as files for people and bug reports.

#include "labctl/report/test_results.hpp"

#include <filesystem>
#include <string>

namespace labctl::scenario {

// Writes into `folder`, which is made, or emptied if it is there:
//
//   result.json   objects/<resource>.json   events.txt   supervisor.log
//   <place>/{links,addresses,routes,neighbours,rules,sockets,ruleset,conntrack}.txt   of each node, and of
//   the pods
//                                                                                    that failed checks name
//   logs/<namespace>_<pod>_<container>.txt
//
// A thing that cannot be had is a file that says why. Returns the folder, or an empty text when it cannot be
// written.
std::string collect_evidence(const std::string& lab, const report::ScenarioResult& result,
                             const std::filesystem::path& folder);

}  // namespace labctl::scenario
