#include "topology/kernel/process.hpp"

#include "tests/netns/process/capsule_fixture.hpp"
#include "topology/kernel/host_tree.hpp"
#include "topology/kernel/pty.hpp"
#include "topology/kernel/seccomp_shim.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>

namespace labctl::kernel::testing {
namespace {

namespace fs = std::filesystem;

std::string write_file(const std::string& path, const std::string& text) {
  fs::create_directories(fs::path(path).parent_path());
  std::ofstream(path) << text;
  return path;
}

std::string read_file(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Reads until the other end is closed; a pty says EIO then.
std::string read_to_end(int fd) {
  std::string text;
  char buffer[1024];
  for (ssize_t length; (length = ::read(fd, buffer, sizeof(buffer))) > 0;) {
    text.append(buffer, static_cast<std::size_t>(length));
  }
  return text;
}

Error error_of(const ProcessOptions& options) {
  try {
    spawn(options);
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "spawned";
  return {ErrorKind::Internal, ""};
}

TEST(Process, TakesOnIdsAndLosesWhatOnlyRootMay) {
  run_in_capsule(IdMapping::Root, [] {
    ProcessOptions options = shell(
        "test \"$(id -u):$(id -g):$(id -G)\" = '999:998:998 5 7' && "
        "grep -q '^CapEff:[[:space:]]*0*$' /proc/self/status && grep -q '^CapPrm:[[:space:]]*0*$' "
        "/proc/self/status");
    options.capabilities = CapabilityPolicy::Container;
    options.ids = ProcessIds{999, 998, {5, 7}, {}};
    EXPECT_EQ(run_to_end(std::move(options)).status.exit_code(), 0);
  });
}

TEST(Process, IdsThatALabDoesNotHaveAreSaid) {
  run_in_capsule(IdMapping::Single, [] {
    ProcessOptions options = shell("true");
    options.ids = ProcessIds{999, 0, {}, {}};
    EXPECT_EQ(error_of(options).message(),
              "set supplementary groups, which the lab may not map: Operation not permitted (EPERM)");
  });
}

TEST(Process, GivesBackTheExitCode) {
  run_in_capsule(IdMapping::Single, [] { EXPECT_EQ(run_to_end(shell("exit 7")).status.exit_code(), 7); });
}

TEST(Process, MapsASignalTo128AndItsNumber) {
  run_in_capsule(IdMapping::Single, [] {
    const ExitStatus status = run_to_end(shell("kill -KILL $$")).status;
    EXPECT_EQ(status.signal, SIGKILL);
    EXPECT_EQ(status.exit_code(), 137);
  });
}

TEST(Process, KeepsStdoutAndStderrApart) {
  run_in_capsule(IdMapping::Single, [] {
    const Finished finished = run_to_end(shell("echo to out; echo to err >&2"));
    EXPECT_EQ(finished.out, "to out\n");
    EXPECT_EQ(finished.err, "to err\n");
  });
}

TEST(Process, GetsArgumentsEnvironmentAndFolderAsGiven) {
  run_in_capsule(IdMapping::Single, [] {
    ProcessOptions options = shell("echo \"$0 $1 [$GREETING] [$HOME] $(pwd)\"");
    options.argv.insert(options.argv.end(), {"name", "one two"});
    options.env.emplace_back("GREETING", "good day");
    options.working_dir = "/usr/lib";
    EXPECT_EQ(run_to_end(options).out, "name one two [good day] [] /usr/lib\n");
  });
}

TEST(Process, HasAHostnameOfItsOwn) {
  run_in_capsule(IdMapping::Single, [] {
    ProcessOptions options = shell("uname -n");
    options.hostname = "web-0";
    EXPECT_EQ(run_to_end(options).out, "web-0\n");
    EXPECT_EQ(run_to_end(shell("uname -n")).out, "capsule\n");
  });
}

TEST(Process, SeesBoundFilesThatNobodyElseSees) {
  run_in_capsule(IdMapping::Single, [] {
    ProcessOptions options = shell("cat /etc/hosts");
    const HostTree tree = HostTree::create({});
    options.view.emplace(tree);
    options.view->binds = {{write_file("/run/pod/hosts", "192.0.2.1\tweb-0\n"), "/etc/hosts"}};
    const std::string before = read_file("/etc/hosts");
    EXPECT_EQ(run_to_end(options).out, "192.0.2.1\tweb-0\n");
    EXPECT_EQ(read_file("/etc/hosts"), before);
  });
}

TEST(Process, CannotWriteWhatIsBoundReadOnly) {
  run_in_capsule(IdMapping::Single, [] {
    ProcessOptions options = shell("echo x >> /etc/hosts");
    const HostTree tree = HostTree::create({});
    options.view.emplace(tree);
    options.view->binds = {{write_file("/run/pod/hosts", "kept\n"), "/etc/hosts", true}};
    EXPECT_NE(run_to_end(options).status.exit_code(), 0);
    EXPECT_EQ(read_file("/run/pod/hosts"), "kept\n");
  });
}

TEST(Process, FindsAFileWhereTheHostHasADanglingLinkOrNothing) {
  run_in_capsule(IdMapping::Single, [] {
    // An /etc of our own, with resolv.conf as systemd-resolved leaves it once /run is covered.
    fs::create_directories("/run/etc");
    fs::create_symlink("../run/systemd/resolve/stub-resolv.conf", "/run/etc/resolv.conf");
    write_file("/run/etc/hosts", "host\n");
    ASSERT_EQ(::mount("/run/etc", "/etc", nullptr, MS_BIND, nullptr), 0);
    ProcessOptions options = shell("cat /etc/hosts /etc/resolv.conf /etc/hostname");
    const HostTree tree = HostTree::create({});
    options.view.emplace(tree);
    options.view->binds = {{write_file("/run/pod/hosts", "hosts\n"), "/etc/hosts"},
                           {write_file("/run/pod/resolv.conf", "search x\n"), "/etc/resolv.conf"},
                           {write_file("/run/pod/hostname", "web-0\n"), "/etc/hostname"}};
    const Finished finished = run_to_end(options);
    EXPECT_EQ(finished.out, "hosts\nsearch x\nweb-0\n") << finished.err;
    EXPECT_TRUE(fs::is_symlink("/etc/resolv.conf"));
    EXPECT_FALSE(fs::exists("/etc/hostname"));
  });
}

TEST(Process, WithScratchItsRunIsItsOwnAndHoldsWhatIsBoundOnly) {
  run_in_capsule(IdMapping::Single, [] {
    fs::create_directories("/run/lab/mine/deep");
    write_file("/run/lab/mine/file", "mine\n");
    write_file("/run/lab/secret", "secret\n");
    ProcessOptions options = shell(
        "find /run -type f -o -type d | sort; cat /run/lab/mine/file /run/hosts; echo more >> "
        "/run/lab/mine/file;"
        "rm -rf /run/labctl-scratch /run/lab/secret; touch /run/left");
    const HostTree tree = HostTree::create({});
    options.view.emplace(tree);
    options.view->binds = {{"/run/lab/mine", "/run/lab/mine"},
                           {write_file("/run/pod/hosts", "hosts\n"), "/run/hosts", true}};
    const Finished finished = run_to_end(options);
    EXPECT_EQ(
        finished.out,
        "/run\n/run/hosts\n/run/lab\n/run/lab/mine\n/run/lab/mine/deep\n/run/lab/mine/file\nmine\nhosts\n")
        << finished.err;
    EXPECT_EQ(read_file("/run/lab/mine/file"), "mine\nmore\n");
    EXPECT_EQ(read_file("/run/lab/secret"), "secret\n");
    EXPECT_FALSE(fs::exists("/run/left"));
  });
}

TEST(Process, FillsItsScratchAndNothingElse) {
  run_in_capsule(IdMapping::Single, [] {
    ProcessOptions options = shell("cat /dev/zero > /run/fill; stat -c %s /run/fill; sleep 60");
    const HostTree tree = HostTree::create({});
    options.view.emplace(tree);
    options.out = Stdio::pipe();
    const ChildProcess filler = spawn(options);
    char size[32] = {};
    pollfd said{filler.out.get(), POLLIN, 0};
    ASSERT_EQ(::poll(&said, 1, 60'000), 1);
    ASSERT_GT(::read(filler.out.get(), size, sizeof size - 1), 0);
    EXPECT_GT(std::atoll(size), 1'000'000);
    write_file("/run/still", std::string(1'000'000, 'x'));
    EXPECT_EQ(fs::file_size("/run/still"), 1'000'000u);
    // Nor is another's full.
    ProcessOptions other = shell("echo x > /run/mine");
    other.view.emplace(tree);
    EXPECT_EQ(run_to_end(other).status, ExitStatus{});
  });
}

TEST(Process, SysfsShowsOnlyThePodsLinks) {
  run_in_capsule(IdMapping::Single, [] {
    const UniqueFd pod = make_pod_namespace("eth0");
    ProcessOptions options = shell("echo $(ls /sys/class/net); grep -c . /proc/net/dev");
    options.netns_fd = pod.get();
    const HostTree tree = HostTree::create({});
    options.view.emplace(tree);
    EXPECT_EQ(run_to_end(options).out, "eth0 far lo\n5\n");
    EXPECT_EQ(run_to_end(shell("echo $(ls /sys/class/net)")).out, "lo\n");
  });
}

TEST(Process, MissingProgramSaysWhereItWasLookedFor) {
  run_in_capsule(IdMapping::Single, [] {
    ProcessOptions options = shell("");
    options.argv = {"no-such-program"};
    const Error error = error_of(options);
    EXPECT_EQ(error.kind(), ErrorKind::NotFound);
    EXPECT_EQ(error.message(), "exec no-such-program: No such file or directory (ENOENT)");
    EXPECT_NE(error.hint().find("host's file tree"), std::string::npos);
  });
}

TEST(Process, MissingInterpreterIsToldFromAMissingProgram) {
  run_in_capsule(IdMapping::Single, [] {
    ProcessOptions options = shell("");
    options.argv = {write_file("/run/script", "#!/no/such/interpreter\n")};
    fs::permissions("/run/script", fs::perms::owner_all);
    const Error error = error_of(options);
    EXPECT_EQ(error.message(), "exec /run/script: No such file or directory (ENOENT)");
    EXPECT_NE(error.hint().find("interpreter"), std::string::npos);
  });
}

TEST(Process, FileWithoutExecutePermissionIsRefused) {
  run_in_capsule(IdMapping::Single, [] {
    ProcessOptions options = shell("");
    options.argv = {write_file("/run/data", "text")};
    EXPECT_EQ(error_of(options).kind(), ErrorKind::Permission);
  });
}

TEST(Process, RefusedStepIsNamed) {
  run_in_capsule(IdMapping::Single, [] {
    ProcessOptions options = shell("true");
    options.working_dir = "/no/such/folder";
    EXPECT_EQ(error_of(options).message(),
              "working directory /no/such/folder: No such file or directory (ENOENT)");
    options.working_dir.clear();
    const UniqueFd file(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    options.netns_fd = file.get();
    EXPECT_EQ(error_of(options).message(), "enter network namespace: Invalid argument (EINVAL)");
  });
}

TEST(Process, InheritsNoDescriptorButItsStreams) {
  run_in_capsule(IdMapping::Single, [] {
    const int leaky = ::open("/dev/null", O_RDONLY);                            // not close-on-exec
    EXPECT_EQ(run_to_end(shell("echo $(ls /proc/self/fd)")).out, "0 1 2 3\n");  // 3 is the folder ls reads
    ::close(leaky);
  });
}

TEST(Process, HasDefaultSignalsAndMask) {
  run_in_capsule(IdMapping::Single, [] {
    ::signal(SIGPIPE, SIG_IGN);
    ::signal(SIGHUP, SIG_IGN);
    sigset_t mask;
    ::sigfillset(&mask);
    ::sigprocmask(SIG_BLOCK, &mask, nullptr);
    ProcessOptions options = shell("");
    options.argv = {"grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status"};
    EXPECT_EQ(run_to_end(options).out, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
  });
}

TEST(Process, ObeysResourceLimits) {
  run_in_capsule(IdMapping::Single, [] {
    ProcessOptions options = shell("ulimit -n; ulimit -Hn");
    options.limits = {{RLIMIT_NOFILE, 64, 128}};
    EXPECT_EQ(run_to_end(options).out, "64\n128\n");
  });
}

TEST(Process, RunsInARootFolderAndNeverChangesIt) {
  run_in_capsule(IdMapping::Single, [] {
    fs::create_directories("/run/image/bin");
    // Copies sh and what it is linked with.
    const Finished copied = run_to_end(shell(
        "cp /bin/sh /bin/ls /bin/cat /run/image/bin/ && for f in $(ldd /bin/sh /bin/ls /bin/cat | grep -o "
        "'/[^ :]*' "
        "| sort -u); do mkdir -p /run/image/$(dirname $f) && cp -L $f /run/image/$f; done; ls /run/image"));
    ASSERT_EQ(copied.status, ExitStatus{}) << copied.err;
    // A link out of the tree, were it followed from outside.
    fs::create_directories("/run/image/etc");
    fs::create_symlink("/run/pod/outside", "/run/image/etc/resolv.conf");
    ProcessOptions options =
        shell("echo made > /made; cat /made /etc/hosts; ls -d /proc/1 /sys/class/net/lo /dev/null; ls /run");
    options.env = {{"PATH", "/bin"}};
    const HostTree tree = HostTree::create({});
    options.view.emplace(tree);
    options.view->root = "/run/image";
    options.view->binds = {{write_file("/run/pod/hosts", "pod hosts\n"), "/etc/hosts"}};
    const Finished finished = run_to_end(options);
    EXPECT_EQ(finished.out, "made\npod hosts\n/dev/null\n/proc/1\n/sys/class/net/lo\n") << finished.err;
    EXPECT_NE(finished.err.find("/run"), std::string::npos);  // the host's tree is gone
    EXPECT_FALSE(fs::exists("/run/image/made"));
    EXPECT_FALSE(fs::exists("/run/image/etc/hosts"));
  });
}

TEST(Process, JoinsTheNamespacesOfAnother) {
  run_in_capsule(IdMapping::Single, [] {
    const UniqueFd pod = make_pod_namespace("eth0");
    ProcessOptions options = shell("sleep 60");
    options.netns_fd = pod.get();
    options.hostname = "web-0";
    const HostTree tree = HostTree::create({});
    options.view.emplace(tree);
    options.view->binds = {{write_file("/run/pod/hosts", "pod hosts\n"), "/etc/hosts"}};
    const ChildProcess container = spawn(options);
    ProcessOptions visit = shell("uname -n; cat /etc/hosts; ls /sys/class/net | grep eth0");
    visit.join_pidfd = container.pidfd();
    EXPECT_EQ(run_to_end(visit).out, "web-0\npod hosts\neth0\n");
  });
}

TEST(Process, DestructorEndsAndReaps) {
  run_in_capsule(IdMapping::Single, [] {
    pid_t pid = -1;
    {
      const ChildProcess child = spawn(shell("exec sleep 60"));
      pid = child.pid();
      EXPECT_EQ(::kill(pid, 0), 0);
    }
    EXPECT_EQ(::kill(pid, 0), -1);
  });
}

TEST(Process, SignalAfterTheEndHitsNobody) {
  run_in_capsule(IdMapping::Single, [] {
    ChildProcess child = spawn(shell("exec sleep 60"));
    EXPECT_TRUE(child.signal(SIGTERM));
    EXPECT_EQ(child.wait().exit_code(), 143);
    EXPECT_FALSE(child.signal(SIGTERM));
  });
}

TEST(Process, DaemonsLeftBehindAreKilledByTheirMountNamespace) {
  run_in_capsule(IdMapping::Single, [] {
    ProcessOptions options = shell("setsid -f sleep 61; setsid -f sleep 62; echo started");
    const HostTree tree = HostTree::create({});
    options.view.emplace(tree);
    options.out = Stdio::pipe();
    ChildProcess child = spawn(options);
    const ino_t mounts = child.mount_namespace();
    EXPECT_NE(mounts, 0u);
    EXPECT_EQ(child.wait().exit_code(), 0);
    EXPECT_EQ(kill_members({mounts}), 2u);
    EXPECT_EQ(kill_members({mounts}), 0u);
  });
}

TEST(Process, ShimLetsProgramsThatDropPrivilegesSucceed) {
  run_in_capsule(IdMapping::Single, [] {
    ASSERT_EQ(current_privilege(), Privilege::SingleId);
    ProcessOptions options;
    options.argv = {LABCTL_DROP_PRIVILEGES};
    EXPECT_EQ(run_to_end(options).status.exit_code(), 1);  // setgroups, refused by the kernel
    options.seccomp_shim = true;
    const Finished finished = run_to_end(options);
    EXPECT_EQ(finished.status.exit_code(), 0) << finished.out;
    EXPECT_EQ(finished.out, "uid 0\n");
  });
}

TEST(Process, ShimNeedsNoNewPrivsOnlyWithoutTheCapability) {
  run_in_capsule(IdMapping::Single, [] {
    ProcessOptions options = shell("grep -E '^(NoNewPrivs|Seccomp):' /proc/self/status");
    options.seccomp_shim = true;
    EXPECT_EQ(run_to_end(options).out, "NoNewPrivs:\t0\nSeccomp:\t2\n");
    options.capabilities = CapabilityPolicy::Container;
    EXPECT_EQ(run_to_end(options).out, "NoNewPrivs:\t1\nSeccomp:\t2\n");
  });
}

TEST(Process, ContainerOfRealRootCannotMountOrAdministrate) {
  run_in_capsule(IdMapping::Root, [] {
    ASSERT_EQ(current_privilege(), Privilege::RealRoot);
    const UniqueFd pod = make_pod_namespace("eth0");
    ProcessOptions options = shell(
        "grep -E '^Cap(Prm|Eff|Bnd|Amb)' /proc/self/status; mount -t tmpfs none /mnt 2>/dev/null && echo "
        "mounted;"
        "mknod /run/disk b 8 0 2>/dev/null && echo made; ip link set lo up && echo net");
    options.netns_fd = pod.get();
    const HostTree tree = HostTree::create({});
    options.view.emplace(tree);
    options.capabilities = CapabilityPolicy::Container;
    // chown dac_override fowner fsetid kill setgid setuid setpcap net_bind_service
    // net_admin net_raw sys_chroot audit_write setfcap
    const std::string set = "00000000a00435fb\n";
    EXPECT_EQ(run_to_end(options).out,
              "CapPrm:\t" + set + "CapEff:\t" + set + "CapBnd:\t" + set + "CapAmb:\t0000000000000000\nnet\n");
  });
}

TEST(Process, RealRootRunsProgramsThatChangeTheirUser) {
  run_in_capsule(IdMapping::Root, [] {
    ProcessOptions options;
    options.argv = {LABCTL_DROP_PRIVILEGES};
    options.capabilities = CapabilityPolicy::Container;
    EXPECT_EQ(run_to_end(options).out, "uid 65534\n");
  });
}

TEST(Process, PtyIsTheControllingTerminal) {
  run_in_capsule(IdMapping::Single, [] {
    Pty pty = open_pty(24, 80);
    ProcessOptions options = shell("stty size < /dev/tty; ps -o tty= -p $$; tty");
    options.in = options.out = options.err = Stdio::from(pty.slave.get());
    options.controlling_terminal = true;
    ChildProcess child = spawn(options);
    pty.slave.reset();
    EXPECT_EQ(read_to_end(pty.master.get()), "24 80\r\npts/0\r\n/dev/pts/0\r\n");
    EXPECT_EQ(child.wait().exit_code(), 0);
  });
}

TEST(Process, ClosingThePtyHangsUp) {
  run_in_capsule(IdMapping::Single, [] {
    Pty pty = open_pty(0, 0);
    ProcessOptions options = shell("exec sleep 60");
    options.in = options.out = options.err = Stdio::from(pty.slave.get());
    options.controlling_terminal = true;
    ChildProcess child = spawn(options);
    pty = Pty();
    EXPECT_EQ(child.wait().signal, SIGHUP);
  });
}

TEST(Process, TwoHundredSpawnsLeakNoDescriptor) {
  run_in_capsule(IdMapping::Single, [] {
    const UniqueFd pod = make_pod_namespace("eth0");
    ProcessOptions options = shell("exit 0");
    options.netns_fd = pod.get();
    options.hostname = "web-0";
    const HostTree tree = HostTree::create({});
    options.view.emplace(tree);
    options.view->binds = {{write_file("/run/pod/hosts", "x\n"), "/etc/hosts"}};
    ProcessOptions missing;
    missing.argv = {"no-such-program"};
    ProcessOptions refused = options;
    refused.working_dir = "/no/such/folder";
    run_to_end(options);
    const int before = open_descriptors();
    for (int round = 0; round < 200; ++round) {
      ASSERT_EQ(run_to_end(options).status, ExitStatus{});
      if (round % 10 == 0) {
        error_of(missing);
        error_of(refused);
      }
    }
    EXPECT_EQ(open_descriptors(), before);
  });
}

}  // namespace
}  // namespace labctl::kernel::testing
