#pragma once

// How a process ended, in words: the same in errors, `labctl ls`, reports and logs.

#include <string>

namespace labctl {

// "signal 9 (Killed)"; "signal 99" where the C library has no name for it.
std::string signal_in_words(int signal);

// "signal 9 (Killed)" or, when `signal` is 0, "exit code 1".
std::string end_in_words(int code, int signal);

// The same of a status as waitpid(2) gives it.
std::string end_in_words(int wait_status);

}  // namespace labctl
