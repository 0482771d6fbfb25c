#include "tests/house/source_tree.hpp"

#include "tests/support/temp_dir.hpp"

#include <algorithm>
#include <sstream>

namespace labctl::house {

namespace fs = std::filesystem;

namespace {

std::string without_texts(const std::string& line) {
  std::string code;
  bool is_text = false;
  for (size_t i = 0; i < line.size(); ++i) {
    if (is_text && line[i] == '\\') {
      ++i;
    } else if (is_text) {
      is_text = line[i] != '"';
      code += is_text ? "" : "\"";
    } else if (line.compare(i, 2, "//") == 0) {
      break;
    } else {
      // A quote of its own, as in '"', begins no text.
      is_text = line[i] == '"' && (i == 0 || line[i - 1] != '\'');
      code += line[i];
    }
  }
  return code;
}

}  // namespace

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
        file.code.push_back(without_texts(line));
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
  std::vector<Include> includes;
  for (size_t i = 0; i < file.lines.size(); ++i) {
    std::istringstream words(file.lines[i]);
    std::string hash, name;
    if (!(words >> hash) || hash[0] != '#') {
      continue;
    }
    if (hash == "#") {
      words >> name;
      hash += name;
    }
    if (hash == "#include" && words >> name && name.size() > 2) {
      includes.push_back({static_cast<int>(i) + 1, name.substr(1, name.find_first_of(">\"", 1) - 1)});
    }
  }
  return includes;
}

}  // namespace labctl::house
