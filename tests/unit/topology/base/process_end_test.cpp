#include "topology/base/process_end.hpp"

#include <gtest/gtest.h>

#include <csignal>

namespace labctl {
namespace {

TEST(ProcessEnd, NamesASignalByNumberAndWord) {
  EXPECT_EQ(signal_in_words(SIGKILL), "signal 9 (Killed)");
  EXPECT_EQ(signal_in_words(SIGINT), "signal 2 (Interrupt)");
  EXPECT_EQ(signal_in_words(4711), "signal 4711");
}

TEST(ProcessEnd, IsASignalOrACode) {
  EXPECT_EQ(end_in_words(0, SIGSEGV), "signal 11 (Segmentation fault)");
  EXPECT_EQ(end_in_words(3, 0), "exit code 3");
}

TEST(ProcessEnd, IsReadFromAStatusOfWaitpid) {
  EXPECT_EQ(end_in_words(3 << 8), "exit code 3");
  EXPECT_EQ(end_in_words(SIGKILL), "signal 9 (Killed)");
  EXPECT_EQ(end_in_words(SIGSEGV | 0x80), "signal 11 (Segmentation fault)");  // with a core
}

}  // namespace
}  // namespace labctl
