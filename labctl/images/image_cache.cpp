#include "labctl/images/image_cache.hpp"

#include "labctl/api/private_folder.hpp"
#include "labctl/api/request_reader.hpp"
#include "labctl/images/image_documents.hpp"
#include "topology/base/error.hpp"
#include "topology/base/scope_exit.hpp"
#include "topology/base/text_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <system_error>
#include <utility>

namespace labctl::images {
namespace {

namespace fs = std::filesystem;

constexpr const char* kUnpackPattern = ".unpack-XXXXXX";
constexpr std::string_view kUnpackBegin = ".unpack-";
constexpr std::string_view kFolderBegin = "sha256-";

std::string folder_of(const std::string& digest) {
  blob_of(digest, "image");  // refuses what is no digest
  return std::string(kFolderBegin) + digest.substr(kDigestBegin.size());
}

nlohmann::json to_json(const CachedImage& image) {
  nlohmann::json owners = nlohmann::json::array();
  for (const FileOwner& owner : image.owners) {
    owners.push_back({owner.path, owner.uid, owner.gid});
  }
  return {{"digest", image.digest},
          {"names", image.names},
          {"archive", image.archive},
          {"bytes", image.bytes},
          {"leftOut", image.left_out},
          {"unpackedAt", image.unpacked_at},
          {"owners", owners},
          {"ownersLeftOut", image.owners_left_out},
          {"exposedPorts", image.exposed_ports}};
}

CachedImage read_image(const fs::path& folder) {
  const std::string path = (folder / "image.json").string();
  const nlohmann::json json = api::parse_json(text_of_file(path), path);
  CachedImage image;
  image.digest = json.at("digest").get<std::string>();
  image.names = json.at("names").get<std::vector<std::string>>();
  image.archive = json.at("archive").get<std::string>();
  image.bytes = json.at("bytes").get<std::uint64_t>();
  image.left_out = json.at("leftOut").get<std::uint64_t>();
  image.unpacked_at = json.at("unpackedAt").get<std::int64_t>();
  image.exposed_ports = json.at("exposedPorts").get<std::vector<std::string>>();
  std::vector<FileOwner> owners;
  for (const nlohmann::json& owner : json.at("owners")) {
    owners.push_back(
        {owner.at(0).get<std::string>(), owner.at(1).get<std::uint32_t>(), owner.at(2).get<std::uint32_t>()});
  }
  image.owners = FileOwners(std::move(owners));
  image.owners_left_out = json.at("ownersLeftOut").get<std::uint64_t>();
  image.root = folder / "root";
  return image;
}

void write_image(const fs::path& folder, const CachedImage& image) {
  std::ofstream file(folder / "image.json");
  file << to_json(image).dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
  if (!file.flush()) {
    throw Error::from_errno(errno == 0 ? EIO : errno, "write " + (folder / "image.json").string());
  }
}

// What cannot be taken away stays, under a name that nobody uses.
void remove_folder(const fs::path& folder) noexcept {
  std::error_code ignored;
  fs::remove_all(folder, ignored);
}

UniqueFd open_locked(const fs::path& folder) {
  UniqueFd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  return fd && ::flock(fd.get(), LOCK_EX | LOCK_NB) == 0 ? std::move(fd) : UniqueFd();
}

// What is made is not taken for a leftover before who makes it has locked it.
UniqueFd hold(const fs::path& cache) {
  UniqueFd fd(::open(cache.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd || ::flock(fd.get(), LOCK_EX) != 0) {
    throw Error::from_errno(errno, "lock " + cache.string());
  }
  return fd;
}

}  // namespace

fs::path cache_path() {
  if (const char* cache = ::getenv("XDG_CACHE_HOME"); cache != nullptr && *cache == '/') {
    return fs::path(cache) / "labctl" / "images";
  }
  if (const char* home = ::getenv("HOME"); home != nullptr && *home == '/') {
    return fs::path(home) / ".cache" / "labctl" / "images";
  }
  throw Error(ErrorKind::NotFound, "the cache of images: neither XDG_CACHE_HOME nor HOME names a folder",
              "set XDG_CACHE_HOME to a folder of yours");
}

ImageCache ImageCache::open(const fs::path& path) {
  std::error_code failure;
  fs::create_directories(path.parent_path(), failure);
  if (failure) {
    throw Error::from_errno(failure.value(), "make " + path.parent_path().string());
  }
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    throw Error::from_errno(errno, "make " + path.string());
  }
  return {path, api::open_private_folder(path)};
}

std::optional<CachedImage> ImageCache::find(const std::string& digest) const {
  const fs::path folder = path_ / folder_of(digest);
  std::error_code ignored;
  if (!fs::is_directory(folder / "root", ignored)) {
    return std::nullopt;
  }
  try {
    return read_image(folder);
  } catch (const nlohmann::json::exception&) {  // not whole, or of an older version: unpacked again
    return std::nullopt;
  } catch (const Error&) {
    return std::nullopt;
  }
}

CachedImage ImageCache::provide(ImageArchive& archive, const ImageInArchive& image,
                                const std::string& archive_path, UnpackLimits limits) {
  if (std::optional<CachedImage> found = find(image.digest)) {
    return std::move(*found);
  }
  std::string pattern = (path_ / kUnpackPattern).string();
  UniqueFd held = hold(path_);
  if (::mkdtemp(pattern.data()) == nullptr) {
    throw Error::from_errno(errno, "make a folder in " + path_.string());
  }
  const fs::path folder = pattern;
  ScopeExit clean([&] { remove_folder(folder); });
  const UniqueFd lock = open_locked(folder);
  held.reset();
  fs::create_directory(folder / "root");
  ::chmod((folder / "root").c_str(), 0755);
  const Unpacked unpacked = unpack(archive, image, folder / "root", limits);
  CachedImage made{image.digest,
                   image.names,
                   archive_path,
                   unpacked.bytes,
                   unpacked.left_out,
                   std::time(nullptr),
                   {},
                   FileOwners(unpacked.owners),
                   unpacked.owners_left_out,
                   image.config.exposed_ports};
  write_image(folder, made);
  const fs::path place = path_ / folder_of(image.digest);
  if (::rename(folder.c_str(), place.c_str()) != 0) {
    const int why = errno;
    // Another process was faster; or what is there is not whole.
    if (std::optional<CachedImage> found = find(image.digest)) {
      return std::move(*found);
    }
    remove(image.digest);
    if (::rename(folder.c_str(), place.c_str()) != 0) {
      throw Error::from_errno(why, "rename " + folder.string() + " to " + place.string());
    }
  }
  clean.dismiss();
  made.root = place / "root";
  return made;
}

std::vector<CachedImage> ImageCache::list() const {
  std::vector<CachedImage> images;
  for (const fs::directory_entry& entry : fs::directory_iterator(path_)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(kFolderBegin) || name.size() != kFolderBegin.size() + 64) {
      continue;
    }
    if (auto image = find(std::string(kDigestBegin) + name.substr(kFolderBegin.size()))) {
      images.push_back(std::move(*image));
    }
  }
  std::sort(images.begin(), images.end(),
            [](const CachedImage& one, const CachedImage& other) { return one.digest < other.digest; });
  return images;
}

bool ImageCache::remove(const std::string& digest) {
  const fs::path place = path_ / folder_of(digest);
  // Under its name it is whole or not there.
  std::string pattern = (path_ / kUnpackPattern).string();
  if (::mkdtemp(pattern.data()) == nullptr) {
    throw Error::from_errno(errno, "make a folder in " + path_.string());
  }
  const bool was_there = ::rename(place.c_str(), pattern.c_str()) == 0;
  const int why = errno;
  remove_folder(pattern);
  if (!was_there && why != ENOENT) {
    throw Error::from_errno(why, "remove " + place.string());
  }
  return was_there;
}

std::size_t ImageCache::remove_leftovers() {
  std::size_t count = 0;
  std::vector<fs::path> folders;
  const UniqueFd held = hold(path_);
  for (const fs::directory_entry& entry : fs::directory_iterator(path_)) {
    if (entry.path().filename().string().starts_with(kUnpackBegin)) {
      folders.push_back(entry.path());
    }
  }
  for (const fs::path& folder : folders) {
    if (const UniqueFd lock = open_locked(folder)) {
      remove_folder(folder);
      ++count;
    }
  }
  return count;
}

}  // namespace labctl::images
