// Does what servers do to give up root, in the order of nginx: setgroups, setgid, setuid, then chown of a
// file. The exit code says which step was refused (1, 2, 3, 4).

#include <fcntl.h>
#include <grp.h>
#include <sys/types.h>
#include <unistd.h>

#include <cstdio>

int main() {
  constexpr uid_t kNobody = 65534;
  const gid_t group = kNobody;
  const int file = ::open("/tmp", O_TMPFILE | O_RDWR, 0600);
  if (::fchown(file, kNobody, kNobody) != 0) {
    // As root and under the shim this works; without, it is the same refusal as the next.
    std::puts("fchown");
  }
  if (::setgroups(1, &group) != 0) {
    return 1;
  }
  if (::setgid(kNobody) != 0) {
    return 2;
  }
  if (::setuid(kNobody) != 0) {
    return 3;
  }
  std::printf("uid %d\n", static_cast<int>(::getuid()));
  return 0;
}
