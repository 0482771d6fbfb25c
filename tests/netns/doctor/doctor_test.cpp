// The doctor on hosts that refuse labs, and on this one. The refusals are real: the kernel makes them.

#include "labctl/doctor/doctor.hpp"
#include "tests/netns/doctor/refusing_host.hpp"
#include "tests/support/host_inventory.hpp"
#include "tests/support/leak_check.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>

namespace labctl::doctor {
namespace {

using netns::run_in_child;
using ::testing::HasSubstr;
using ::testing::Not;

// "can run" or "cannot run", then a line for each item that is not Ok or Info.
std::string diagnose() {
  const HostReport report = check_host(10);
  std::string text = report.can_run ? "can run\n" : "cannot run\n";
  for (const HostItem& item : report.items) {
    if (item.verdict == HostVerdict::Fail || item.verdict == HostVerdict::Warn) {
      text += item.id + " " + item.value + " " + std::string(to_string(item.verdict)) + ": " + item.message +
              " | " + item.remedy + "\n";
    }
  }
  return text;
}

class Doctor : public ::testing::Test {
 protected:
  void SetUp() override { LABCTL_NEEDS_USER_NAMESPACES(); }
};

TEST_F(Doctor, AHostWithUserNamespacesCanRunLabs) {
  EXPECT_THAT(run_in_child(diagnose), HasSubstr("can run\n"));
}

TEST_F(Doctor, LeavesTheHostAsItWas) {
  const std::string before = support::host_inventory();
  run_in_child(diagnose);
  EXPECT_EQ(support::difference(before, support::host_inventory()), "");
}

TEST_F(Doctor, LeavesNoNamespaceBehind) {
  for (const uid_t uid : {0, 1000}) {
    support::OuterNamespace outer;
    outer.uid = uid;
    const support::LeakResult result =
        support::run_and_count(outer, [] { return check_host(10).can_run ? 0 : 3; });
    EXPECT_TRUE(result.clean()) << to_string(result);
    EXPECT_EQ(result.body, 0);
  }
}

TEST_F(Doctor, NamesTheLimitWhereUserNamespacesAreForbidden) {
  const std::string text = run_in_child([] {
    netns::enter_host_without_user_namespaces();
    return diagnose();
  });
  EXPECT_THAT(text, HasSubstr("cannot run\n"));
  EXPECT_THAT(text, HasSubstr("userns ENOSPC fail: the limit user.max_user_namespaces is reached"));
  EXPECT_THAT(text, HasSubstr("sudo sysctl -w user.max_user_namespaces=28633"));
}

TEST_F(Doctor, NamesWhatCoversProc) {
  const std::string text = run_in_child([] {
    netns::enter_host_with_masked_proc();
    return diagnose();
  });
  EXPECT_THAT(text, HasSubstr("cannot run\n"));
  EXPECT_THAT(
      text,
      HasSubstr("proc EPERM fail: the kernel allows a fresh /proc only where nothing of the present one "
                "is covered; covered: /proc/"));
  EXPECT_THAT(text, HasSubstr("/proc/driver"));
  EXPECT_THAT(text, Not(HasSubstr("userns")));
}

TEST_F(Doctor, KnowsTheFilterOfAContainerAsUser) {
  const std::string text = run_in_child([] {
    netns::enter_host_with_container_filter(::geteuid() == 0 ? 1000 : ::geteuid());
    return diagnose();
  });
  EXPECT_THAT(text, HasSubstr("cannot run\n"));
  EXPECT_THAT(text, HasSubstr("userns EPERM fail: the seccomp filter of this container refuses namespaces"));
}

TEST_F(Doctor, KnowsTheFilterOfAContainerAsRoot) {
  // Root of a user namespace, so that the test needs no root.
  support::LeakResult result = support::run_and_count({}, [] {
    netns::enter_host_with_container_filter(0);
    const std::string text = diagnose();
    return text.find("namespaces EPERM fail: the seccomp filter of this container refuses namespaces") !=
                   std::string::npos
               ? 0
               : 1;
  });
  EXPECT_EQ(result.body, 0) << to_string(result);
}

TEST_F(Doctor, ALaunchThatIsRefusedGivesTheRemedyAsHint) {
  const std::string text = run_in_child([] {
    netns::enter_host_without_user_namespaces();
    const Error error = host_error(Error::from_errno(ENOSPC, "unshare"));
    return std::string(to_string(error.kind())) + "\n" + error.message() + "\n" + error.hint();
  });
  EXPECT_THAT(text, HasSubstr("Unsupported\nunshare: No space left on device (ENOSPC): the limit "
                              "user.max_user_namespaces is reached"));
  EXPECT_THAT(text, HasSubstr("\nsudo sysctl -w user.max_user_namespaces=28633"));
}

}  // namespace
}  // namespace labctl::doctor
