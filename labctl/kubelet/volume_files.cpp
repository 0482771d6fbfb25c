#include "labctl/kubelet/volume_files.hpp"

#include "topology/base/error.hpp"

#include <sys/stat.h>

#include <cerrno>
#include <charconv>
#include <fstream>
#include <iterator>
#include <optional>
#include <set>
#include <sstream>

namespace labctl::kubelet {
namespace {

namespace fs = std::filesystem;
using VolumeKind = model::VolumeSource::Kind;

constexpr const char* kCurrent = "..data";
constexpr const char* kNext = "..data_tmp";
constexpr std::string_view kVersion = "..v";

void check_path(const std::string& path) {
  const fs::path parts(path);
  bool is_sound = !path.empty() && parts.is_relative() && parts.has_filename();
  for (const fs::path& part : parts) {
    is_sound = is_sound && part != "." && !part.string().starts_with("..");
  }
  if (!is_sound || path.find('\0') != std::string::npos) {
    throw Error(ErrorKind::InvalidInput, "invalid path: must be relative and must not contain '..': " + path);
  }
}

void add(VolumeFiles& files, const std::string& path, std::string bytes, int mode) {
  check_path(path);
  files[path] = {std::move(bytes), mode & 0777};
}

void add_config(VolumeFiles& files, const model::VolumeSource& source, int mode,
                const VolumeContext& context) {
  const bool is_secret = source.kind == VolumeKind::Secret;
  const Config config(context.facts.find, is_secret, context.pod.key.ns, source.name);
  if (!config.exists()) {
    if (!source.is_optional) {
      throw Error(ErrorKind::NotFound, config.not_found());
    }
    return;
  }
  if (source.items.empty()) {
    for (auto& [key, bytes] : config.all()) {
      add(files, key, std::move(bytes), mode);
    }
    return;
  }
  for (const model::KeyToPath& item : source.items) {
    if (auto bytes = config.value(item.key)) {
      add(files, item.path, std::move(*bytes), item.mode.value_or(mode));
    } else if (!source.is_optional) {
      throw Error(ErrorKind::NotFound, std::string("references non-existent ") +
                                           (is_secret ? "secret" : "config") + " key: " + item.key);
    }
  }
}

// key="value" lines, values as Go quotes them.
std::string formatted(const model::Labels& labels) {
  std::string text;
  for (const auto& [key, value] : labels) {
    text += (text.empty() ? "" : "\n") + key + "=\"";
    for (const char c : value) {
      text += c == '"'    ? "\\\""
              : c == '\\' ? "\\\\"
              : c == '\n' ? "\\n"
              : c == '\t' ? "\\t"
                          : std::string(1, c);
    }
    text += '"';
  }
  return text;
}

void add_downward(VolumeFiles& files, const model::VolumeSource& source, int mode,
                  const VolumeContext& context) {
  const model::Pod& pod = context.pod;
  for (const model::DownwardFile& file : source.files) {
    std::string text;
    if (file.resource) {
      if (pod.containers.empty()) {
        continue;
      }
      text = resource_value(pod, pod.containers.front(), *file.resource, context.facts.allocatable);
    } else if (file.field_path == "metadata.labels") {
      text = formatted(pod.labels);
    } else if (file.field_path == "metadata.annotations") {
      text = formatted(pod.annotations);
    } else {
      text = resolve_field(pod, context.facts, file.field_path);
    }
    add(files, file.path, std::move(text), file.mode.value_or(mode));
  }
}

void add_source(VolumeFiles& files, const model::VolumeSource& source, int mode,
                const VolumeContext& context) {
  switch (source.kind) {
    case VolumeKind::ConfigMap:
    case VolumeKind::Secret:
      return add_config(files, source, mode, context);
    case VolumeKind::DownwardApi:
      return add_downward(files, source, mode, context);
    case VolumeKind::ServiceAccountToken:
      return add(files, source.path, context.token ? context.token(source) : "", mode);
    case VolumeKind::Projected:
      for (const model::VolumeSource& one : source.sources) {
        add_source(files, one, mode, context);
      }
      return;
    case VolumeKind::EmptyDir:
    case VolumeKind::Claim:
    case VolumeKind::HostPath:
    case VolumeKind::Other:
      return;
  }
}

// ---- Writing ------------------------------------------------------------------------------------
[[noreturn]] void fail(int errno_value, const fs::path& path) {
  throw Error::from_errno(errno_value == 0 ? EIO : errno_value, "write " + path.string());
}

void write_file(const fs::path& path, const VolumeFile& file) {
  std::error_code failure;
  fs::create_directories(path.parent_path(), failure);
  if (failure) {
    fail(failure.value(), path);
  }
  errno = 0;
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << file.bytes;
  if (!out.flush() || ::chmod(path.c_str(), static_cast<mode_t>(file.mode)) != 0) {
    fail(errno, path);
  }
}

// What is valid now; nothing of a folder that was never written, or cannot be read.
std::optional<VolumeFiles> read_version(const fs::path& version) {
  VolumeFiles files;
  std::error_code failure;
  for (fs::recursive_directory_iterator at(version, failure), end; !failure && at != end;
       at.increment(failure)) {
    if (at->is_regular_file(failure)) {
      std::ifstream in(at->path(), std::ios::binary);
      struct stat status {};
      ::stat(at->path().c_str(), &status);
      files[at->path().lexically_relative(version).string()] = {{std::istreambuf_iterator<char>(in), {}},
                                                                static_cast<int>(status.st_mode & 0777)};
    }
  }
  return failure ? std::nullopt : std::optional(files);
}

int number_of(const fs::path& version) {
  const std::string name = version.filename().string();
  int number = 0;
  if (name.starts_with(kVersion)) {
    std::from_chars(name.data() + kVersion.size(), name.data() + name.size(), number);
  }
  return number;
}

// Links to the first components of all paths, and none to what is gone.
void set_links(const fs::path& folder, const VolumeFiles& files) {
  std::set<std::string> names;
  for (const auto& [path, file] : files) {
    names.insert(fs::path(path).begin()->string());
  }
  std::error_code failure;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, failure)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("..") || !entry.is_symlink(failure)) {
      continue;
    }
    if (names.erase(name) == 0) {
      fs::remove(entry.path(), failure);
    }
  }
  for (const std::string& name : names) {
    fs::create_symlink(fs::path(kCurrent) / name, folder / name, failure);
    if (failure && failure != std::errc::file_exists) {
      fail(failure.value(), folder / name);
    }
  }
}

}  // namespace

bool has_files(const model::VolumeSource& source) {
  return source.kind == VolumeKind::ConfigMap || source.kind == VolumeKind::Secret ||
         source.kind == VolumeKind::DownwardApi || source.kind == VolumeKind::Projected;
}

VolumeFiles volume_files(const model::VolumeSource& source, const VolumeContext& context) {
  VolumeFiles files;
  add_source(files, source, source.default_mode, context);
  return files;
}

void write_volume(const fs::path& folder, const VolumeFiles& files) {
  std::error_code failure;
  fs::create_directories(folder, failure);
  if (failure) {
    fail(failure.value(), folder);
  }
  const fs::path before = fs::read_symlink(folder / kCurrent, failure);
  if (!failure && read_version(folder / before) == files) {
    return;
  }
  const fs::path version = std::string(kVersion) + std::to_string(number_of(before) + 1);
  fs::create_directory(folder / version, failure);
  for (const auto& [path, file] : files) {
    write_file(folder / version / path, file);
  }
  fs::remove(folder / kNext, failure);
  fs::create_directory_symlink(version, folder / kNext, failure);
  if (failure) {
    fail(failure.value(), folder / kNext);
  }
  fs::rename(folder / kNext, folder / kCurrent, failure);
  if (failure) {
    fail(failure.value(), folder / kCurrent);
  }
  set_links(folder, files);
  if (!before.empty()) {
    fs::remove_all(folder / before, failure);
  }
}

}  // namespace labctl::kubelet
