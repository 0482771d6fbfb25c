#include "topology/base/text_file.hpp"

#include <fstream>
#include <sstream>
#include <utility>

namespace labctl {

std::string text_of_file(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  if (file) {
    text << file.rdbuf();
  }
  return std::move(text).str();
}

}  // namespace labctl
