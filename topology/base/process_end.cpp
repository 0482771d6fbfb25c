#include "topology/base/process_end.hpp"

#include <sys/wait.h>

#include <cstring>

namespace labctl {

std::string signal_in_words(int signal) {
  // Not strsignal(3), which has one buffer a thread, and words for what is no signal.
  const char* name = ::sigdescr_np(signal);
  return "signal " + std::to_string(signal) + (name == nullptr ? "" : " (" + std::string(name) + ")");
}

std::string end_in_words(int code, int signal) {
  return signal != 0 ? signal_in_words(signal) : "exit code " + std::to_string(code);
}

std::string end_in_words(int wait_status) {
  return WIFSIGNALED(wait_status) ? signal_in_words(WTERMSIG(wait_status))
                                  : end_in_words(WEXITSTATUS(wait_status), 0);
}

}  // namespace labctl
