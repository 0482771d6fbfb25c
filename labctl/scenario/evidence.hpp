#pragma once

// What a lab looked like when its scenario failed, as files for people and bug reports.

#include "labctl/report/tests/test_results.hpp"

#include <nlohmann/json.hpp>

#include <filesystem>
#include <string>

namespace labctl::scenario {

// Puts into a folder `name` of `root` (see evidence_folder.hpp):
//
//   result.json   objects/<resource>.json   events.txt   supervisor.log
//   <place>/{links,addresses,routes,neighbours,rules,sockets,ruleset,conntrack}.txt
//                 of each node, and of the pods that failed checks name
//   logs/<namespace>_<pod>_<container>.txt
//
// A thing that cannot be had is a file that says why. Values of environment variables and of Secrets are left
// out. Sets `evidence` of the result, and `evidence_note` where it is not in its place or not to be had.
void collect_evidence(const std::string& lab, report::ScenarioResult& result,
                      const std::filesystem::path& root, const std::string& name);

// An object, or a list of such, without the values that are nobody else's business: of environment variables,
// of Secrets, and the copy of all that kubectl keeps in an annotation.
nlohmann::json without_secrets(nlohmann::json object);

}  // namespace labctl::scenario
