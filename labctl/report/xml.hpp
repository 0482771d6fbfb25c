#pragma once

// Text for XML documents: JUnit files and SVG pictures.

#include <string>
#include <string_view>

namespace labctl::report {

// For attribute values and, with newlines as references, for text: only characters that XML 1.0 §2.2 allows,
// all others and broken UTF-8 as \xNN.
std::string xml(std::string_view text);

}  // namespace labctl::report
