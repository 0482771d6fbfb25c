#include "labctl/report/host_report.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <sstream>

namespace labctl::report {
namespace {

const std::vector<HostItem> kItems{{"userns", "user namespaces", "ok", HostVerdict::Ok, "", ""},
                                   {"max_net", "network namespaces", "0 allowed", HostVerdict::Fail,
                                    "no lab can be made", "sysctl -w user.max_net_namespaces=65536"}};

TEST(HostReport, ShowsReasonAndRemedyBelowWhatFails) {
  std::ostringstream out;
  print_host_report(out, kItems, false, Format::Table, Palette());
  EXPECT_EQ(out.str(),
            "ok    user namespaces     ok\n"
            "FAIL  network namespaces  0 allowed\n"
            "      no lab can be made\n"
            "      do: sysctl -w user.max_net_namespaces=65536\n"
            "\n"
            "This host cannot run labs.\n");
}

TEST(HostReport, IsAnObjectForPrograms) {
  std::ostringstream out;
  print_host_report(out, kItems, false, Format::Json, Palette());
  const auto report = nlohmann::json::parse(out.str());
  EXPECT_FALSE(report["canRun"].get<bool>());
  EXPECT_EQ(report["checks"][1]["verdict"], "fail");
  EXPECT_EQ(report["checks"][1]["id"], "max_net");
}

}  // namespace
}  // namespace labctl::report
