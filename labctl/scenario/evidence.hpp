#pragma once

// What a lab looked like when its scenario failed, as files for people and bug reports.

#include "labctl/report/tests/test_results.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

namespace labctl::scenario {

inline constexpr std::chrono::seconds kEvidenceMax{6};

struct LongOutput {
  std::string file;
  std::string text;
};
struct EvidencePlace {
  std::filesystem::path root;
  std::string name;
};

// Puts into a folder `name` of `root` (see evidence_folder.hpp):
//
//   result.json   objects/<resource>.json   events.txt   supervisor.log
//   <place>/{links,addresses,routes,neighbours,rules,sockets,ruleset,conntrack}.txt
//                 of each node, and of the pods that failed checks name
//   logs/<namespace>_<pod>_<container>.txt
//   outputs/<number>.txt
//                 what a check printed that is too long for a report
//
// It takes kEvidenceMax at most: what is not there by then is a file that says so, and the lab's own time
// limit has its result all the same.
//
// A thing that cannot be had is a file that says why. Values of environment variables and of Secrets are left
// out. Sets `evidence` of the result, and `evidence_note` where it is not in its place or not to be had.
void collect_evidence(const std::string& lab, report::ScenarioResult& result,
                      const std::vector<LongOutput>& outputs, const EvidencePlace& place);

// An object, or a list of such, without the values that are nobody else's business: of environment variables,
// of Secrets, and the copy of all that kubectl keeps in an annotation.
nlohmann::json without_secrets(nlohmann::json object);

}  // namespace labctl::scenario
