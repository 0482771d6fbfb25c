#pragma once

// What `doctor` found, as values that it fills in, and as text and JSON.

#include "labctl/report/text/format.hpp"
#include "labctl/report/text/palette.hpp"

#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

namespace labctl::report {

// Fail: labs cannot run. Warn: they run, but not all of them or not all in them. Info: worth knowing.
enum class HostVerdict { Ok, Warn, Fail, Info };

// "ok", "warn", "fail", "info".
std::string_view to_string(HostVerdict verdict);

// One line of `labctl doctor`: what, value, verdict, why, and the command that mends it.
struct HostItem {
  std::string id;     // stable, for programs: "userns", "proc", "veth", "max_net_namespaces"
  std::string title;  // for people: "user namespaces"
  std::string value;  // what was found: "ok", "EPERM", "3800"; may be empty
  HostVerdict verdict = HostVerdict::Ok;
  // The reason, one sentence without a full stop; empty when Ok and nothing is to be said.
  std::string message;
  // One command, or one setting where no command reaches; empty when nothing can be done.
  std::string remedy;
  bool operator==(const HostItem&) const = default;
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
