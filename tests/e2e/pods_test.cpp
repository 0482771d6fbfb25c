// What runs in a lab: containers and their lives, workloads and their pods, commands in them.

#include "tests/e2e/labctl_program.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <iterator>
#include <memory>
#include <random>
#include <regex>
#include <set>
#include <sstream>

namespace labctl::e2e {
namespace {

using support::ProgramResult;

// A lab of one's own, with what each test adds.
class Pods : public ::testing::Test {
 protected:
  void SetUp() override { LABCTL_NEEDS_USER_NAMESPACES(); }

  void up(const std::string& objects, const std::string& spec = "nodes: 2") const {
    ASSERT_TRUE(
        ends_with(lab_.run({"up", lab_.write("lab.yaml", cluster("pods", spec) + objects)}), kPassed));
  }
  // With pods that are not to become ready.
  void up_at_once(const std::string& objects, const std::string& spec = "nodes: 2") const {
    ASSERT_TRUE(ends_with(
        lab_.run({"up", "--wait=false", lab_.write("lab.yaml", cluster("pods", spec) + objects)}), kPassed));
  }
  std::string pods(std::vector<std::string> more = {}) const {
    more.insert(more.begin(), {"get", "pods", "--no-headers", "-o", "wide"});
    return lab_.run(more).out;
  }
  // The cells of a pod's line: NAME READY STATUS RESTARTS AGE IP NODE; RESTARTS without its "(1s ago)".
  std::vector<std::string> line(const std::string& pod) const {
    const std::string text = std::regex_replace(pods(), std::regex(R"( \([^)]*\))"), "");
    std::istringstream lines(text);
    for (std::string row; std::getline(lines, row);) {
      std::istringstream words(row);
      std::vector<std::string> cells;
      for (std::string word; words >> word;) {
        cells.push_back(word);
      }
      if (cells.size() >= 7 && cells[0] == pod) {
        return cells;
      }
    }
    return std::vector<std::string>(7);
  }
  std::string status(const std::string& pod) const { return line(pod)[2]; }
  int restarts(const std::string& pod) const { return std::atoi(line(pod)[3].c_str()); }
  bool becomes(const std::string& pod, const std::string& wanted) const {
    return eventually([&] { return status(pod) == wanted; });
  }

  Labctl lab_;
};

std::set<std::string> words(const std::string& text) {
  std::istringstream in(text);
  return {std::istream_iterator<std::string>(in), {}};
}

std::string workload(const std::string& kind, const std::string& name, const std::string& spec,
                     const std::string& pod_spec = "") {
  return "apiVersion: apps/v1\nkind: " + kind + "\nmetadata: {name: " + name + "}\nspec:\n  " + spec +
         "\n  selector: {matchLabels: {app: " + name +
         "}}\n  template:\n    metadata: {labels: {app: " + name + "}}\n    spec: {" + pod_spec +
         "containers: [{name: c, image: agnhost, args: [netexec], ports: [{containerPort: 8080}]}]}\n---\n";
}

// ---- Restart policy ----------------------------------------------------------------------------

TEST_F(Pods, AProcessThatFailsIsStartedAgainWithBackOff) {
  up_at_once(host_pod("crash", "echo run; exit 1"));
  EXPECT_TRUE(becomes("crash", "CrashLoopBackOff"));
  EXPECT_TRUE(eventually([&] { return restarts("crash") >= 3; })) << pods();
  EXPECT_EQ(lab_.run({"logs", "crash", "--tail", "1"}).out, "run\n");
  EXPECT_TRUE(has(lab_.run({"events", "--for", "pod/crash"}).out, "Back-off restarting failed container"));
}

TEST_F(Pods, RestartPolicyNeverEndsAsFailed) {
  up_at_once(host_pod("never", "exit 3", "restartPolicy: Never"));
  EXPECT_TRUE(becomes("never", "Error"));
  EXPECT_EQ(restarts("never"), 0);
  const std::string json = lab_.run({"get", "pod", "never", "-o", "json"}).out;
  EXPECT_TRUE(has(json, R"("phase": "Failed")"));
  EXPECT_TRUE(has(json, R"("exitCode": 3)"));
}

TEST_F(Pods, RestartPolicyOnFailureEndsAsCompletedAfterSuccess) {
  up(host_pod("once", "echo done", "restartPolicy: OnFailure"));
  EXPECT_TRUE(becomes("once", "Completed"));
  EXPECT_EQ(restarts("once"), 0);
  EXPECT_TRUE(has(lab_.run({"get", "pod", "once", "-o", "json"}).out, R"("phase": "Succeeded")"));
  EXPECT_EQ(lab_.run({"logs", "once"}).out, "done\n");
}

// The end of one pod's process must not be taken for another's, nor touch it.
TEST_F(Pods, ProcessesThatRunAreNotDisturbedByOthersThatEnd) {
  std::string objects;
  for (const std::string number : {"1", "2", "3"}) {
    objects += host_pod("short-" + number, "exit 1") + host_pod("long-" + number, "sleep 3600");
  }
  up_at_once(objects);
  EXPECT_TRUE(eventually([&] { return restarts("short-1") >= 3; })) << pods();
  for (const std::string number : {"1", "2", "3"}) {
    EXPECT_EQ(status("long-" + number), "Running");
    EXPECT_EQ(restarts("long-" + number), 0);
  }
}

TEST_F(Pods, LogsOfTheRunBeforeAreKept) {
  // Each run writes its own moment.
  up_at_once(host_pod("counts", "date +%s%N; exit 1"));
  ASSERT_TRUE(eventually([&] { return restarts("counts") >= 2 && status("counts") == "CrashLoopBackOff"; }));
  const std::string now = lab_.run({"logs", "counts"}).out;
  const std::string before = lab_.run({"logs", "-p", "counts"}).out;
  EXPECT_NE(before, "");
  // Between two looks it may have run once more; it has not run backwards.
  EXPECT_GE(std::stoll(lab_.run({"logs", "counts"}).out), std::stoll(before));
  EXPECT_NE(now, "");
}

// ---- Containers --------------------------------------------------------------------------------

TEST_F(Pods, HaveTheirEnvironmentHostsAndName) {
  up("apiVersion: v1\nkind: Pod\nmetadata: {name: tool, labels: {tier: front}}\nspec:\n"
     "  nodeName: node-2\n  hostAliases: [{ip: 192.0.2.9, hostnames: [legacy.example]}]\n"
     "  containers:\n  - name: c\n    image: host\n    command: [sleep, infinity]\n    env:\n"
     "    - {name: PLAIN, value: hello}\n    - {name: COMPOSED, value: $(PLAIN)-world}\n"
     "    - {name: POD, valueFrom: {fieldRef: {fieldPath: metadata.name}}}\n"
     "    - {name: NS, valueFrom: {fieldRef: {fieldPath: metadata.namespace}}}\n"
     "    - {name: IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}\n"
     "    - {name: NODE, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}\n"
     "    - {name: TIER, valueFrom: {fieldRef: {fieldPath: 'metadata.labels[''tier'']'}}}\n");
  const std::string env = lab_.exec("tool", {"env"}).out;
  for (const char* entry : {"PLAIN=hello\n", "COMPOSED=hello-world\n", "POD=tool\n", "NS=default\n",
                            "IP=10.244.2.2\n", "NODE=node-2\n", "TIER=front\n", "HOSTNAME=tool\n"}) {
    EXPECT_TRUE(has(env, entry));
  }
  EXPECT_EQ(lab_.exec("tool", {"hostname"}).out, "tool\n");
  const std::string hosts = lab_.exec("tool", {"cat", "/etc/hosts"}).out;
  EXPECT_TRUE(has(hosts, "127.0.0.1\tlocalhost\n"));
  EXPECT_TRUE(has(hosts, "10.244.2.2\ttool\n"));
  EXPECT_TRUE(has(hosts, "192.0.2.9\tlegacy.example\n"));
}

TEST_F(Pods, ContainersShareAnAddressAndMeetOnLocalhost) {
  up("apiVersion: v1\nkind: Pod\nmetadata: {name: pair}\nspec:\n  containers:\n"
     "  - {name: web, image: agnhost, args: [netexec], ports: [{containerPort: 8080}]}\n"
     "  - {name: side, image: host, command: [sleep, infinity]}\n");
  const ProgramResult result = lab_.run({"probe", "pair", "127.0.0.1:8080", "-o", "json"});
  EXPECT_TRUE(ends_with(result, kPassed));
  EXPECT_TRUE(has(result.out, R"("backend": "pod/default/pair")"));
  EXPECT_EQ(status("pair"), "Running");
}

TEST_F(Pods, OfTwoContainersWithOnePortTheSecondSaysAddressAlreadyInUse) {
  up_at_once(
      "apiVersion: v1\nkind: Pod\nmetadata: {name: clash}\nspec:\n  containers:\n"
      "  - {name: one, image: agnhost, args: [netexec], ports: [{containerPort: 8080}]}\n"
      "  - {name: two, image: agnhost, args: [netexec], ports: [{containerPort: 8080}]}\n");
  EXPECT_TRUE(becomes("clash", "CrashLoopBackOff"));
  EXPECT_EQ(line("clash")[1], "1/2");
  EXPECT_TRUE(has(lab_.run({"logs", "clash", "-c", "two"}).out, "address already in use"));
  EXPECT_TRUE(has(lab_.run({"describe", "pod", "clash"}).out, "address already in use"));
  EXPECT_TRUE(ends_with(lab_.run({"probe", "node/node-1", "clash:8080"}), kPassed));
}

TEST_F(Pods, ACommandThatTheHostHasNotIsNamedWithTheRemedy) {
  up_at_once(
      "apiVersion: v1\nkind: Pod\nmetadata: {name: missing}\nspec:\n"
      "  containers: [{name: c, image: host, command: [no-such-program]}]\n");
  EXPECT_TRUE(eventually([&] { return status("missing") != "Pending"; }));
  const std::string text = lab_.run({"describe", "pod", "missing"}).out;
  EXPECT_TRUE(has(text, "no-such-program: No such file or directory"));
  EXPECT_TRUE(has(text, "install it there"));
}

// ---- exec --------------------------------------------------------------------------------------

class Exec : public Pods {
 protected:
  void SetUp() override {
    LABCTL_NEEDS_USER_NAMESPACES();
    up(host_pod("tool", "sleep 3600"));
  }
};

TEST_F(Exec, EndsWithTheCommandsExitCode) {
  EXPECT_TRUE(ends_with(lab_.exec("tool", {"true"}), 0));
  EXPECT_TRUE(ends_with(lab_.exec("tool", {"sh", "-c", "exit 42"}), 42));
  EXPECT_TRUE(ends_with(lab_.exec("tool", {"sh", "-c", "kill -KILL $$"}), 128 + SIGKILL));
  EXPECT_TRUE(ends_with(lab_.exec("tool", {"no-such-program"}), 127));
}

TEST_F(Exec, KeepsStdoutAndStderrApart) {
  const ProgramResult result = lab_.exec("tool", {"sh", "-c", "echo data; echo talk >&2"});
  EXPECT_EQ(result.out, "data\n");
  EXPECT_EQ(result.err, "talk\n");
}

TEST_F(Exec, CarriesAMegabyteBothWays) {
  std::mt19937 random(7);
  std::string bytes(1 << 20, '\0');
  std::generate(bytes.begin(), bytes.end(), [&] { return static_cast<char>(random()); });
  const ProgramResult result = lab_.run({"exec", "-T", "tool", "--", "cat"}, bytes);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_TRUE(result.out == bytes) << result.out.size() << " bytes came back";
}

TEST_F(Exec, PassesStdinAndItsEnd) {
  EXPECT_EQ(lab_.exec("tool", {"wc", "-l"}, "one\ntwo\nthree\n").out, "3\n");
  EXPECT_EQ(lab_.exec("node/node-1", {"cat"}, "").out, "");
}

TEST_F(Exec, PassesSignalsToTheCommand) {
  support::RunningProgram command =
      lab_.start({"exec", "tool", "--", "sh", "-c",
                  "trap 'echo caught; exit 7' TERM; echo ready; while :; do sleep 0.1; done"});
  ASSERT_TRUE(command.wait_for_output("ready", std::chrono::seconds(60)));
  command.signal(SIGTERM);
  const ProgramResult result = command.wait();
  EXPECT_EQ(result.out, "ready\ncaught\n");
  EXPECT_TRUE(ends_with(result, 7));
}

TEST_F(Exec, EndsTheCommandWhenItIsKilledItself) {
  support::RunningProgram command =
      lab_.start({"exec", "tool", "--", "sh", "-c", "echo ready; exec sleep 1234"});
  ASSERT_TRUE(command.wait_for_output("ready", std::chrono::seconds(60)));
  command.signal(SIGKILL);
  command.wait();
  EXPECT_TRUE(eventually([&] {
    const std::string all =
        lab_.exec("tool", {"sh", "-c", "cat /proc/[0-9]*/cmdline 2>/dev/null | tr \"\\0\" \" \""}).out;
    return all.find("sleep 1234") == std::string::npos;
  }));
}

TEST_F(Exec, GivesATerminalOnDemand) {
  EXPECT_TRUE(ends_with(lab_.exec("tool", {"test", "-t", "1"}), 1));
  EXPECT_TRUE(ends_with(lab_.run({"exec", "-t", "tool", "--", "test", "-t", "1"}), 0));
}

TEST_F(Exec, RunsInTheNetworkOfItsPlace) {
  EXPECT_TRUE(has(lab_.exec("tool", {"ip", "-4", "address", "show", "eth0"}).out, "10.244.1.2/32"));
  EXPECT_TRUE(has(lab_.exec("node/node-2", {"ip", "-4", "address", "show", "eth0"}).out, "192.168.50.12/24"));
  EXPECT_TRUE(has(lab_.exec("outside/client", {"ip", "-4", "address"}).out, "inet 198.51.100.10/"));
}

TEST_F(Exec, OfAPodThatIsNotThereIsAUsageError) {
  const ProgramResult result = lab_.exec("nobody", {"true"});
  EXPECT_TRUE(ends_with(result, kUsage));
  EXPECT_TRUE(has(result.err, "nobody"));
}

// ---- Workloads ---------------------------------------------------------------------------------

TEST_F(Pods, ADeletedPodOfADeploymentIsReplacedAndItsAddressFreed) {
  up(deployment("web", 2));
  const std::set<std::string> before = words(lab_.run({"get", "pods", "-o", "name"}).out);
  ASSERT_EQ(before.size(), 2U);
  const std::string victim = *before.begin();
  EXPECT_TRUE(ends_with(lab_.run({"delete", victim}), kPassed));
  EXPECT_TRUE(eventually([&] {
    const std::set<std::string> now = words(lab_.run({"get", "pods", "-o", "name"}).out);
    return now.size() == 2 && !now.contains(victim) && count_of(pods(), " Running ") == 2;
  })) << pods();
  // The lowest free address of a node is given out next: with two more pods the freed one is in use again.
  EXPECT_TRUE(ends_with(lab_.run({"apply", lab_.write("web.yaml", deployment("web", 4))}), kPassed));
  EXPECT_TRUE(eventually([&] {
    const std::string now = pods();
    return now.find("10.244.1.2 ") != std::string::npos && now.find("10.244.2.2 ") != std::string::npos &&
           count_of(now, " Running ") == 4;
  })) << pods();
  EXPECT_TRUE(ends_with(lab_.run({"matrix"}), kPassed));
}

TEST_F(Pods, ADeploymentIsScaledUpAndDown) {
  up(deployment("web", 2));
  for (const int replicas : {6, 1}) {
    const std::string file = lab_.write("web.yaml", deployment("web", replicas));
    EXPECT_TRUE(ends_with(lab_.run({"apply", file}), kPassed));
    EXPECT_TRUE(eventually([&] {
      const std::string now = pods();
      return count_of(now, "\n") == replicas && count_of(now, " Running ") == replicas;
    })) << pods();
    EXPECT_TRUE(ends_with(lab_.run({"matrix"}), kPassed));
  }
  EXPECT_TRUE(ends_with(lab_.run({"delete", "deployment", "web"}), kPassed));
  EXPECT_TRUE(eventually([&] { return pods().empty(); })) << pods();
}

TEST_F(Pods, OfAStatefulSetHaveStableNames) {
  up(workload("StatefulSet", "db", "replicas: 3\n  serviceName: db"));
  EXPECT_EQ(lab_.run({"get", "pods", "-o", "name"}).out, "pod/db-0\npod/db-1\npod/db-2\n");
  EXPECT_TRUE(ends_with(lab_.run({"delete", "pod", "db-1"}), kPassed));
  EXPECT_TRUE(becomes("db-1", "Running"));
  EXPECT_EQ(lab_.run({"get", "pods", "-o", "name"}).out, "pod/db-0\npod/db-1\npod/db-2\n");
}

TEST_F(Pods, OfADaemonSetAreOneANode) {
  up(workload("DaemonSet", "agent", "updateStrategy: {type: RollingUpdate}"), "nodes: 3");
  const std::string now = pods();
  EXPECT_EQ(count_of(now, "\n"), 3);
  for (const char* node : {"node-1", "node-2", "node-3"}) {
    EXPECT_EQ(count_of(now, node), 1) << now;
  }
}

TEST_F(Pods, GoWhereTheirNodeSelectorSends) {
  up_at_once(workload("Deployment", "fast", "replicas: 3", "nodeSelector: {disk: ssd}, ") +
                 host_pod("nowhere", "sleep 3600", "nodeSelector: {disk: tape}"),
             "nodes: [{name: plain}, {name: quick, labels: {disk: ssd}}]");
  const std::string fast = pods({"-l", "app=fast"});
  EXPECT_EQ(count_of(fast, "quick"), 3) << fast;
  EXPECT_EQ(status("nowhere"), "Pending");
  EXPECT_TRUE(has(lab_.run({"describe", "pod", "nowhere"}).out, "FailedScheduling"));
}

TEST_F(Pods, OfTheSameFilesHaveTheSameNamesAndAddresses) {
  up(deployment("web", 5));
  const auto names_and_addresses = [&] { return std::regex_replace(pods(), std::regex("[0-9]+s "), ""); };
  const std::string first = names_and_addresses();
  EXPECT_TRUE(ends_with(lab_.run({"down"}), kPassed));
  up(deployment("web", 5));
  EXPECT_EQ(names_and_addresses(), first);
}

// ---- Bounds ------------------------------------------------------------------------------------

TEST_F(Pods, MoreReplicasThanALabCouldEverCarryAreRefusedOnEveryWayIn) {
  const std::string refusal = "1000000000: this Cluster has addresses for 253 pods";
  const std::string far = lab_.write("far.yaml", deployment("far", 1'000'000'000));
  const support::ProgramResult lint = lab_.run(
      {"lint", lab_.write("all.yaml", cluster("pods", "nodes: 1") + deployment("far", 1'000'000'000))});
  EXPECT_TRUE(ends_with(lint, kUsage));
  EXPECT_TRUE(has(lint.out + lint.err, refusal));
  up(deployment("web", 2), "nodes: 1");
  const support::ProgramResult applied = lab_.run({"apply", far});
  EXPECT_TRUE(ends_with(applied, kUsage));
  EXPECT_TRUE(has(applied.out + applied.err, refusal));
  EXPECT_TRUE(has(lab_.run({"get", "deployments"}).out, "web"));
  EXPECT_FALSE(has(lab_.run({"get", "deployments"}).out, "far"));
}

// What is between them waits, and says why.
TEST_F(Pods, PodsWithoutRoomWait) {
  up_at_once(deployment("web", 300), "nodes: 1, dns: {enabled: false}");
  EXPECT_TRUE(
      eventually([&] { return count_of(pods(), "Running") == 253 && count_of(pods(), "Pending") == 47; }));
  EXPECT_TRUE(has(lab_.run({"events"}).out, "Too many pods"));
}

// What a program of the host says.
std::string said_by(std::vector<std::string> command) {
  support::Program program;
  program.command = std::move(command);
  return support::run_program(program).out;
}

// ---- Limits of a lab ---------------------------------------------------------------------------

TEST_F(Pods, ProgramsOfPodsGoBeforeTheLabWhenMemoryIsShort) {
  up(host_pod("tool", "sleep 3600"));
  const ProgramResult pod = lab_.exec("pod/default/tool", {"cat", "/proc/self/oom_score_adj"});
  const ProgramResult supervisor = lab_.exec("pod/default/tool", {"cat", "/proc/1/oom_score_adj"});
  ASSERT_TRUE(ends_with(pod, kPassed));
  ASSERT_TRUE(ends_with(supervisor, kPassed));
  EXPECT_GT(std::atoi(pod.out.c_str()), std::atoi(supervisor.out.c_str()));
}

TEST_F(Pods, ALabsProcessesHaveABoundOfTheirOwn) {
  up(host_pod("tool", "sleep 3600"));
  int major = 0, minor = 0;
  std::istringstream release(said_by({"uname", "-r"}));
  char dot = 0;
  release >> major >> dot >> minor;
  if (major < 6 || (major == 6 && minor < 14)) {
    if (has(lab_.run({"status", "pods", "-o", "json"}).out, R"("mode": "root")")) {
      GTEST_SKIP() << "before Linux 6.14 kernel.pid_max is the host's, and the host's root has no limit";
    }
    const long bound = std::atol(lab_.exec("tool", {"sh", "-c", "ulimit -Hu"}).out.c_str());
    EXPECT_GT(bound, 0);
    EXPECT_LE(bound, 16'384);
    return;
  }
  const std::string host = said_by({"cat", "/proc/sys/kernel/pid_max"});
  // On a node, which is in the lab's own PID namespace: its bound holds for those of containers, which tell another.
  const ProgramResult inside = lab_.exec("node/node-1", {"cat", "/proc/sys/kernel/pid_max"});
  ASSERT_TRUE(ends_with(inside, kPassed));
  EXPECT_LE(std::atol(inside.out.c_str()), 16'384);
  EXPECT_EQ(said_by({"cat", "/proc/sys/kernel/pid_max"}), host);
}

TEST_F(Pods, ThousandsOfChildrenInOnePodLeaveTheOthersRoom) {
  rlimit processes{};
  ::getrlimit(RLIMIT_NPROC, &processes);
  if (processes.rlim_cur < 6'000) {
    GTEST_SKIP() << "this user may have " << processes.rlim_cur << " processes: too few to try";
  }
  up(host_pod("bomb", "i=0; while [ $i -lt 3000 ]; do sleep 600 & i=$((i+1)); done; echo all; wait") +
     host_pod("tool", "sleep 3600") + deployment("web", 2));
  ASSERT_TRUE(eventually(
      [&] {
        return has(lab_.run({"logs", "bomb"}).out, "all");
      },
      std::chrono::seconds(60)));
  EXPECT_TRUE(ends_with(lab_.exec("pod/default/tool", {"true"}), kPassed));
  EXPECT_TRUE(
      ends_with(lab_.run({"apply", lab_.write("more.yaml", host_pod("more", "sleep 3600"))}), kPassed));
  EXPECT_TRUE(becomes("more", "Running"));
  EXPECT_TRUE(ends_with(lab_.run({"delete", "pod", "bomb", "--grace-period", "0"}), kPassed));
  EXPECT_TRUE(eventually([&] { return !has(pods(), "bomb"); }));
}

// ---- What `up` waits for -------------------------------------------------------------------------

class Up : public Pods {
 protected:
  ProgramResult run_up(const std::string& objects, std::vector<std::string> more = {}) const {
    more.insert(more.begin(), {"up", lab_.write("lab.yaml", cluster("pods", "nodes: 2") + objects)});
    return lab_.run(more);
  }
  // Ready only when somebody makes its file.
  static std::string pod_at_will(const std::string& name) {
    return "---\napiVersion: v1\nkind: Pod\nmetadata: {name: " + name +
           "}\nspec: {containers: [{name: main, image: host, command: [sleep, infinity], readinessProbe: "
           "{exec: {command: [test, -e, /tmp/ready]}, periodSeconds: 1}}]}\n";
  }
};

TEST_F(Up, ReturnsWhenEveryPodIsReady) {
  const ProgramResult result = run_up(
      "---\napiVersion: v1\nkind: Pod\nmetadata: {name: late}\nspec: {containers: [{name: main, image: host, "
      "command: [sleep, infinity], readinessProbe: {exec: {command: ['true']}, initialDelaySeconds: 2}}]}\n"
      "---\n" +
      host_pod("done", "exit 0", "restartPolicy: Never"));
  EXPECT_TRUE(ends_with(result, kPassed));
  EXPECT_TRUE(has(result.err, "lab pods is up; waiting for"));
  EXPECT_EQ(line("late")[1], "1/1");
  EXPECT_EQ(status("done"), "Completed");
}

TEST_F(Up, TellsWhatIsNotReadyInTimeAndLeavesTheLab) {
  const ProgramResult result = run_up(pod_at_will("never"), {"--timeout", "2s", "-o", "json"});
  EXPECT_TRUE(ends_with(result, kAssertionFailed));
  EXPECT_TRUE(has(result.err, "pod default/never: container main: not ready; Readiness probe failed: "));
  EXPECT_TRUE(has(result.err, "1 of 2 pods did not become ready in time"));
  EXPECT_TRUE(has(result.out, "\"ready\": false"));
  EXPECT_TRUE(has(result.out, "\"never\""));
  EXPECT_EQ(status("never"), "Running");
}

TEST_F(Up, DoesNotWaitForPodsThatNoNodeTakes) {
  const std::string nowhere =
      "---\napiVersion: v1\nkind: Pod\nmetadata: {name: nowhere}\nspec: {nodeSelector: {disk: tape}, "
      "containers: [{name: main, image: x}]}\n";
  const ProgramResult result = run_up(nowhere, {"--timeout", "1h"});
  EXPECT_TRUE(ends_with(result, kAssertionFailed));
  EXPECT_TRUE(has(result.err, "pod default/nowhere: Unschedulable: 0/2 nodes are available: "));
  EXPECT_TRUE(has(result.err, "1 of 2 pods will not become ready without a change"));
}

TEST_F(Up, WithoutWaitReturnsAtOnce) {
  EXPECT_TRUE(ends_with(run_up(pod_at_will("never"), {"--wait=false"}), kPassed));
}

TEST_F(Up, ASignalEndsTheWaitAndNotTheLab) {
  support::RunningProgram waiting =
      lab_.start_by({"sh", "-c", "exec \"$@\" 2>&1", "sh"},
                    {"up", lab_.write("lab.yaml", cluster("pods", "nodes: 2") + pod_at_will("never"))});
  ASSERT_TRUE(waiting.wait_for_output("waiting for 1 of 2 pods", std::chrono::seconds(60)));
  waiting.signal(SIGINT);
  const ProgramResult result = waiting.wait();
  EXPECT_TRUE(ends_with(result, kInterrupted));
  EXPECT_TRUE(has(result.out, "interrupted: lab pods is up, but not every pod was ready yet"));
  EXPECT_EQ(status("never"), "Running");
}

}  // namespace
}  // namespace labctl::e2e
