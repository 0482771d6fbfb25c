#include "tests/bench/lab_process.hpp"

#include "tests/bench/floor.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <thread>

namespace labctl::bench {
namespace {

pid_t start(const std::vector<std::string>& words, int out) {
  std::vector<char*> argv;
  for (const std::string& word : words) {
    argv.push_back(const_cast<char*>(word.c_str()));
  }
  argv.push_back(nullptr);
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::dup2(out, 1);
    ::execvp(argv[0], argv.data());
    ::_exit(127);
  }
  return pid;
}

void finish(pid_t pid, const std::vector<std::string>& words) {
  int status = 0;
  if (pid < 0 || ::waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    std::fprintf(stderr, "%s failed\n", words.front().c_str());
    std::exit(1);
  }
}

}  // namespace

void enter_sandbox() {
  const uid_t uid = ::geteuid();
  const gid_t gid = ::getegid();
  if (::unshare(CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID | (uid == 0 ? 0 : CLONE_NEWUSER)) != 0) {
    die("namespaces (labctl doctor says why)");
  }
  if (uid != 0) {
    write_file("/proc/self/setgroups", "deny");
    write_file("/proc/self/uid_map", "0 " + std::to_string(uid) + " 1");
    write_file("/proc/self/gid_map", "0 " + std::to_string(gid) + " 1");
  }
  const pid_t child = ::fork();
  if (child != 0) {
    int status = 1;
    ::waitpid(child, &status, 0);
    std::exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
  }
  if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      ::mount("proc", "/proc", "proc", 0, nullptr) != 0 ||
      ::mount("tmpfs", "/run", "tmpfs", 0, nullptr) != 0) {
    die("mount");
  }
}

double run(const std::vector<std::string>& words) {
  const int null = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  const double begin = now_us();
  finish(start(words, null), words);
  ::close(null);
  return now_us() - begin;
}

std::string output_of(const std::vector<std::string>& words) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    die("pipe");
  }
  const pid_t pid = start(words, ends[1]);
  ::close(ends[1]);
  std::string text;
  char piece[65536];
  for (ssize_t size; (size = ::read(ends[0], piece, sizeof piece)) > 0;) {
    text.append(piece, static_cast<size_t>(size));
  }
  ::close(ends[0]);
  finish(pid, words);
  return text;
}

std::string labctl_program() {
  if (const char* chosen = std::getenv("LABCTL_BINARY"); chosen != nullptr) {
    return chosen;
  }
  char path[4096];
  const ssize_t size = ::readlink("/proc/self/exe", path, sizeof path - 1);
  std::string own(path, size > 0 ? static_cast<size_t>(size) : 0);
  return own.substr(0, own.rfind('/') + 1) + "labctl";
}

void write_file(const std::string& path, const std::string& text) {
  std::ofstream file(path);
  file << text << std::flush;
  if (!file) {
    die(path.c_str());
  }
}

std::string lab_file(int nodes, int pods) {
  std::string text =
      "apiVersion: labctl.dev/v1alpha1\nkind: Cluster\nmetadata: {name: bench}\nspec:\n  nodes:\n";
  for (int n = 0; n < nodes; ++n) {
    text += "  - {name: node-" + std::to_string(n + 1);
    if (pods > 250) {
      text += ", podCIDRs: [10.244." + std::to_string(n * 4) + ".0/22]";
    }
    text += "}\n";
  }
  text +=
      "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  replicas: " +
      std::to_string(nodes * pods) +
      "\n  selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n    spec:\n"
      "      containers: [{name: web, image: bench, ports: [{containerPort: 8080}]}]\n";
  return text;
}

double kernel_memory() {
  std::ifstream file("/proc/meminfo");
  double total = 0;
  std::string name, unit;
  double kib = 0;
  for (std::string line; std::getline(file, line);) {
    std::istringstream fields(line);
    fields >> name >> kib >> unit;
    if (name == "Slab:" || name == "Percpu:" || name == "VmallocUsed:") {
      total += kib * 1024;
    }
  }
  return total;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values.empty() ? 0 : values[values.size() / 2];
}

std::string machine() {
  utsname names{};
  ::uname(&names);
  std::ifstream file("/proc/loadavg");
  std::string load[3];
  file >> load[0] >> load[1] >> load[2];
  return std::to_string(std::thread::hardware_concurrency()) + " cores, Linux " + names.release + ", load " +
         load[0] + " " + load[1] + " " + load[2];
}

}  // namespace labctl::bench
