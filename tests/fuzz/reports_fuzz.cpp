// What one process of ours tells another through a pipe: that a lab has booted, and how a
// scenario went. A process that dies, or whose pid another has by now, may leave any
// bytes: they are read, or refused with a reason.

#include "labctl/report/tests/test_results_json.hpp"
#include "labctl/supervisor/boot_report.hpp"
#include "tests/fuzz/require.hpp"
#include "topology/base/error.hpp"

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

using labctl::fuzz::require;
using nlohmann::json;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto boot = labctl::supervisor::parse_boot_report(text);
  require(boot.failure || !boot.status.is_discarded(), "a lab has booted or has not");
  require(!boot.failure || !boot.failure->message().empty(), "a failure says why");

  const json value = json::parse(text, nullptr, false);
  try {
    const auto result = labctl::report::scenario_from_json(value);
    const json written = labctl::report::scenario_to_json(result);
    require(labctl::report::scenario_to_json(labctl::report::scenario_from_json(written)) == written,
            "a result survives the pipe");
  } catch (const labctl::Error& error) {
    require(error.kind() == labctl::ErrorKind::InvalidInput && !error.message().empty(),
            "a refusal says why");
  }
  return 0;
}
