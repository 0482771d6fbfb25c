#pragma once

// The sources as the house tests see them: files, their lines, what they include, and which room they are in.

#include <filesystem>
#include <string>
#include <vector>

namespace labctl::house {

struct SourceFile {
  std::string path;  // below the repository root, as in "topology/plan/fabric.cpp"
  std::vector<std::string> lines;
  // The lines without comments and without what stands in string literals, so
  // that words in prose are not found.
  std::vector<std::string> code;

  // "topology/plan", "labctl" for main.cpp.
  std::string room() const;
  bool is_header() const { return path.ends_with(".hpp"); }
};

struct Include {
  int line = 0;      // from 1
  std::string name;  // what stands between <> or ""
};

const std::filesystem::path& repository();

// The .cpp and .hpp files below `folders`, sorted by path.
std::vector<SourceFile> sources(const std::vector<std::string>& folders);
// Of labctl, probes and topology.
const std::vector<SourceFile>& product_sources();

std::vector<Include> includes_of(const SourceFile& file);

}  // namespace labctl::house
