// What programs see of the host's files, and what they can do to them.

#include "topology/kernel/host_tree.hpp"

#include "tests/netns/process/capsule_fixture.hpp"
#include "topology/kernel/pid_namespace.hpp"
#include "topology/kernel/process.hpp"

#include <gtest/gtest.h>

#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <set>
#include <string>

namespace labctl::kernel::testing {
namespace {

namespace fs = std::filesystem;

ProcessOptions shell_with(const HostTree& tree, const std::string& script) {
  ProcessOptions options = shell(script);
  options.view.emplace(tree);
  return options;
}

// Folders that programs write in, as a host may have them: /var and a home of our own.
void make_host() {
  fs::create_directories("/run/host/lib/app");
  fs::create_directories("/run/host/log/app");
  fs::create_directories("/run/host/log/file-below/deep");
  std::ofstream("/run/host/lib/app/data") << "host\n";
  std::ofstream("/run/host/log/app/messages") << "secret\n";
  ASSERT_EQ(::mount("/run/host", "/var", nullptr, MS_BIND, nullptr), 0);
  ASSERT_EQ(::mount("tmpfs", "/home", "tmpfs", 0, "mode=0755"), 0);
  ASSERT_EQ(::mount("tmpfs", "/tmp", "tmpfs", 0, "mode=1777"), 0);
  std::ofstream("/tmp/script") << "echo run\n";
  fs::create_directories("/home/user/mounted");
  std::ofstream("/home/user/notes") << "notes\n";
  ASSERT_EQ(::mount("tmpfs", "/home/user/mounted", "tmpfs", 0, "mode=0755"), 0);
  std::ofstream("/home/user/mounted/inner") << "inner\n";
  fs::create_directories("/home/user/labs/one");
}

constexpr const char* kWriteAll =
    "for f in /var/lib/new /var/lib/app/data /var/log/new /var/log/app/new /var/cache/new /home/user/notes "
    "/home/user/new /home/user/mounted/inner /home/user/mounted/new /etc/new /usr/new /new /tmp/new "
    "/dev/shm/new; "
    "do (echo x > $f) 2>&- && echo $f; done";

TEST(HostTreeOfContainers, IsWrittenInFoldersOfTheirOwnAlone) {
  for (const IdMapping mapping : {IdMapping::Single, IdMapping::Root}) {
    if (mapping == IdMapping::Root && ::geteuid() != 0) {
      continue;
    }
    run_in_capsule(mapping, [] {
      make_host();
      const HostTree tree =
          HostTree::create({.home = "/home/user", .hidden = {"/home/user/labs", "/absent"}});
      EXPECT_EQ(run_to_end(shell_with(tree,
                                      "cat /var/lib/app/data /home/user/notes /home/user/mounted/inner; ls "
                                      "-A /home/user/labs /tmp /run /root /var/log /var/log/app"))
                    .out,
                "host\nnotes\ninner\n/home/user/labs:\n\n/root:\n\n/run:\n\n/tmp:\nscript\n\n/var/log:\napp\n"
                "file-below\n\n/var/log/app:\n");
      EXPECT_EQ(run_to_end(shell_with(tree, kWriteAll)).out,
                "/var/lib/new\n/var/lib/app/data\n/var/log/new\n/var/log/app/new\n/home/user/notes\n"
                "/home/user/new\n/tmp/new\n/dev/shm/new\n");
      EXPECT_EQ(run_to_end(shell("cat /var/lib/app/data /home/user/notes /home/user/mounted/inner; ls "
                                 "/var/lib /var/log/app /home/user"))
                    .out,
                "host\nnotes\ninner\n/home/user:\nlabs\nmounted\nnotes\n\n/var/lib:\napp\n\n/var/log/app:\n"
                "messages\n");
      EXPECT_EQ(run_to_end(shell_with(tree, "find / -xdev -name new 2>&-")).out, "") << "nor is it another's";
    });
  }
}

TEST(HostTreeOfContainers, IsTheHostsWhereItMayBeWritten) {
  run_in_capsule(IdMapping::Single, [] {
    make_host();
    const HostTree tree = HostTree::create({.is_writable = true, .home = "/home/user"});
    EXPECT_EQ(
        run_to_end(shell_with(tree, "echo x > /home/user/notes; echo y > /var/log/app/new; ls /var/log/app"))
            .out,
        "messages\nnew\n");
    EXPECT_EQ(run_to_end(shell("cat /home/user/notes /var/log/app/new")).out, "x\ny\n");
  });
}

// In a user namespace of its own, to which mounts of ours are as those of the host to a lab.
void run_in_inner_namespace(const std::function<void()>& body) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) {
      ::_exit(2);
    }
    std::ofstream("/proc/self/uid_map") << "0 0 1";
    std::ofstream("/proc/self/setgroups") << "deny";
    std::ofstream("/proc/self/gid_map") << "0 0 1";
    body();
    std::fflush(nullptr);
    ::_exit(::testing::Test::HasFailure() ? 1 : 0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

TEST(HostTreeOfContainers, HasLayersBelowWhatMountsOfTheHostKeepFromHavingOne) {
  run_in_capsule(IdMapping::Single, [] {
    make_host();
    fs::create_directories("/var/lib/docker/deep");
    ASSERT_EQ(::mount("tmpfs", "/var/lib/docker/deep", "tmpfs", 0, "mode=0755"), 0);
    std::ofstream("/var/lib/docker/deep/file") << "below\n";
    run_in_inner_namespace([] {
      const HostTree tree = HostTree::create({.home = "/home/user"});
      EXPECT_EQ(std::set<std::string>(tree.layered().begin(), tree.layered().end()),
                (std::set<std::string>{"/tmp", "/var/lib/app", "/home/user/labs", "/home/user/mounted"}));
      ProcessOptions options =
          shell_with(tree,
                     "echo x > /var/lib/app/data; cat /var/lib/docker/deep/file /home/user/mounted/inner "
                     "/var/lib/app/data; "
                     "touch /var/lib/new /var/lib/docker/new /home/user/new 2>&1 | grep -c Read-only");
      options.view->fresh_sysfs = false;  // the network is not this namespace's
      EXPECT_EQ(run_to_end(options).out, "below\ninner\nx\n3\n");
    });
    EXPECT_EQ(run_to_end(shell("cat /var/lib/app/data")).out, "host\n");
  });
}

TEST(HostTreeOfContainers, TakesMountsBelowItsRoot) {
  run_in_capsule(IdMapping::Single, [] {
    const HostTree tree = HostTree::create({});
    fs::create_directories("/run/volume");
    std::ofstream("/run/config") << "config\n";
    for (int round = 0; round < 2; ++round) {
      ProcessOptions options =
          shell_with(tree,
                     "echo x >> /no-such/deep/file; cat /no-such/deep/file /no-such.yaml; "
                     "touch /no-such/new /no-such-new 2>&1 | grep -c Read-only");
      options.view->binds = {{"/run/volume", "/no-such/deep"}, {"/run/config", "/no-such.yaml", true}};
      EXPECT_EQ(run_to_end(options).out, std::string(round == 0 ? "x\n" : "x\nx\n") + "config\n2\n");
    }
    EXPECT_EQ(run_to_end(shell_with(tree, "ls -A /no-such/deep; wc -c < /no-such.yaml")).out, "0\n");
    EXPECT_FALSE(fs::exists("/no-such"));
    ProcessOptions options = shell_with(tree, "true");
    options.view->binds = {{"/run/volume", "/no-such.yaml/below"}};
    EXPECT_THROW(spawn(options), Error);
  });
}

TEST(HostTreeOfContainers, LeavesTheCallerWhereItWas) {
  run_in_capsule(IdMapping::Single, [] {
    std::ofstream("/run/mine") << "mine\n";
    const fs::path before = fs::read_symlink("/proc/self/ns/mnt");
    const HostTree tree = HostTree::create({});
    EXPECT_EQ(fs::read_symlink("/proc/self/ns/mnt"), before);
    EXPECT_TRUE(fs::exists("/run/mine"));
    EXPECT_EQ(run_to_end(shell_with(tree, "ls /run")).out, "");
  });
}

TEST(HostTreeOfContainers, IsReadOnlyAltogetherForAReadOnlyRoot) {
  run_in_capsule(IdMapping::Single, [] {
    make_host();
    fs::create_directories("/run/volume");
    const HostTree tree = HostTree::create({.home = "/home/user"});
    ProcessOptions options =
        shell_with(tree, std::string(kWriteAll) + "; touch /var/cache/x /tmp/kept/x /run/x");
    options.view->is_read_only = true;
    options.view->binds = {{"/run/volume", "/var/cache"}, {"/run/volume", "/tmp/kept"}};
    EXPECT_EQ(run_to_end(options).out, "/var/cache/new\n/dev/shm/new\n");
    EXPECT_EQ(run_to_end(shell("ls /run/volume")).out, "new\nx\n");

    fs::create_directories("/run/image/bin");
    fs::create_directories("/run/image/tmp");
    ASSERT_EQ(run_to_end(
                  shell("cp /bin/sh /bin/touch /run/image/bin && for f in $(ldd /bin/sh /bin/touch | grep -o "
                        "'/[^ :]*' | sort -u); do mkdir -p /run/image/$(dirname $f) && cp -L $f "
                        "/run/image/$f; done"))
                  .status,
              ExitStatus{});
    options = shell_with(tree, "for f in /new /tmp/new /data/new /dev/shm/new; do touch $f && echo $f; done");
    options.env = {{"PATH", "/bin"}};
    options.view->root = "/run/image";
    options.view->is_read_only = true;
    options.view->binds = {{"/run/volume", "/data"}};
    EXPECT_EQ(run_to_end(options).out, "/data/new\n/dev/shm/new\n");
  });
}

TEST(ContainersProcesses, WithoutAProgramKeepTheirFilesWithTheFirst) {
  run_in_capsule(IdMapping::Single, [] {
    const UniqueFd pod = make_pod_namespace("eth0");
    const HostTree tree = HostTree::create({});
    ProcessOptions place;
    place.netns_fd = pod.get();
    place.hostname = "web-0";
    place.view.emplace(tree);
    const PidNamespace processes = PidNamespace::create_in(place);
    const auto run_there = [&](const std::string& script) {
      ProcessOptions options = shell(script);
      options.capabilities = CapabilityPolicy::Container;
      options.pid_namespace = options.join_pidfd = processes.fd();
      return run_to_end(options);
    };
    EXPECT_EQ(run_there("uname -n; ls /sys/class/net | grep eth; cat /proc/1/comm; echo x > /tmp/file").out,
              "web-0\neth0\ncontainer-init\n");
    EXPECT_EQ(run_there("cat /tmp/file; test -d /proc/$$ && echo there").out, "x\nthere\n");
    EXPECT_EQ(run_there("kill 1; sleep 60").status.signal, SIGKILL);
  });
}

}  // namespace
}  // namespace labctl::kernel::testing
