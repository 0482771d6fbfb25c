#include "labctl/supervisor/keeper.hpp"

#include "labctl/api/tcp_socket.hpp"
#include "labctl/api/unix_socket.hpp"
#include "labctl/doctor/doctor.hpp"
#include "labctl/store/etcd_table.hpp"
#include "labctl/supervisor/boot_report.hpp"
#include "labctl/supervisor/supervisor.hpp"
#include "topology/kernel/capsule.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <exception>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace labctl::supervisor {
namespace {

// Pipes between the keeper and the process that leaves the host's namespaces.
struct Handshake {
  UniqueFd unshared_read, unshared_write;  // child: a byte when it has left
  UniqueFd mapped_read, mapped_write;      // keeper: 'm' mapped from outside, 's' map a single id yourself
  UniqueFd pid_read, pid_write;            // child: the supervisor's pid
  UniqueFd mounted_read, mounted_write;    // supervisor: a byte when it stands in its own mounts
  UniqueFd refused_read, refused_write;    // either: why root's range of ids cannot be
  UniqueFd go_read, go_write;              // keeper: the same pid, once it is the supervisor's parent
};

void make_pipe(UniqueFd& read_end, UniqueFd& write_end) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    throw Error::from_errno(errno, "make a pipe");
  }
  read_end.reset(ends[0]);
  write_end.reset(ends[1]);
}

template <typename Value>
bool read_value(const UniqueFd& fd, Value& value) {
  ssize_t size = 0;
  do {
    size = ::read(fd.get(), &value, sizeof value);
  } while (size < 0 && errno == EINTR);
  return size == sizeof value;
}

template <typename Value>
void write_value(const UniqueFd& fd, const Value& value) {
  // A reader that died is noticed by its parent, not here.
  [[maybe_unused]] const ssize_t size = ::write(fd.get(), &value, sizeof value);
}

Handshake make_handshake() {
  Handshake pipes;
  make_pipe(pipes.unshared_read, pipes.unshared_write);
  make_pipe(pipes.mapped_read, pipes.mapped_write);
  make_pipe(pipes.pid_read, pipes.pid_write);
  make_pipe(pipes.mounted_read, pipes.mounted_write);
  make_pipe(pipes.refused_read, pipes.refused_write);
  make_pipe(pipes.go_read, pipes.go_write);
  return pipes;
}

std::string read_to_end(const UniqueFd& fd) {
  std::string text;
  std::array<char, 512> piece;
  for (ssize_t size = 0; (size = ::read(fd.get(), piece.data(), piece.size())) != 0;) {
    if (size > 0) {
      text.append(piece.data(), static_cast<size_t>(size));
    } else if (errno != EINTR) {
      break;
    }
  }
  return text;
}

void report_failure(const UniqueFd& report, const Error& error) {
  const std::string text = write_boot_report(error);
  [[maybe_unused]] const ssize_t size = ::write(report.get(), text.data(), text.size());
}

// Whatever else the command was started with would stay open for the lab's life: a
// pipe that its reader waits on, a lock.
void close_all_but(std::vector<int> kept) {
  std::sort(kept.begin(), kept.end());
  unsigned first = 3;
  for (const int fd : kept) {
    if (fd >= 0 && static_cast<unsigned>(fd) >= first) {
      if (static_cast<unsigned>(fd) > first) {
        ::close_range(first, static_cast<unsigned>(fd) - 1, 0);
      }
      first = static_cast<unsigned>(fd) + 1;
    }
  }
  ::close_range(first, ~0U, 0);
}

void detach_from_terminal() {
  ::setsid();
  const UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  for (const int stream : {0, 1, 2}) {
    ::dup2(null.get(), stream);
  }
  [[maybe_unused]] const int result = ::chdir("/");
}

// What this host refuses is the end of the lab, but for root's range of ids: then the keeper tries without.
void tell_refusal(const KeeperSetup& setup, const Handshake& pipes, const kernel::IdPlan& ids,
                  const Error& error) {
  if (ids.mapping == kernel::IdMapping::RootRange) {
    const std::string& text = error.message();
    [[maybe_unused]] const ssize_t size = ::write(pipes.refused_write.get(), text.data(), text.size());
  } else {
    report_failure(setup.report, doctor::host_error(error));
  }
}

// The first process of the lab: dies with the keeper.
[[noreturn]] void become_supervisor(KeeperSetup& setup, Handshake& pipes, const kernel::IdPlan& ids) {
  pipes.pid_write.reset();
  try {
    kernel::mount_capsule(setup.options->lab);
  } catch (const Error& error) {
    tell_refusal(setup, pipes, ids, error);
    ::_exit(1);
  }
  write_value(pipes.mounted_write, 'm');
  pipes.mounted_write.reset();
  pipes.refused_write.reset();
  pid_t own_pid = 0;
  if (!read_value(pipes.go_read, own_pid)) {
    ::_exit(1);  // the keeper is gone already
  }
  // The keeper is now our parent, and stays it to the end.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  pollfd keeper{pipes.go_read.get(), POLLIN, 0};
  if (::poll(&keeper, 1, 0) != 0) {
    ::_exit(1);
  }
  ::prctl(PR_SET_NAME, "labctl-lab");
  SupervisorSetup supervisor;
  supervisor.options = setup.options;
  supervisor.log = std::move(setup.log);
  supervisor.lock = std::move(setup.claim.lock());
  supervisor.runtime_root = setup.claim.path().parent_path();
  setup.claim = ClaimedLab();  // the folder is the keeper's, and no pod's to find in /proc/1/fd
  supervisor.listening = std::move(setup.listening);
  supervisor.report = std::move(setup.report);
  supervisor.keeper = std::move(pipes.go_read);
  supervisor.dial = std::move(setup.dial.lab);
  supervisor.identity = setup.identity;
  supervisor.pid_outside = own_pid;
  supervisor.mapping = ids.mapping;
  supervisor.why_no_range = ids.why_no_range;
  setup.commit.reset();
  ::_exit(run_supervisor(std::move(supervisor)));
}

// Leaves the host's namespaces, starts the supervisor in them and ends.
[[noreturn]] void leave_host(KeeperSetup& setup, Handshake& pipes, kernel::IdPlan ids) {
  // The keeper's ends: held here as well, a keeper that is killed would be waited for without end.
  pipes.unshared_read.reset();
  pipes.mapped_write.reset();
  pipes.pid_read.reset();
  pipes.mounted_read.reset();
  pipes.refused_read.reset();
  pipes.go_write.reset();
  setup.dial.keeper.reset();
  int status = 1;
  try {
    kernel::unshare_capsule(ids.mapping);
    if (ids.mapping != kernel::IdMapping::Root) {
      write_value(pipes.unshared_write, 'u');
      char answer = 0;
      if (!read_value(pipes.mapped_read, answer)) {
        ::_exit(1);
      }
      if (answer == 's') {
        ids.mapping = kernel::IdMapping::Single;
        kernel::write_single_map(ids);
      }
      if (ids.mapping == kernel::IdMapping::RootRange) {
        kernel::become_root_inside();
      }
    }
    const pid_t supervisor = ::fork();
    if (supervisor == 0) {
      become_supervisor(setup, pipes, ids);
    }
    if (supervisor < 0) {
      throw Error::from_errno(errno, "start the supervisor");
    }
    write_value(pipes.pid_write, supervisor);
    status = 0;
  } catch (const Error& error) {
    tell_refusal(setup, pipes, ids, error);
  }
  ::_exit(status);
}

// Maps what the plan says for a child that has left. Throws Error when root's range is refused: the pipe's
// end then ends the child.
void map_ids(pid_t child, const kernel::IdPlan& ids, const Handshake& pipes) {
  char left = 0;
  if (ids.mapping == kernel::IdMapping::Root || !read_value(pipes.unshared_read, left)) {
    return;
  }
  bool is_mapped = false;
  if (ids.mapping == kernel::IdMapping::RootRange) {
    kernel::write_root_maps(child, ids);
    is_mapped = true;
  } else if (ids.mapping == kernel::IdMapping::Subordinate) {
    is_mapped = kernel::write_subordinate_maps(child, ids);
  }
  write_value(pipes.mapped_write, is_mapped ? 'm' : 's');
}

void wait_for(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
}

struct Started {
  pid_t supervisor = -1;  // -1: it could not be started; why is in the report, or in `refusal`
  std::string refusal;    // of root's range of ids
  UniqueFd go;
};

Started try_to_start(KeeperSetup& setup, const kernel::IdPlan& ids) {
  Handshake pipes = make_handshake();
  Started started;
  const pid_t child = ::fork();
  if (child < 0) {
    throw Error::from_errno(errno, "start the supervisor");
  }
  if (child == 0) {
    leave_host(setup, pipes, ids);
  }
  pipes.unshared_write.reset();
  pipes.mapped_read.reset();
  pipes.pid_write.reset();
  pipes.mounted_write.reset();
  pipes.refused_write.reset();
  pipes.go_read.reset();
  try {
    map_ids(child, ids, pipes);
  } catch (const Error& error) {
    started.refusal = error.message();
    pipes.mapped_write.reset();
  }
  if (!read_value(pipes.pid_read, started.supervisor)) {
    started.supervisor = -1;
  }
  wait_for(child);
  char mounted = 0;
  if (started.supervisor > 0 && !read_value(pipes.mounted_read, mounted)) {
    wait_for(started.supervisor);
    started.supervisor = -1;
  }
  if (started.supervisor < 0 && started.refusal.empty()) {
    started.refusal = read_to_end(pipes.refused_read);
  }
  started.go = std::move(pipes.go_write);
  return started;
}

// What images of archives were unpacked to is root's alone: nobody else could read it, or copy it when it is written.
bool runs_archives(const model::Cluster& cluster) {
  return std::any_of(cluster.images.begin(), cluster.images.end(),
                     [](const model::ImageRule& rule) { return !rule.archive.empty(); });
}

// With ids of its own if root may have some, else as root.
Started start_supervisor(KeeperSetup& setup) {
  kernel::IdPlan ids = kernel::plan_ids();
  if (ids.mapping == kernel::IdMapping::RootRange && runs_archives(setup.options->cluster)) {
    ids.mapping = kernel::IdMapping::Root;
    ids.why_no_range = "the unpacked images of the archives are root's own";
  }
  Started started = try_to_start(setup, ids);
  if (started.supervisor < 0 && ids.mapping == kernel::IdMapping::RootRange && !started.refusal.empty()) {
    ids.mapping = kernel::IdMapping::Root;
    ids.why_no_range = started.refusal;
    started = try_to_start(setup, ids);
  }
  return started;
}

// How a supervisor ended.
struct WatchedEnd {
  int status = 0;  // as wait(2) gives it
  bool was_ours = false;
  // Nobody asked for it: the lab is to tell its user why.
  bool is_unasked() const { return !was_ours && !(WIFEXITED(status) && WEXITSTATUS(status) == 0); }
};

// Reads what inotify has to say: that there is something is all that counts.
void drain(const UniqueFd& events) {
  std::array<char, 4096> piece;
  while (::read(events.get(), piece.data(), piece.size()) > 0) {
  }
}

// Until the supervisor has ended; ends it when the command goes without having committed,
// and when somebody removes the lab's folder, without which nobody could find the lab
// again. Meanwhile opens connections for it.
WatchedEnd watch(pid_t supervisor, const ClaimedLab& claim, UniqueFd commit, UniqueFd dial,
                 const std::string& server) {
  WatchedEnd end;
  const UniqueFd ended(static_cast<int>(::syscall(SYS_pidfd_open, supervisor, 0)));
  const UniqueFd folder = claim.watch();
  const auto end_it = [&] {
    end.was_ours = true;
    ::kill(supervisor, SIGKILL);
  };
  if (!claim.is_in_place()) {
    end_it();
  }
  while (ended) {
    // poll(2) ignores negative descriptors: once committed, only the supervisor's end counts.
    pollfd waits[] = {{ended.get(), POLLIN, 0},
                      {commit ? commit.get() : -1, POLLIN, 0},
                      {dial ? dial.get() : -1, POLLIN, 0},
                      {folder.get(), POLLIN, 0}};
    if (::poll(waits, 4, -1) < 0) {
      if (errno == EINTR) {
        continue;
      }
      break;
    }
    if (waits[0].revents != 0) {
      break;
    }
    if (waits[1].revents != 0) {
      char byte = 0;
      if (!read_value(commit, byte)) {
        end_it();
      }
      commit.reset();
    }
    if (waits[2].revents != 0 && !answer_dial(dial, server, store::EtcdTable::kTimeout)) {
      dial.reset();
    }
    if (waits[3].revents != 0) {
      drain(folder);
      if (!claim.is_in_place()) {
        end_it();
      }
    }
  }
  while (::waitpid(supervisor, &end.status, 0) < 0 && errno == EINTR) {
  }
  return end;
}

// The lab's name, and where it is: the host and the folder.
std::string identity_of(const std::string& lab, const std::filesystem::path& folder) {
  std::array<char, HOST_NAME_MAX + 1> host{};
  ::gethostname(host.data(), host.size() - 1);
  return lab + "@" + host.data() + ":" + folder.string();
}

// However the lab ended, others may have now what it had.
void give_back_shared(const std::string& server, const std::string& identity) noexcept {
  try {
    store::EtcdTable table(
        server, [&] { return api::connect_tcp(server, store::EtcdTable::kTimeout); }, identity);
    table.release_everything();
  } catch (const std::exception&) {
    // The store is away: the next lab of this name and place gives back what is left there.
  }
}

}  // namespace

void keep_lab(KeeperSetup setup) noexcept {
  const std::string lab = setup.options->lab;
  close_all_but({setup.report.get(), setup.commit.get()});
  try {
    // Before the working directory changes: the runtime folder's name may be relative to it.
    setup.claim = claim_lab(lab);
    setup.log = setup.claim.make_log();
  } catch (const Error& error) {
    report_failure(setup.report, error);
    ::_exit(0);
  }
  detach_from_terminal();
  // The process between keeper and supervisor ends at once; the supervisor must then become our child.
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  ::prctl(PR_SET_NAME, "labctl-keeper");
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGINT, SIG_IGN);
  ::signal(SIGHUP, SIG_IGN);
  ::sigprocmask(SIG_SETMASK, &setup.signals_before, nullptr);
  try {
    setup.listening = api::listen_unix(setup.claim.folder(), kSocketName);
    const std::string server = store::etcd_server(setup.options->cluster.store);
    if (!server.empty()) {
      setup.identity = identity_of(lab, setup.claim.path());
      setup.dial = make_dial_relay();
    }
    const Started started = start_supervisor(setup);
    setup.dial.lab.reset();
    setup.log.reset();
    if (started.supervisor > 0) {
      setup.claim.set_supervisor(started.supervisor);
      write_value(started.go, started.supervisor);
      setup.listening.reset();
      setup.report.reset();
      const WatchedEnd end = watch(started.supervisor, setup.claim, std::move(setup.commit),
                                   std::move(setup.dial.keeper), server);
      if (!server.empty()) {
        give_back_shared(server, setup.identity);
      }
      if (end.is_unasked()) {
        setup.claim.leave_end(end.status);
        ::_exit(0);
      }
    }
  } catch (const Error& error) {
    report_failure(setup.report, error);
  }
  setup.claim.release();
  ::_exit(0);
}

}  // namespace labctl::supervisor
