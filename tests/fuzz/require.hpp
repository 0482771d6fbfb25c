#pragma once

// What must hold whatever the input: libFuzzer keeps an input on which the program aborts.

#include <cstdio>
#include <cstdlib>

namespace labctl::fuzz {

inline void require(bool holds, const char* what) {
  if (!holds) {
    std::fprintf(stderr, "does not hold: %s\n", what);
    std::abort();
  }
}

}  // namespace labctl::fuzz
