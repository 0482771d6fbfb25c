#pragma once

// Text for XML documents: JUnit files and SVG pictures.

#include <string>
#include <string_view>

namespace labctl::report {

// For attribute values and, with newlines as references, for text: only characters that XML 1.0 §2.2 allows
// and that show, all others and broken UTF-8 escaped as printable() has them. What a CI system would
// obey is a reference to a character, which reads the same.
std::string xml(std::string_view text);

}  // namespace labctl::report
