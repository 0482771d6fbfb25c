#include "topology/kernel/child_steps.hpp"

#include "topology/kernel/mount_calls.hpp"
#include "topology/kernel/seccomp_shim.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <utility>

namespace labctl::kernel {
namespace {

using Call = ChildStep::Call;

int result(long returned) { return returned < 0 ? errno : 0; }

int make_file(const char* path) {
  const int fd = ::open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) {
    return errno;
  }
  ::close(fd);
  return 0;
}

// With this mode, whatever the umask says.
int make_folder(const char* path, int mode) {
  return ::mkdir(path, 0755) != 0 || (mode != 0 && ::chmod(path, static_cast<mode_t>(mode)) != 0) ? errno : 0;
}

void write_if_allowed(const char* path, const std::string& text) {
  const int fd = ::open(path, O_WRONLY | O_CLOEXEC);
  if (fd >= 0) {
    [[maybe_unused]] const ssize_t written = ::write(fd, text.data(), text.size());
    ::close(fd);
  }
}

int close_on_exec() {
  if (::syscall(SYS_close_range, 3U, ~0U, 4U /* CLOSE_RANGE_CLOEXEC, Linux 5.11 */) == 0) {
    return 0;
  }
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  for (rlim_t fd = 3; fd < files.rlim_cur; ++fd) {
    ::fcntl(static_cast<int>(fd), F_SETFD, FD_CLOEXEC);
  }
  return 0;
}

// Handlers would run in the child with the parent's descriptors, and ignored
// signals would stay ignored after exec.
void reset_signals() {
  struct sigaction standard {};
  standard.sa_handler = SIG_DFL;
  for (int number = 1; number < NSIG; ++number) {
    ::sigaction(number, &standard, nullptr);
  }
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

// What an image says of itself is hostile: no link is followed, and what is mounted in the root is no file of the image.
// A refusal leaves the file root's.
void give_files(const FileOwners& owners) {
  const int root = ::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  for (const FileOwner& owner : owners) {
    open_how how{};
    how.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV;
    const long file = ::syscall(SYS_openat2, root, owner.path.c_str(), &how, sizeof how);
    if (file >= 0) {
      [[maybe_unused]] const int result =
          ::fchownat(static_cast<int>(file), "", owner.uid, owner.gid, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW);
      ::close(static_cast<int>(file));
    }
  }
  ::close(root);
}

// Pipes are our own: who is not root could not open them by /dev/stdout otherwise. As runc does.
void give_pipes(uid_t uid) {
  for (int fd = 0; fd < 3; ++fd) {
    struct stat status {};
    if (::fstat(fd, &status) == 0 && S_ISFIFO(status.st_mode) && status.st_uid != uid) {
      [[maybe_unused]] const int result = ::fchown(fd, uid, static_cast<gid_t>(-1));
    }
  }
}

// The C library's functions set the ids of all threads, and those are our parent's: the calls themselves are for the
// one thread that makes them.
int set_user(uid_t uid) {
  give_pipes(uid);
  return result(::syscall(SYS_setresuid, uid, uid, uid));
}

const char* text_or_null(const std::string& text) { return text.empty() ? nullptr : text.c_str(); }

int run_step(const ChildStep& step, const ChildPlan& plan, char* const* argv, char* const* env) {
  switch (step.call) {
    case Call::SetNamespaces:
      return result(::setns(step.fd, static_cast<int>(step.flags)));
    case Call::Unshare:
      return result(::unshare(static_cast<int>(step.flags)));
    case Call::Mount:
      return result(::mount(text_or_null(step.source), step.target.c_str(), text_or_null(step.type),
                            step.flags, text_or_null(step.data)));
    case Call::Mkdir:
      return make_folder(step.target.c_str(), step.number);
    case Call::Symlink:
      return result(::symlink(step.source.c_str(), step.target.c_str()));
    case Call::Attach:
      return result(
          ::syscall(SYS_move_mount, step.fd, "", AT_FDCWD, step.target.c_str(), MOVE_MOUNT_F_EMPTY_PATH));
    case Call::ReadOnly:
      return add_mount_flags(step.target.c_str(), MOUNT_ATTR_RDONLY,
                             step.number == 0 ? Below::Too : Below::Not);
    case Call::MakeFile:
      return make_file(step.target.c_str());
    case Call::Unlink:
      return result(::unlink(step.target.c_str()));
    case Call::EnterRoot:
      return enter_root(step.target.c_str());
    case Call::SetHostname:
      return result(::sethostname(step.target.c_str(), step.target.size()));
    case Call::Chdir:
      return result(::chdir(step.target.c_str()));
    case Call::SetSession:
      return result(::setsid());
    case Call::Duplicate:
      return result(::dup2(step.fd, step.number));
    case Call::Terminal:
      return result(::ioctl(STDIN_FILENO, TIOCSCTTY, 0));
    case Call::Limit: {
      const rlimit limit{step.limit.soft, step.limit.hard};
      return result(::setrlimit(static_cast<__rlimit_resource>(step.limit.resource), &limit));
    }
    case Call::WriteFile:
      write_if_allowed(step.target.c_str(), step.data);
      return 0;
    case Call::NoNewPrivileges:
      return result(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    case Call::Undumpable:
      return result(::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0));
    case Call::Capabilities:
      return drop_to_container_capabilities();
    case Call::CloseOnExec:
      return close_on_exec();
    case Call::GiveFiles:
      give_files(step.owners);
      return 0;
    case Call::Groups:
      return result(::syscall(SYS_setgroups, step.groups.size(), step.groups.data()));
    case Call::GroupId:
      return result(::syscall(SYS_setresgid, step.id, step.id, step.id));
    case Call::UserId:
      return set_user(step.id);
    case Call::Filter:
      return install_filter(plan.filter);
    case Call::Exec:
      return result(step.fd >= 0 ? ::syscall(SYS_execveat, step.fd, "", argv, env, AT_EMPTY_PATH)
                                 : ::execve(step.target.c_str(), argv, env));
  }
  return EINVAL;
}

}  // namespace

ChildStep& add_step(ChildPlan& plan, ChildStep::Call call, std::string act) {
  ChildStep step{};
  step.call = call;
  step.act = std::move(act);
  step.tolerated = call == Call::Mkdir ? EEXIST : call == Call::Unlink ? ENOENT : 0;
  plan.steps.push_back(std::move(step));
  return plan.steps.back();
}

ChildFailure run_steps(const ChildPlan& plan, char* const* argv, char* const* env) noexcept {
  reset_signals();
  ::umask(022);
  for (std::size_t index = 0; index < plan.steps.size(); ++index) {
    const int cause = run_step(plan.steps[index], plan, argv, env);
    if (cause != 0 && cause != plan.steps[index].tolerated) {
      return {static_cast<std::int32_t>(index), cause};
    }
  }
  return {static_cast<std::int32_t>(plan.steps.size()), 0};
}

}  // namespace labctl::kernel
