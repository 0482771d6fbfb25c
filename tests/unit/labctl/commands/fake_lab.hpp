#pragma once

// A lab that answers from a function, in a runtime folder of its own (LABCTL_RUNTIME_DIR), so that commands
// find it as they find any.

#include "labctl/api/server.hpp"
#include "labctl/api/unix_socket.hpp"
#include "labctl/supervisor/registry.hpp"
#include "topology/base/unique_fd.hpp"

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

namespace labctl::commands {

// Sets LABCTL_RUNTIME_DIR to a new folder for as long as it lives.
class RuntimeFolder {
 public:
  RuntimeFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "labctl-run-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) {
      throw std::runtime_error("mkdtemp");
    }
    path_ = name;
    ::setenv("LABCTL_RUNTIME_DIR", name.c_str(), 1);
  }
  ~RuntimeFolder() {
    ::unsetenv("LABCTL_RUNTIME_DIR");
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  RuntimeFolder(const RuntimeFolder&) = delete;
  RuntimeFolder& operator=(const RuntimeFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

class FakeLab {
 public:
  FakeLab(const std::string& name, api::Server::Handler handler)
      : name_(name),
        claim_(supervisor::claim_lab(name)),
        server_(std::make_unique<api::Server>(api::listen_unix(supervisor::socket_path(name)),
                                              std::move(handler))) {}
  ~FakeLab() {
    server_.reset();
    claim_.release();
  }
  FakeLab(const FakeLab&) = delete;
  FakeLab& operator=(const FakeLab&) = delete;
  std::filesystem::path socket() const { return supervisor::socket_path(name_); }

 private:
  std::string name_;
  supervisor::ClaimedLab claim_;
  std::unique_ptr<api::Server> server_;
};

}  // namespace labctl::commands
