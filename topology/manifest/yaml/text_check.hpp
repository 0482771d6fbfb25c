#pragma once

// What is checked in the bare text before a YAML parser sees it: size, NUL bytes and other control
// characters, UTF-8, and how deep flow brackets nest. The last is here because yaml-cpp queues every token of
// a flow collection before it reports the first: ten million "[" would take gigabytes.

#include "topology/manifest/yaml/findings.hpp"

#include <string_view>
#include <vector>

namespace labctl::manifest {

// How deep mappings and lists may nest; Kubernetes objects need about 15.
inline constexpr int kDepthMax = 64;

// Reports the first thing that makes the text unreadable and returns false; true if a parser may have it.
bool check_text(int source, std::string_view text, Findings& findings);

// Behind the closing quote of the quoted scalar that begins at `at`; npos if it is not closed.
size_t end_of_quoted(std::string_view text, size_t at);

// One document of a stream, cut at lines that begin with "---".
struct TextChunk {
  std::string_view text;
  int first_line;        // of the chunk in the whole text, from 1
  int first_column = 1;  // of its first line
};

// Cuts a stream so that a mistake in one document does not hide those in the next. Documents with nothing but
// blank lines and comments are left out.
std::vector<TextChunk> split_documents(std::string_view text);

}  // namespace labctl::manifest
