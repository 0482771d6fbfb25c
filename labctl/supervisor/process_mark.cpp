#include "labctl/supervisor/process_mark.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <string>
#include <utility>

namespace labctl::supervisor {

ProcessMark mark_of(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  if (pid <= 0 || !std::getline(file, line)) {
    return {};
  }
  // "PID (name) S ...": the name may hold anything, so the last parenthesis ends it.
  const size_t close = line.rfind(')');
  if (close == std::string::npos) {
    return {};
  }
  constexpr int kBetweenStateAndStart = 18;
  std::istringstream fields(line.substr(close + 1));
  std::string state, skipped;
  fields >> state;
  for (int i = 0; i < kBetweenStateAndStart; ++i) {
    fields >> skipped;
  }
  ProcessMark mark{.pid = pid, .started = 0};
  if (!(fields >> mark.started) || state == "Z" || state == "X") {
    return {};
  }
  return mark;
}

UniqueFd open_process(const ProcessMark& mark) {
  if (!mark) {
    return {};
  }
  UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, mark.pid, 0)));
  return process && mark_of(mark.pid) == mark ? std::move(process) : UniqueFd{};
}

void send_signal(const UniqueFd& process, int number) noexcept {
  if (process) {
    ::syscall(SYS_pidfd_send_signal, process.get(), number, nullptr, 0);
  }
}

}  // namespace labctl::supervisor
