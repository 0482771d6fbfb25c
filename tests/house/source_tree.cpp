#include "tests/house/source_tree.hpp"

#include "tests/support/temp_dir.hpp"

#include <algorithm>
#include <regex>
#include <sstream>

namespace labctl::house {

namespace fs = std::filesystem;

std::string SourceFile::room() const { return fs::path(path).parent_path().string(); }

const fs::path& repository() {
  static const fs::path root = LABCTL_SOURCE_DIR;
  return root;
}

std::vector<SourceFile> sources(const std::vector<std::string>& folders) {
  std::vector<SourceFile> files;
  for (const std::string& folder : folders) {
    for (const auto& entry : fs::recursive_directory_iterator(repository() / folder)) {
      const std::string extension = entry.path().extension();
      if (!entry.is_regular_file() || (extension != ".cpp" && extension != ".hpp")) {
        continue;
      }
      SourceFile file;
      file.path = fs::relative(entry.path(), repository()).string();
      std::istringstream text(support::read_file(entry.path()));
      for (std::string line; std::getline(text, line);) {
        file.lines.push_back(line);
      }
      files.push_back(std::move(file));
    }
  }
  std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
  return files;
}

const std::vector<SourceFile>& product_sources() {
  static const std::vector<SourceFile> files = sources({"labctl", "probes", "topology"});
  return files;
}

std::vector<Include> includes_of(const SourceFile& file) {
  static const std::regex pattern(R"(^\s*#\s*include\s*[<"]([^>"]+)[>"])");
  std::vector<Include> includes;
  for (size_t i = 0; i < file.lines.size(); ++i) {
    if (std::smatch match; std::regex_search(file.lines[i], match, pattern)) {
      includes.push_back({static_cast<int>(i) + 1, match[1].str()});
    }
  }
  return includes;
}

std::vector<std::string> code_of(const SourceFile& file) {
  static const std::regex literal(R"lit("(\\.|[^"\\])*")lit");
  static const std::regex comment(R"(//.*$)");
  std::vector<std::string> code;
  for (const std::string& line : file.lines) {
    code.push_back(std::regex_replace(std::regex_replace(line, literal, "\"\""), comment, ""));
  }
  return code;
}

}  // namespace labctl::house
