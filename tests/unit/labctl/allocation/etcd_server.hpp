#pragma once

// A real etcd of the test's own: one member on a free port, its data in a folder that goes with it.

#include "tests/support/run_program.hpp"
#include "tests/support/temp_dir.hpp"

#include <optional>
#include <string>

namespace labctl::allocation {

class EtcdServer {
 public:
  // There is an etcd to start.
  static bool is_installed();

  EtcdServer() { start(); }
  // "127.0.0.1:PORT"
  const std::string& address() const { return address_; }
  void stop() { program_.reset(); }
  // With the data it had.
  void start();

 private:
  support::TempDir folder_;
  std::string address_;
  std::string peer_;
  std::optional<support::RunningProgram> program_;
};

}  // namespace labctl::allocation
