#include "topology/base/current_exception.hpp"

#include "topology/base/error.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

namespace labctl {
namespace {

template <typename Thrown>
std::string words_of(const Thrown& thrown) {
  try {
    throw thrown;
  } catch (...) {
    return words_of_current_exception();
  }
}

TEST(CurrentException, SaysWhatItsWordsAre) {
  EXPECT_EQ(words_of(Error(ErrorKind::Kernel, "no room")), "no room");
  EXPECT_EQ(words_of(std::runtime_error("odd")), "odd");
}

TEST(CurrentException, IsNeverEmpty) {
  EXPECT_FALSE(words_of(std::runtime_error("")).empty());
  EXPECT_NE(words_of(5).find("something was thrown"), std::string::npos);
}

}  // namespace
}  // namespace labctl
