#pragma once

// A matrix for people: one character a cell as long as it fits, else groups against groups.
//
//                      1
//          1234567890
//   1 pod/default/a  .........
//   2 pod/default/b  ..-..T...
//
//   .  ok    -  not ok, as wanted    !  ok, but should not be    T  timeout

#include "probes/matrix/reach_matrix.hpp"

#include <cstddef>
#include <string>

namespace labctl::matrix {

struct TextOptions {
  std::size_t columns_max = 80;   // destinations; more, or more sources than rows_max, are shown by groups
  std::size_t rows_max = 100;     // sources
  std::size_t failures_max = 20;  // listed below the table
};

// Ends with a newline. Ends of lists are said: "... and 17 more".
std::string to_text(const ReachMatrix& matrix, const TextOptions& options = {});

}  // namespace labctl::matrix
