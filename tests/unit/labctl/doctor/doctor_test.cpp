#include "labctl/doctor/doctor.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <utility>

namespace labctl::doctor {
namespace {

TEST(StepOf, KnowsTheActsOfTheCapsule) {
  const std::pair<const char*, HostStep> acts[] = {
      {"unshare", HostStep::Namespaces},
      {"write /proc/self/uid_map", HostStep::MapIds},
      {"mount none on /", HostStep::PrivateMounts},
      {"mount proc on /proc", HostStep::MountProc},
      {"mount /proc/sys on /proc/sys", HostStep::ProtectSysctls},
      {"open /proc/sys/net", HostStep::ProtectSysctls},
      {"mount sysfs on /sys", HostStep::MountSysfs},
      {"mount tmpfs on /run", HostStep::MountTmpfs},
      {"mount devpts on /dev/pts", HostStep::MountDevpts},
      {"make the tree of containers: mount /run/dev", HostStep::HostTree},
  };
  for (const auto& [act, step] : acts) {
    EXPECT_EQ(step_of(Error::from_errno(EPERM, act)), step) << act;
  }
}

TEST(StepOf, IsNothingForErrorsOfTheLab) {
  EXPECT_FALSE(step_of(Error::from_errno(EEXIST, "add 10.1.0.7/24")).has_value());
  EXPECT_FALSE(step_of(Error(ErrorKind::InvalidInput, "unshared secret")).has_value());
}

TEST(HostError, LeavesErrorsOfTheLabAlone) {
  const Error error = host_error(Error(ErrorKind::AlreadyExists, "lab \"shop\" is up", "labctl down shop"));
  EXPECT_EQ(error.kind(), ErrorKind::AlreadyExists);
  EXPECT_EQ(error.hint(), "labctl down shop");
}

TEST(HostError, GivesARefusalItsReasonAndRemedy) {
  const Error error = host_error(Error::from_errno(EPERM, "mount proc on /proc"));
  EXPECT_EQ(error.kind(), ErrorKind::Unsupported);
  EXPECT_NE(error.message().find("mount proc on /proc: Operation not permitted (EPERM): "),
            std::string::npos);
  EXPECT_NE(error.hint(), "");
}

TEST(HostError, ExplainsOnce) {
  const Error once = host_error(Error::from_errno(EPERM, "mount proc on /proc"));
  const Error twice = host_error(once);
  EXPECT_EQ(twice.message(), once.message());
  EXPECT_EQ(twice.hint(), once.hint());
}

TEST(HostError, ReadsTheErrnoOfAnErrorThatCrossedAPipe) {
  const Error error =
      host_error(Error(ErrorKind::Permission, "mount proc on /proc: Operation not permitted (EPERM)"));
  EXPECT_EQ(error.kind(), ErrorKind::Unsupported);
}

}  // namespace
}  // namespace labctl::doctor
