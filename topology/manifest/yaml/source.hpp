#pragma once

// Where manifests come from: files, folders and standard input, read whole into memory with the name that
// diagnostics show. Everything after this is pure.

#include <string>
#include <vector>

namespace labctl::manifest {

struct Source {
  std::string name;  // as shown in diagnostics: a path, "<stdin>", "<request>"
  std::string text;
  std::string
      skipped{};  // not empty: what lies there instead of a file, such as "a named pipe"; no text then
};

// The longest text load() takes, bytes: far more than 10,000 objects need.
inline constexpr std::size_t kSourceSizeMax = 32u << 20;

// Reads each path: a file of any name, a pipe that somebody writes to (such as a shell's <(command)), a
// folder (every *.yaml, *.yml and *.json below it, sorted by path, as `kubectl apply -R` does; hidden files
// and folders are left out, links to folders are not followed, what is no file is skipped), or "-" for
// standard input, at most once. What is longer than kSourceSizeMax is cut just behind it: load() then refuses
// it with a diagnostic. No path makes it wait for ever, but for a pipe or a terminal whose other end is
// silent. Throws Error: NotFound for a missing path or a folder without manifests, InvalidInput for what
// cannot be read, devices and sockets among it.
std::vector<Source> read_sources(const std::vector<std::string>& paths);

}  // namespace labctl::manifest
