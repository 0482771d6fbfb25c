#include "tests/support/image_archives.hpp"

#include "labctl/images/byte_source.hpp"
#include "labctl/images/image_documents.hpp"
#include "tests/support/run_program.hpp"
#include "tests/support/temp_dir.hpp"

#include <archive.h>
#include <archive_entry.h>

#include <cstring>
#include <fstream>
#include <memory>
#include <set>
#include <sstream>
#include <stdexcept>
#include <utility>

namespace labctl::support {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

struct FreeWriter {
  void operator()(archive* writer) const { ::archive_write_free(writer); }
};

la_ssize_t append(archive*, void* text, const void* bytes, std::size_t length) {
  static_cast<std::string*>(text)->append(static_cast<const char*>(bytes), length);
  return static_cast<la_ssize_t>(length);
}

void set_type(archive_entry* entry, const TarEntry& from) {
  switch (from.type) {
    case TarEntry::Type::File:
      ::archive_entry_set_filetype(entry, AE_IFREG);
      ::archive_entry_set_size(entry, static_cast<la_int64_t>(from.text.size()));
      return;
    case TarEntry::Type::Folder:
      ::archive_entry_set_filetype(entry, AE_IFDIR);
      return;
    case TarEntry::Type::Symlink:
      ::archive_entry_set_filetype(entry, AE_IFLNK);
      ::archive_entry_set_symlink(entry, from.text.c_str());
      return;
    case TarEntry::Type::HardLink:
      ::archive_entry_set_filetype(entry, AE_IFREG);
      ::archive_entry_set_hardlink(entry, from.text.c_str());
      return;
    case TarEntry::Type::Device:
      ::archive_entry_set_filetype(entry, AE_IFCHR);
      ::archive_entry_set_rdevmajor(entry, 1);
      ::archive_entry_set_rdevminor(entry, 3);
      return;
    case TarEntry::Type::Fifo:
      ::archive_entry_set_filetype(entry, AE_IFIFO);
      return;
  }
}

std::string hex_of(const std::string& digest) { return digest.substr(digest.find(':') + 1); }

struct Built {
  std::vector<std::string> layers;
  std::string config;
};

Built build(const TestImage& image) {
  Built built;
  json diff_ids = json::array();
  for (const auto& layer : image.layers) {
    diff_ids.push_back(images::digest_of(tar_of(layer)));
    built.layers.push_back(tar_of(layer, image.compression));
  }
  built.config = json{{"os", "linux"},
                      {"architecture",
                       image.architecture.empty() ? images::own_platform().architecture : image.architecture},
                      {"config", image.config},
                      {"rootfs", {{"type", "layers"}, {"diff_ids", diff_ids}}}}
                     .dump();
  return built;
}

json descriptor(const std::string& type, const std::string& text) {
  return {{"mediaType", type}, {"digest", images::digest_of(text)}, {"size", text.size()}};
}

TarEntry blob_entry(const std::string& text) {
  return {"blobs/sha256/" + hex_of(images::digest_of(text)), text};
}

// As one file of no format: the tar in it is the same as without compression.
std::string compressed(const std::string& bytes, Compression compression) {
  std::string text;
  const std::unique_ptr<archive, FreeWriter> writer(::archive_write_new());
  ::archive_write_set_format_raw(writer.get());
  ::archive_write_set_bytes_in_last_block(writer.get(), 1);  // no zeros behind it
  if (compression == Compression::Gzip) {
    ::archive_write_add_filter_gzip(writer.get());
  } else {
    ::archive_write_add_filter_zstd(writer.get());
  }
  ::archive_write_open(writer.get(), &text, nullptr, append, nullptr);
  const std::unique_ptr<archive_entry, void (*)(archive_entry*)> entry(::archive_entry_new(),
                                                                       ::archive_entry_free);
  ::archive_entry_set_filetype(entry.get(), AE_IFREG);
  ::archive_write_header(writer.get(), entry.get());
  ::archive_write_data(writer.get(), bytes.data(), bytes.size());
  ::archive_write_close(writer.get());
  return text;
}

}  // namespace

std::string tar_of(const std::vector<TarEntry>& entries, Compression compression) {
  std::string text;
  const std::unique_ptr<archive, FreeWriter> writer(::archive_write_new());
  ::archive_write_set_format_pax_restricted(writer.get());
  ::archive_write_open(writer.get(), &text, nullptr, append, nullptr);
  for (const TarEntry& from : entries) {
    const std::unique_ptr<archive_entry, void (*)(archive_entry*)> entry(::archive_entry_new(),
                                                                         ::archive_entry_free);
    ::archive_entry_set_pathname(entry.get(), from.name.c_str());
    set_type(entry.get(), from);
    ::archive_entry_set_perm(entry.get(), static_cast<mode_t>(from.mode));
    ::archive_entry_set_uid(entry.get(), from.uid);
    ::archive_entry_set_gid(entry.get(), from.uid);
    if (::archive_write_header(writer.get(), entry.get()) != ARCHIVE_OK) {
      throw std::runtime_error(from.name + ": " + ::archive_error_string(writer.get()));
    }
    if (from.type == TarEntry::Type::File) {
      ::archive_write_data(writer.get(), from.text.data(), from.text.size());
    }
  }
  ::archive_write_close(writer.get());
  return compression == Compression::None ? text : compressed(text, compression);
}

std::string docker_archive(const std::vector<TestImage>& images, bool links) {
  std::vector<TarEntry> entries;
  json manifest = json::array();
  for (const TestImage& image : images) {
    const Built built = build(image);
    const std::string config = hex_of(images::digest_of(built.config)) + ".json";
    json layers = json::array();
    for (std::size_t i = 0; i < built.layers.size(); ++i) {
      const std::string name = std::to_string(entries.size()) + "-" + std::to_string(i) + "/layer.tar";
      layers.push_back(name);
      if (links) {
        entries.push_back({"kept/" + std::to_string(entries.size()) + ".tar", built.layers[i]});
        const std::string target = "../" + entries.back().name;
        entries.push_back({name, target, TarEntry::Type::Symlink});
      } else {
        entries.push_back({name, built.layers[i]});
      }
    }
    entries.push_back({config, built.config});
    manifest.push_back({{"Config", config}, {"RepoTags", image.names}, {"Layers", layers}});
  }
  entries.push_back({"manifest.json", manifest.dump()});
  return tar_of(entries);
}

std::string legacy_docker_archive(const std::vector<TestImage>& images) {
  std::vector<TarEntry> entries;
  json repositories = json::object();
  for (const TestImage& image : images) {
    const Built built = build(image);
    std::string id;
    for (std::size_t i = 0; i < built.layers.size(); ++i) {
      json layer{{"os", "linux"}};
      layer["architecture"] =
          image.architecture.empty() ? images::own_platform().architecture : image.architecture;
      if (!id.empty()) {
        layer["parent"] = id;
      }
      if (i + 1 == built.layers.size()) {
        layer["config"] = image.config;
      }
      id = hex_of(images::digest_of(id + built.layers[i]));
      layer["id"] = id;
      entries.push_back({id + "/VERSION", "1.0"});
      entries.push_back({id + "/json", layer.dump()});
      entries.push_back({id + "/layer.tar", built.layers[i]});
    }
    for (const std::string& name : image.names) {
      const std::size_t colon = name.rfind(':');
      repositories[name.substr(0, colon)][name.substr(colon + 1)] = id;
    }
  }
  entries.push_back({"repositories", repositories.dump()});
  return tar_of(entries);
}

std::vector<TarEntry> oci_layout(const std::vector<TestImage>& images, bool is_nested) {
  const std::string type = "application/vnd.oci.image.";
  std::vector<TarEntry> entries{{"oci-layout", R"({"imageLayoutVersion":"1.0.0"})"}};
  json index{{"schemaVersion", 2}, {"manifests", json::array()}};
  for (const TestImage& image : images) {
    const Built built = build(image);
    json manifest{{"schemaVersion", 2},
                  {"config", descriptor(type + "config.v1+json", built.config)},
                  {"layers", json::array()}};
    entries.push_back(blob_entry(built.config));
    for (const std::string& layer : built.layers) {
      manifest["layers"].push_back(descriptor(type + "layer.v1.tar", layer));
      entries.push_back(blob_entry(layer));
    }
    entries.push_back(blob_entry(manifest.dump()));
    json named = descriptor(type + "manifest.v1+json", manifest.dump());
    named["platform"] = {{"os", "linux"},
                         {"architecture", image.architecture.empty() ? images::own_platform().architecture
                                                                     : image.architecture}};
    if (is_nested) {
      const std::string inner = json{{"schemaVersion", 2}, {"manifests", {named}}}.dump();
      entries.push_back(blob_entry(inner));
      named = descriptor(type + "index.v1+json", inner);
    }
    if (!image.names.empty()) {
      named["annotations"] = {{"org.opencontainers.image.ref.name", image.names.front()}};
    }
    index["manifests"].push_back(named);
  }
  entries.push_back({"index.json", index.dump()});
  return entries;
}

void write_entries(const fs::path& folder, const std::vector<TarEntry>& entries) {
  for (const TarEntry& entry : entries) {
    fs::create_directories((folder / entry.name).parent_path());
    std::ofstream(folder / entry.name) << entry.text;
  }
}

std::vector<TarEntry> program_with_libraries(const std::string& path) {
  std::vector<TarEntry> entries;
  std::set<std::string> seen;
  const auto add = [&](const std::string& file) {
    if (seen.insert(file).second) {
      entries.push_back({file.substr(1), read_file(file)});
    }
  };
  if (!fs::exists(path)) {
    return {};
  }
  add(path);
  // ldd says "libc.so.6 => /lib/.../libc.so.6 (0x...)" and "/lib64/ld-linux-x86-64.so.2 (0x...)".
  std::istringstream words(
      run_program({.command = {"ldd", path}, .env = {}, .directory = {}, .input = {}}).out);
  for (std::string word; words >> word;) {
    if (word.front() == '/') {
      add(word);
    }
  }
  return entries;
}

std::vector<TarEntry> folder_of_host(const std::string& path) {
  std::vector<TarEntry> entries;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(path)) {
    const std::string file = entry.path().string();
    if (entry.is_regular_file() && file.find("/test/") == std::string::npos &&
        file.find("/__pycache__/") == std::string::npos &&
        file.find("/dist-packages/") == std::string::npos) {
      entries.push_back({file.substr(1), read_file(file)});
    }
  }
  return entries;
}

std::string minor_of_python() {
  const ProgramResult result =
      run_program({.command = {"/usr/bin/python3", "-c", "import sys; print(sys.version_info.minor, end='')"},
                   .env = {},
                   .directory = {},
                   .input = {}});
  return result.out;
}

}  // namespace labctl::support
