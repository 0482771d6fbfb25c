// bench_probe [ROUNDS]: a full matrix of 300 pods, 90,000 TCP connects each checked to be answered by the
// right pod, beside the floor: one process, a nonblocking connect, one poll, an accept by the same thread;
// two threads each, in turns.

#include "tests/bench/floor.hpp"
#include "tests/bench/lab_process.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

namespace labctl::bench {
namespace {

constexpr int kNodes = 3, kPods = 100;
constexpr std::uint16_t kPort = 8080;

sockaddr_in address_of(std::uint32_t ip) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(ip);
  address.sin_port = htons(kPort);
  return address;
}

void close_with_reset(int fd) {
  const linger now{1, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  ::close(fd);
}

bool connect_to(std::uint32_t ip, int listener) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const sockaddr_in to = address_of(ip);
  bool good = ::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0 || errno == EINPROGRESS;
  pollfd ready{fd, POLLOUT, 0};
  good = good && (::poll(&ready, 1, 0) == 1 || ::poll(&ready, 1, 2000) == 1);
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
  for (int accepted; (accepted = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0;) {
    close_with_reset(accepted);
  }
  close_with_reset(fd);
  return good && error == 0;
}

struct Floor {
  double rate = 0;
  long lost = 0;
};

void probe_rows(const RawCluster& cluster, const std::vector<int>& listeners, size_t first,
                std::atomic<long>& lost) {
  for (size_t from = first; from < cluster.pod.size(); from += 2) {
    ::setns(cluster.pod[from].ns.fd, CLONE_NEWNET);
    for (size_t to = 0; to < cluster.pod.size(); ++to) {
      lost += connect_to(cluster.pod[to].ip, listeners[to]) ? 0 : 1;
    }
  }
}

Floor probe_floor() {
  raise_open_files();
  const RawCluster cluster = build_floor(kNodes, kPods, true);
  std::vector<int> listeners;
  for (const RawPod& pod : cluster.pod) {
    ::setns(pod.ns.fd, CLONE_NEWNET);
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const sockaddr_in any = address_of(0);
    if (::bind(listener, reinterpret_cast<const sockaddr*>(&any), sizeof any) != 0 ||
        ::listen(listener, 4096) != 0) {
      die("listen");
    }
    listeners.push_back(listener);
  }
  std::atomic<long> lost{0};
  const double begin = now_us();
  std::thread other([&] { probe_rows(cluster, listeners, 1, lost); });
  probe_rows(cluster, listeners, 0, lost);
  other.join();
  const double seconds = (now_us() - begin) / 1e6;
  return {static_cast<double>(cluster.pod.size() * cluster.pod.size()) / seconds, lost};
}

Floor floor_in_child() {
  int ends[2];
  if (::pipe(ends) != 0) {
    die("pipe");
  }
  const pid_t child = ::fork();
  if (child == 0) {
    const Floor floor = probe_floor();
    [[maybe_unused]] const ssize_t size = ::write(ends[1], &floor, sizeof floor);
    ::_exit(0);
  }
  Floor floor;
  ::close(ends[1]);
  if (::read(ends[0], &floor, sizeof floor) != sizeof floor) {
    die("floor");
  }
  ::close(ends[0]);
  ::waitpid(child, nullptr, 0);
  return floor;
}

double number_after(const std::string& text, const std::string& key) {
  const size_t at = text.find("\"" + key + "\":");
  return at == std::string::npos ? -1 : std::atof(text.c_str() + at + key.size() + 3);
}

struct Matrix {
  double rate = 0;
  double total = 0, ok = 0;
};

// Every pod to every pod; the result counts only answers of the pod that was asked.
Matrix lab_matrix(const std::string& labctl) {
  const std::string text = output_of({labctl, "matrix", "-o", "json"});
  std::string flat;
  for (const char c : text) {
    if (c != ' ' && c != '\n') {
      flat += c;
    }
  }
  Matrix matrix;
  matrix.total = number_after(flat, "total");
  matrix.ok = number_after(flat, "ok");
  matrix.rate = matrix.total / number_after(flat, "elapsed_ms") * 1e3;
  return matrix;
}

}  // namespace
}  // namespace labctl::bench

int main(int argc, char** argv) {
  using namespace labctl::bench;
  enter_sandbox();
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 5;
  const std::string labctl = labctl_program();
  write_file("/run/lab.yaml", lab_file(kNodes, kPods));
  std::printf("%s; %d pods on %d nodes, TCP, two threads each, %d rounds in turns\n", machine().c_str(),
              kNodes * kPods, kNodes, rounds);
  std::printf("%12s %12s %8s %10s %12s\n", "labctl /s", "floor /s", "ratio", "probes", "not ok");
  std::vector<double> ratios;
  double lost = 0;
  for (int i = 0; i < rounds; ++i) {
    Sentinel first;
    run({labctl, "up", "/run/lab.yaml", "--quiet"});
    const Matrix matrix = lab_matrix(labctl);
    run({labctl, "down", "bench", "--quiet"});
    first.drop_and_wait();
    Sentinel second;
    const Floor floor = floor_in_child();
    second.drop_and_wait();
    ratios.push_back(matrix.rate / floor.rate);
    lost += matrix.total - matrix.ok;
    std::printf("%12.0f %12.0f %8.2f %10.0f %12.0f%s\n", matrix.rate, floor.rate, ratios.back(), matrix.total,
                matrix.total - matrix.ok, floor.lost > 0 ? "  (the floor lost some itself)" : "");
    std::fflush(stdout);
  }
  std::printf("median ratio %.2f, %.0f probes not as they should be\n", median(ratios), lost);
  std::printf("targets: ratio >= 0.7, none lost\n");
  return lost == 0 ? 0 : 1;
}
