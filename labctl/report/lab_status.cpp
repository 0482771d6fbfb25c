#include "labctl/report/lab_status.hpp"

#include "labctl/report/objects/age.hpp"
#include "labctl/report/objects/fields.hpp"
#include "topology/base/printable.hpp"

#include <ostream>
#include <string>

namespace labctl::report {
namespace {

using Json = nlohmann::json;

std::string booted_in(const Json& status) {
  return format_elapsed(std::chrono::milliseconds(number(status, "/bootMs")));
}

std::string counted(const std::string& count, const std::string& one) {
  return count + " " + one + (count == "1" ? "" : "s");
}

}  // namespace

std::string stand_in_text(const Json& status) {
  const std::string containers = text_or(status, "/standIns/containers", "0");
  if (containers == "0") {
    return {};
  }
  const std::string secrets = text_or(status, "/standIns/secrets", "0");
  return counted(containers, "container") + " of " + counted(text(status, "/standIns/images"), "image") +
         (containers == "1" ? " is" : " are") + " stood in for by the built-in server" +
         (secrets == "0" ? "" : ", with " + counted(secrets, "Secret") + " that they would have made");
}

void print_lab_is_up(std::ostream& out, const Json& status, const Palette& palette) {
  const std::string nodes = text(status, "/nodes");
  const std::string pods = text_or(status, "/pods/total", "0");
  out << "lab " << palette.strong(printable_line(text(status, "/name")))
      << printable_line(" is up: " + nodes + (nodes == "1" ? " node, " : " nodes, ") + pods +
                        (pods == "1" ? " pod, " : " pods, ") + booted_in(status))
      << '\n';
}

void print_lab_status(std::ostream& out, const Json& status, const Palette& palette,
                      std::chrono::system_clock::time_point now) {
  // `shown` went through printable_line().
  const auto line = [&](std::string label, const std::string& shown) {
    if (!shown.empty()) {
      label.resize(13, ' ');
      out << label << shown << '\n';
    }
  };
  const auto plain = [&](const std::string& label, const std::string& value) {
    line(label, printable_line(value));
  };
  const std::string phase = printable_line(text(status, "/phase"));
  line("Lab:", palette.strong(printable_line(text(status, "/name"))));
  line("Phase:", phase == "Ready" ? palette.good(phase) : palette.warn(phase));
  plain("Up for:", age_since(text(status, "/createdAt"), now));
  plain("Nodes:", text(status, "/nodes"));
  plain("Pods:", text(status, "/pods/ready") + " of " + text(status, "/pods/total") + " ready");
  plain("Stand-ins:", stand_in_text(status));
  plain("Network:", text(status, "/network") + ", " + join_texts(at(status, "/families")));
  plain("Booted in:", booted_in(status));
  plain("Runs as:", text(status, "/mode") + ", process " + text(status, "/supervisorPid"));
  if (const std::string reason = text(status, "/modeReason"); !reason.empty()) {
    plain("", "without ids of its own: " + reason);
  }
  plain("Directory:", text(status, "/directory"));
}

}  // namespace labctl::report
