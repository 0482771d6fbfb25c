#include "topology/base/error.hpp"

#include <gtest/gtest.h>

#include <cerrno>

namespace labctl {
namespace {

TEST(Error, KeepsKindMessageAndHint) {
  const Error error(ErrorKind::Unsupported, "create namespace: no CONFIG_NET_NS", "run labctl doctor");
  EXPECT_EQ(error.kind(), ErrorKind::Unsupported);
  EXPECT_STREQ(error.what(), "create namespace: no CONFIG_NET_NS");
  EXPECT_EQ(error.hint(), "run labctl doctor");
  EXPECT_EQ(error.errno_value(), 0);
}

TEST(Error, FromErrnoNamesTheErrno) {
  const Error error = Error::from_errno(EEXIST, "eth0: add 10.1.0.7/24");
  EXPECT_EQ(error.message(), "eth0: add 10.1.0.7/24: File exists (EEXIST)");
  EXPECT_EQ(error.errno_value(), EEXIST);
}

TEST(Error, KindFollowsTheErrno) {
  struct Case {
    int errno_value;
    ErrorKind kind;
  };
  for (const Case& c :
       {Case{EPERM, ErrorKind::Permission}, Case{EACCES, ErrorKind::Permission},
        Case{EEXIST, ErrorKind::AlreadyExists}, Case{ENOENT, ErrorKind::NotFound},
        Case{ENODEV, ErrorKind::NotFound}, Case{EOPNOTSUPP, ErrorKind::Unsupported},
        Case{EBUSY, ErrorKind::Busy}, Case{ETIMEDOUT, ErrorKind::Timeout}, Case{EIO, ErrorKind::Kernel}}) {
    EXPECT_EQ(Error::from_errno(c.errno_value, "act").kind(), c.kind) << errno_name(c.errno_value);
  }
}

TEST(Error, FramesReadFromTheOutsideIn) {
  Error error(ErrorKind::Kernel, "add route: Network is unreachable (ENETUNREACH)");
  error.add_frame("eth0").add_frame("pod web-0");
  EXPECT_EQ(error.message(), "pod web-0: eth0: add route: Network is unreachable (ENETUNREACH)");
}

TEST(Error, UnknownErrnoIsItsNumber) {
  EXPECT_EQ(errno_name(ENOENT), "ENOENT");
  EXPECT_EQ(errno_name(99999), "99999");
  EXPECT_EQ(Error::from_errno(99999, "act").message(), "act: Unknown error (99999)");
}

TEST(ErrorKindText, IsTheCodeInJson) {
  EXPECT_EQ(to_string(ErrorKind::InvalidInput), "InvalidInput");
  EXPECT_EQ(to_string(ErrorKind::Internal), "Internal");
}

}  // namespace
}  // namespace labctl
