// What a comment or a README refers to is there: sections of documents, and files.

#include "tests/house/source_tree.hpp"
#include "tests/support/temp_dir.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <optional>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace labctl::house {
namespace {

namespace fs = std::filesystem;

const std::vector<std::string> kReferringFolders = {"labctl", "probes",    "topology",
                                                    "tests",  "scenarios", "ci"};

struct Prose {
  std::string path;
  std::vector<std::string> lines;  // as in the file, with nothing in the place of what is no prose
};

// What follows "//" outside of a text.
std::string comment_of(const SourceFile& file, size_t line) {
  const std::string& whole = file.lines[line];
  bool is_text = false;
  for (size_t i = 0; i < whole.size(); ++i) {
    if (is_text && whole[i] == '\\') {
      ++i;
    } else if (whole[i] == '"' && (i == 0 || whole[i - 1] != '\'')) {
      is_text = !is_text;
    } else if (!is_text && whole.compare(i, 2, "//") == 0) {
      return whole.substr(i + 2);
    }
  }
  return "";
}

std::vector<std::string> lines_of(const fs::path& path) {
  std::istringstream text(support::read_file(path));
  std::vector<std::string> lines;
  for (std::string line; std::getline(text, line);) {
    lines.push_back(line);
  }
  return lines;
}

// The comments of sources, and all of what is written for readers.
const std::vector<Prose>& all_prose() {
  static const std::vector<Prose> all = [] {
    std::vector<Prose> found;
    for (const SourceFile& file : sources({"labctl", "probes", "topology", "tests"})) {
      Prose prose{.path = file.path, .lines = {}};
      for (size_t i = 0; i < file.lines.size(); ++i) {
        prose.lines.push_back(comment_of(file, i));
      }
      found.push_back(std::move(prose));
    }
    for (const auto& entry : fs::directory_iterator(repository())) {
      if (entry.path().extension() == ".md") {
        found.push_back({.path = entry.path().filename(), .lines = lines_of(entry.path())});
      }
    }
    for (const std::string& folder : kReferringFolders) {
      for (const auto& entry : fs::recursive_directory_iterator(repository() / folder)) {
        const std::string extension = entry.path().extension();
        if (extension == ".md" || (folder == "scenarios" && extension == ".yaml")) {
          found.push_back(
              {.path = fs::relative(entry.path(), repository()).string(), .lines = lines_of(entry.path())});
        }
      }
    }
    return found;
  }();
  return all;
}

// "7.2" of "### 7.2 Verdicts", "8" of "## 8. Traffic policies" and "1.5" of the row "| 1.5 | ...".
std::set<std::string> sections_of(const fs::path& document) {
  static const std::regex heading(R"(^(?:#+ |\| )([0-9]+(?:\.[0-9]+)*)\.? )");
  std::set<std::string> sections;
  for (const std::string& line : lines_of(document)) {
    std::smatch match;
    if (std::regex_search(line, match, heading)) {
      sections.insert(match[1]);
    }
  }
  return sections;
}

// The word right before a section ends the name of such a document, or joins sections.
bool follows_a_document(const std::string& text, std::size_t section) {
  static const std::set<std::string> kWords = {"model", "and", "or", "to"};
  const std::size_t end = text.find_last_not_of(' ', section - 1) + 1;
  const std::size_t begin = text.find_last_not_of("abcdefghijklmnopqrstuvwxyz", end - 1) + 1;
  return begin == end || kWords.contains(text.substr(begin, end - begin));
}

// A section is of the document that was named last: an RFC, a standard, or the network model, in whose
// sections it must be then.
TEST(References, SectionsAreOfADocumentThatIsNamed) {
  static const std::regex word(
      R"((RFC [0-9]+|XML 1\.[01]|YAML 1\.2)|([Nn]etwork model)|(?:§([0-9]+(?:\.[0-9]+)*)?))");
  const std::set<std::string> model = sections_of(repository() / "topology/NETWORK_MODEL.md");
  ASSERT_TRUE(model.contains("7.2") && model.contains("8") && model.contains("1.5"));
  for (const Prose& prose : all_prose()) {
    std::string text;
    for (const std::string& line : prose.lines) {
      // A name may be broken over two lines.
      text += line.substr(std::min(line.find_first_not_of(' '), line.size())) + ' ';
    }
    bool is_named = prose.path == "topology/NETWORK_MODEL.md";
    bool is_model = is_named;
    for (std::sregex_iterator at(text.begin(), text.end(), word), end; at != end; ++at) {
      const std::smatch& match = *at;
      const bool is_section = !match[1].matched && !match[2].matched;
      if (!is_section) {
        is_named = true;
        is_model = match[2].matched;
        continue;
      }
      EXPECT_TRUE(is_named && follows_a_document(text, static_cast<std::size_t>(match.position())))
          << prose.path << ": " << match.str() << ": of which document?";
      EXPECT_TRUE(!is_model || model.contains(match[3]))
          << prose.path << ": " << match.str() << ": topology/NETWORK_MODEL.md has no such section";
    }
  }
}

// Every file and folder of the repository by each end of its path: as a file of "topology/plan" says
// "fabric.hpp", and others "plan/fabric.hpp".
const std::set<std::string>& path_ends() {
  static const std::set<std::string> ends = [] {
    std::set<std::string> found;
    for (const char* folder : {"labctl", "probes", "topology", "tests", "scenarios", "ci", "vagrant"}) {
      found.insert(folder);
      for (const auto& entry : fs::recursive_directory_iterator(repository() / folder)) {
        std::string path = fs::relative(entry.path(), repository()).string();
        for (size_t slash = 0; slash != std::string::npos; slash = path.find('/')) {
          path.erase(0, slash == 0 ? 0 : slash + 1);
          found.insert(path);
        }
      }
    }
    for (const auto& entry : fs::directory_iterator(repository())) {
      found.insert(entry.path().filename());
    }
    return found;
  }();
  return ends;
}

// The words of a line that are paths of ours: below one of our folders, or a source or a document.
// What stands for others ("<room>/x", "*.cpp") is none, and neither is what belongs to a longer
// path of somebody else's.
std::vector<std::string> paths_in(const std::string& line) {
  static const std::regex word(R"([A-Za-z0-9_./:<>*{}$~-]+)");
  static const std::regex ours(
      R"((\.\./)*((labctl|probes|topology|tests|scenarios|ci|vagrant)/[A-Za-z0-9_./-]+|[A-Za-z0-9_./-]*[A-Za-z0-9_]\.(hpp|cpp|md)))");
  std::vector<std::string> paths;
  for (std::sregex_iterator at(line.begin(), line.end(), word), end; at != end; ++at) {
    std::string text = at->str();
    if (const size_t colon = text.find(':'); colon != std::string::npos && !text.starts_with("http")) {
      text.erase(colon);  // "scenario.yaml:21", "engine.hpp:"
    }
    while (!text.empty() && (text.back() == '.' || text.back() == '/' || text.back() == '-')) {
      text.pop_back();
    }
    std::smatch match;
    const bool is_ending = text.starts_with("_");  // "_test.cpp"
    if (!is_ending && std::regex_match(text, match, ours)) {
      paths.push_back(match[2]);
    }
  }
  return paths;
}

TEST(References, PathsInCommentsAndReadmesExist) {
  // A history names what was.
  const std::set<std::string> excepted = {"CHANGELOG.md"};
  for (const Prose& prose : all_prose()) {
    if (excepted.contains(prose.path)) {
      continue;
    }
    for (size_t i = 0; i < prose.lines.size(); ++i) {
      for (const std::string& path : paths_in(prose.lines[i])) {
        // "topology/kernel/nft_batch" names header and source at once.
        const bool exists = path_ends().contains(path) || path_ends().contains(path + ".hpp") ||
                            path_ends().contains(path + ".cpp");
        EXPECT_TRUE(exists) << prose.path << ":" << i + 1 << ": " << path << " does not exist";
      }
    }
  }
}

}  // namespace
}  // namespace labctl::house
