#pragma once

// The floor: the same cluster built with raw rtnetlink and nothing around it, one message batch a pod, as
// fast as the kernel lets one thread. What labctl costs is measured against this in the same run. Not code to
// copy: any failure ends the program.

#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>

#include <cstdint>
#include <string>
#include <vector>

namespace labctl::bench {

double now_us();
[[noreturn]] void die(const char* what);

// A growing buffer of rtnetlink messages.
class RawBatch {
 public:
  void begin(int type, int flags, const void* header, size_t size);
  void attribute(int type, const void* data, size_t size);
  void number(int type, std::uint32_t value) { attribute(type, &value, sizeof value); }
  void text(int type, const char* value);
  size_t nest(int type);
  void raw(const void* data, size_t size);
  void end(size_t nest);
  // Sends all, reads the acknowledgement of the last message; clears.
  void send(int socket, const char* what);

 private:
  void fix();
  std::vector<char> bytes_;
  size_t current_ = 0;
};

struct RawNamespace {
  int fd = -1;
  int socket = -1;
};

struct RawPod {
  RawNamespace ns;
  int node = 0;
  std::uint32_t ip = 0;  // host order
};

// `nodes` nodes with `pods` pods each on cbr0, an underlay bridge in a namespace
// of its own, routes between the nodes.
struct RawCluster {
  RawNamespace underlay;
  std::vector<RawNamespace> node;
  std::vector<RawPod> pod;
};

RawNamespace make_namespace();
// With `permanent_neighbours` every pod knows its node's other pods: for probing, since the host's table of
// learned ones holds 1,024. Building is measured without.
RawCluster build_floor(int nodes, int pods, bool permanent_neighbours = false);

// A pair of namespaces made last and dropped last: the kernel frees in order, so when the far end of its veth
// is gone, everything dropped before is gone too.
class Sentinel {
 public:
  Sentinel();
  // Drops it and waits.
  void drop_and_wait();

 private:
  bool is_alive();
  RawNamespace dropped_, watching_;
};

void raise_open_files();

// Builds the cluster of the floor in a child, with which it goes, and returns how long it took, in us.
double time_floor(int nodes, int pods);

}  // namespace labctl::bench
