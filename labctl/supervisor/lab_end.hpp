#pragma once

// How a lab ended that nobody had asked to end, and what it said last. The keeper leaves it in the lab's
// folder, which then stays, with its lock free, until `up`, `down` or `gc` removes it.

#include "labctl/supervisor/lab_folder.hpp"

#include <string>
#include <vector>

namespace labctl::supervisor {

struct LabEnd {
  std::string time;                // RFC 3339, UTC; empty when the keeper was killed too
  std::string how;                 // "signal 9 (Killed)", "exit code 1"; empty likewise
  std::vector<std::string> words;  // the last lines of its log
};

// Writes it for a supervisor that ended with `status`, as wait(2) gives it. Of the log the last 64 KiB stay.
void leave_end(const LabFolder& lab, int status) noexcept;

// Of a lab that has ended. What cannot be read is empty.
LabEnd read_end(const LabFolder& lab);

// "lab shop ended by itself at 2026-11-30T14:02:11Z: signal 9 (Killed)", or "lab shop was killed, and with it
// the process that keeps it".
std::string sentence_of(const std::string& lab, const LabEnd& end);
// The same, with the last few words below it.
std::string story_of(const std::string& lab, const LabEnd& end);

}  // namespace labctl::supervisor
