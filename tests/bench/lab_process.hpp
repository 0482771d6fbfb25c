#pragma once

// labctl and `ip` as processes, and a place for them where nothing reaches the
// host: namespaces of the benchmark's own.

#include <string>
#include <vector>

namespace labctl::bench {

// Enters user (unless root), mount, PID and network namespaces with an empty /run; the rest of the program
// runs in a child. Call it first in main().
void enter_sandbox();

// Runs a program with its output thrown away; returns its time in
// microseconds. Ends the benchmark if it fails.
double run(const std::vector<std::string>& words);
// The same, and what it printed.
std::string output_of(const std::vector<std::string>& words);

// The labctl to measure: $LABCTL_BINARY, else the one beside this program.
std::string labctl_program();

void write_file(const std::string& path, const std::string& text);

// A Cluster of `nodes` and pods of the built-in server, `pods` a node, each with TCP port 8080.
std::string lab_file(int nodes, int pods);

// Slab, per-CPU and vmalloc memory of the kernel in bytes: what namespaces and links are made of.
double kernel_memory();

double median(std::vector<double> values);
// "2 cores, Linux 6.18.44, load 0.42 0.51 0.60"
std::string machine();

}  // namespace labctl::bench
