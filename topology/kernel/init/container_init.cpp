// The first process of a container's PID namespace. It does nothing but what only that one can: it reaps what lost its
// parent, and hands signals on, since the kernel keeps from it those that it has no handler for (pid_namespaces(7)).
//
//   container-init PID   signals go to the process PID of its namespace
//   container-init       a signal that would end a program ends it, and all in its namespace with it
//
// Linked statically and without any library of ours: there is one for every container that runs a program.

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

namespace {

bool would_end_a_program(int number) {
  return number == SIGTERM || number == SIGINT || number == SIGQUIT || number == SIGHUP;
}

}  // namespace

int main(int count, char** arguments) {
  const pid_t program = count > 1 ? std::atoi(arguments[1]) : 0;
  ::close_range(3, ~0U, 0);
  ::prctl(PR_SET_NAME, "container-init");
  ::prctl(PR_SET_DUMPABLE, 0);  // its /proc is nobody's to look into
  sigset_t all;
  ::sigfillset(&all);
  ::sigprocmask(SIG_BLOCK, &all, nullptr);
  for (;;) {
    const int number = ::sigwaitinfo(&all, nullptr);
    if (number == SIGCHLD) {
      while (::waitpid(-1, nullptr, WNOHANG) > 0) {
      }
    } else if (number > 0 && program > 1) {
      ::kill(program, number);
    } else if (number > 0 && would_end_a_program(number)) {
      ::_exit(0);
    }
  }
}
