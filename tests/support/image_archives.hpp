#pragma once

// Archives of container images as tests need them, hostile ones too.

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace labctl::support {

struct TarEntry {
  enum class Type { File, Folder, Symlink, HardLink, Device, Fifo };
  std::string name;
  std::string text{};  // of a file; the target of a link
  Type type = Type::File;
  unsigned mode = 0755;
  unsigned uid = 0;  // and gid
};

enum class Compression { None, Gzip, Zstd };

std::string tar_of(const std::vector<TarEntry>& entries, Compression compression = Compression::None);

struct TestImage {
  std::vector<std::string> names;
  std::vector<std::vector<TarEntry>> layers;
  nlohmann::json config = nlohmann::json::object();  // Entrypoint, Cmd, Env, ...
  Compression compression = Compression::None;       // of the layers
  std::string architecture{};                        // empty: this machine's
};

// What `docker save` writes. With `links` every layer is a link to a blob, as older versions wrote equal ones.
std::string docker_archive(const std::vector<TestImage>& images, bool links = false);
// What `docker save` wrote before Docker 1.10: `repositories`, and a folder a layer with VERSION, json and layer.tar.
std::string legacy_docker_archive(const std::vector<TestImage>& images);
// The files of an OCI layout, each image under its first name; with `is_nested` in an index of its own.
std::vector<TarEntry> oci_layout(const std::vector<TestImage>& images, bool is_nested = false);
void write_entries(const std::filesystem::path& folder, const std::vector<TarEntry>& entries);

// A program of this host as a layer has it: with its loader and shared libraries, each at the path by which it is looked
// for. Empty if it is not here.
std::vector<TarEntry> program_with_libraries(const std::string& path);
// The files below a folder of this host, but for tests and what was compiled from them.
std::vector<TarEntry> folder_of_host(const std::string& path);
// "11" of /usr/bin/python3, which has its library in /usr/lib/python3.11; empty if there is none.
std::string minor_of_python();

}  // namespace labctl::support
