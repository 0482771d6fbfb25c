// What programs of a container see of processes, and how they end together.

#include "topology/kernel/pid_namespace.hpp"

#include "tests/netns/process/capsule_fixture.hpp"
#include "topology/kernel/host_tree.hpp"
#include "topology/kernel/process.hpp"

#include <gtest/gtest.h>

#include <unistd.h>

#include <chrono>
#include <csignal>
#include <string>

namespace labctl::kernel::testing {
namespace {

ProcessOptions shell_in(const PidNamespace& processes, const std::string& script) {
  // One for the process that a capsule is.
  static const HostTree kTree = HostTree::create({});
  ProcessOptions options = shell(script);
  options.view.emplace(kTree);
  options.pid_namespace = processes.fd();
  return options;
}

TEST(ContainersProcesses, SeeNoOthers) {
  run_in_capsule(IdMapping::Single, [] {
    const PidNamespace processes = PidNamespace::create(InitSignals::ToProgram);
    const Finished finished = run_to_end(shell_in(processes, "echo $$ /proc/[0-9]*; cat /proc/1/comm"));
    EXPECT_EQ(finished.out, "2 /proc/1 /proc/2\ncontainer-init\n") << finished.err;
  });
}

TEST(ContainersProcesses, HandTheSignalsOfTheFirstToTheProgram) {
  run_in_capsule(IdMapping::Single, [] {
    const PidNamespace processes = PidNamespace::create(InitSignals::ToProgram);
    ChildProcess child = spawn(shell_in(processes, "sleep 60 & trap 'exit 9' HUP; kill -HUP 1; wait"));
    EXPECT_EQ(child.wait().exit_code(), 9);
    EXPECT_EQ(spawn(shell_in(processes, "exit 3")).wait().exit_code(), 3) << "the first one lives on";
  });
}

TEST(ContainersProcesses, EndByASignalToTheFirstWithoutAProgram) {
  run_in_capsule(IdMapping::Single, [] {
    const PidNamespace processes = PidNamespace::create(InitSignals::EndAll);
    ChildProcess child = spawn(shell_in(processes, "kill -USR1 1; kill 1; exec sleep 60"));
    EXPECT_EQ(child.wait().signal, SIGKILL);
    EXPECT_THROW(spawn(shell_in(processes, "true")), Error) << "nothing can begin in it any more";
    EXPECT_EQ(run_to_end(shell("echo here")).out, "here\n") << "our own children are where they were";
  });
}

TEST(ContainersProcesses, DaemonsEndWithTheNamespace) {
  run_in_capsule(IdMapping::Single, [] {
    PidNamespace processes = PidNamespace::create(InitSignals::ToProgram);
    ProcessOptions options = shell_in(processes, "setsid -f sleep 61; (setsid sleep 62 &); echo started");
    options.out = Stdio::pipe();
    ChildProcess child = spawn(options);
    EXPECT_EQ(child.wait().exit_code(), 0);
    EXPECT_TRUE(processes.end(std::chrono::seconds(10)));
    char text[64];
    EXPECT_EQ(::read(child.out.get(), text, sizeof text), 8) << "started";
    EXPECT_EQ(::read(child.out.get(), text, sizeof text), 0) << "the daemons hold the pipe";
  });
}

TEST(ContainersProcesses, MayNotLookIntoTheFirst) {
  run_in_capsule(IdMapping::Single, [] {
    const PidNamespace processes = PidNamespace::create(InitSignals::ToProgram);
    ProcessOptions options =
        shell_in(processes,
                 "for f in environ mem maps ns/net root/etc; do ls -d /proc/1/$f/ >&- 2>&- || "
                 "cat /proc/1/$f >&- 2>&- || echo $f; done; for f in kcore keys timer_list; do test ! -e "
                 "/proc/$f || wc -c < /proc/$f; done | sort -u");
    options.capabilities = CapabilityPolicy::Container;
    EXPECT_EQ(run_to_end(options).out, "environ\nmem\nmaps\nns/net\nroot/etc\n0\n");
  });
}

TEST(ContainersProcesses, WriteSettingsOfTheirNetworkOnly) {
  run_in_capsule(IdMapping::Single, [] {
    const UniqueFd pod = make_pod_namespace("eth0");
    const PidNamespace processes = PidNamespace::create(InitSignals::ToProgram);
    ProcessOptions options = shell_in(
        processes,
        "echo 0 > /proc/sys/net/ipv4/ip_forward && echo net; echo x > /proc/sys/kernel/domainname || "
        "echo refused; echo h > /proc/sysrq-trigger || echo refused");
    options.netns_fd = pod.get();
    EXPECT_EQ(run_to_end(options).out, "net\nrefused\nrefused\n");
  });
}

}  // namespace
}  // namespace labctl::kernel::testing
