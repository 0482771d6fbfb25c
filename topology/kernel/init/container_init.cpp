// The first process of a container's PID namespace. It does nothing but what only that one can: it reaps what lost its
// parent, and hands signals on, since the kernel keeps from it those that it has no handler for (pid_namespaces(7)).
//
//   container-init PID   signals go to the process PID of its namespace
//   container-init       a signal that would end a program ends it, and all in its namespace with it
//
// There is one for every container that runs a program, so it is as small as can be: one page, without a C library,
// whose start alone (it asks the processor for the sizes of its caches) costs more than all that is done here.

#include <linux/prctl.h>
#include <linux/wait.h>
#include <sys/syscall.h>

#include <csignal>

namespace {

// As syscall(2), but for what it does with errno.
long call(long number, long one = 0, long two = 0, long three = 0, long four = 0) {
#if defined(__x86_64__)
  long result;
  register long fourth asm("r10") = four;
  asm volatile("syscall"
               : "=a"(result)
               : "a"(number), "D"(one), "S"(two), "d"(three), "r"(fourth)
               : "rcx", "r11", "memory");
  return result;
#elif defined(__aarch64__)
  register long which asm("x8") = number;
  register long first asm("x0") = one;
  register long second asm("x1") = two;
  register long third asm("x2") = three;
  register long fourth asm("x3") = four;
  asm volatile("svc 0" : "+r"(first) : "r"(which), "r"(second), "r"(third), "r"(fourth) : "memory");
  return first;
#else
#error "a system call of this architecture: see syscall(2)"
#endif
}

long address(const void* of) { return reinterpret_cast<long>(of); }

bool would_end_a_program(long number) {
  return number == SIGTERM || number == SIGINT || number == SIGQUIT || number == SIGHUP;
}

long number_in(const char* text) {
  long number = 0;
  for (; *text >= '0' && *text <= '9'; ++text) {
    number = number * 10 + (*text - '0');
  }
  return number;
}

}  // namespace

// What the kernel leaves on the stack: the count of arguments, and the arguments.
extern "C" [[noreturn]] void run(const long* stack) {
  const char* const* arguments = reinterpret_cast<const char* const*>(stack + 1);
  const long program = stack[0] > 1 ? number_in(arguments[1]) : 0;
  call(SYS_close_range, 3, ~0U, 0);
  call(SYS_prctl, PR_SET_NAME, address("container-init"));
  call(SYS_prctl, PR_SET_DUMPABLE, 0);  // its /proc is nobody's to look into
  const unsigned long all = ~0UL;
  call(SYS_rt_sigprocmask, SIG_BLOCK, address(&all), 0, sizeof all);
  for (;;) {
    const long number = call(SYS_rt_sigtimedwait, address(&all), 0, 0, sizeof all);
    if (number == SIGCHLD) {
      while (call(SYS_wait4, -1, 0, WNOHANG) > 0) {
      }
    } else if (number > 0 && program > 1) {
      call(SYS_kill, program, number);
    } else if (number > 0 && would_end_a_program(number)) {
      call(SYS_exit_group, 0);
    }
  }
}

#if defined(__x86_64__)
asm(".globl _start\n_start: xor %ebp, %ebp\n mov %rsp, %rdi\n and $-16, %rsp\n call run\n");
#elif defined(__aarch64__)
asm(".globl _start\n_start: mov x29, #0\n mov x30, #0\n mov x0, sp\n bl run\n");
#endif
