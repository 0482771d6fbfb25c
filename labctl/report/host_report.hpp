#pragma once

// What `doctor` found, as text and as JSON. The values are the report's own, so that it needs no supervisor.

#include "labctl/report/text/format.hpp"
#include "labctl/report/text/palette.hpp"

#include <iosfwd>
#include <string>
#include <vector>

namespace labctl::report {

enum class HostVerdict { Ok, Warn, Fail, Info };

struct HostItem {
  std::string id;     // stable, for programs: "user-namespaces"
  std::string title;  // for people
  std::string value;  // what was found; may be empty
  HostVerdict verdict = HostVerdict::Ok;
  std::string message;  // what it means for labs
  std::string remedy;   // the command or change that mends it
};

// Text:
//   ok    user namespaces            15189 allowed
//   FAIL  network namespaces         0 allowed
//         user.max_net_namespaces is 0: no lab can be made
//         do: sysctl -w user.max_net_namespaces=65536
//   This host can run labs.
// JSON: {"canRun":true,"checks":[{"id","title","value","verdict":"ok|warn|fail|info","message","remedy"}]}
void print_host_report(std::ostream& out, const std::vector<HostItem>& items, bool can_run, Format format,
                       const Palette& palette);

}  // namespace labctl::report
