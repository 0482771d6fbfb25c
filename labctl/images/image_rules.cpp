#include "labctl/images/image_rules.hpp"

#include "labctl/images/image_cache.hpp"
#include "topology/base/error.hpp"

#include <algorithm>
#include <exception>
#include <map>
#include <optional>
#include <string>
#include <utility>

namespace labctl::images {
namespace {

namespace fs = std::filesystem;

fs::path archive_path(const model::ImageRule& rule, const fs::path& base) {
  const fs::path written = rule.archive;
  if (written.is_absolute()) {
    return written;
  }
  std::error_code ignored;
  const fs::path file = rule.where.file;
  const fs::path folder = fs::is_regular_file(file, ignored) ? file.parent_path() : base;
  return fs::absolute(folder / written, ignored).lexically_normal();
}

class ArchiveImages {
 public:
  explicit ArchiveImages(Effort effort) : effort_(effort) {}

  // Gives images that an earlier look has found their roots. False: they are to be unpacked.
  bool find_cached(std::vector<model::ImageFiles>& files) {
    if (effort_ != Effort::Unpack || files.empty()) {
      return false;
    }
    for (model::ImageFiles& image : files) {
      const std::optional<CachedImage> found = cache().find(image.digest);
      if (!found) {
        return false;
      }
      image.root = found->root.string();
      image.owners = found->owners;
    }
    return true;
  }

  // Each archive is looked into once, whatever number of rules name it.
  const std::vector<model::ImageFiles>& of(const fs::path& path) {
    const auto [found, is_new] = known_.try_emplace(path.string());
    if (is_new) {
      try {
        found->second = read(path);
      } catch (...) {
        known_.erase(found);
        throw;
      }
    }
    return found->second;
  }

 private:
  std::vector<model::ImageFiles> read(const fs::path& path) {
    const std::unique_ptr<ImageArchive> archive = ImageArchive::open(path);
    std::vector<model::ImageFiles> files;
    for (ImageInArchive& image : images_of(*archive)) {
      model::ImageFiles one{image.names, image.digest, {}, image.config};
      if (effort_ == Effort::Unpack) {
        const CachedImage cached = cache().provide(*archive, image, path.string());
        one.root = cached.root.string();
        one.owners = cached.owners;
      }
      files.push_back(std::move(one));
    }
    return files;
  }

  // Made when something is to be in it.
  ImageCache& cache() {
    if (!cache_) {
      cache_ = ImageCache::open();
    }
    return *cache_;
  }

  Effort effort_;
  std::optional<ImageCache> cache_;
  std::map<std::string, std::vector<model::ImageFiles>> known_;
};

}  // namespace

std::vector<Diagnostic> find_images(model::Cluster& cluster, Effort effort, const fs::path& base) {
  std::vector<Diagnostic> mistakes;
  ArchiveImages archives(effort);
  for (std::size_t i = 0; i < cluster.images.size(); ++i) {
    model::ImageRule& rule = cluster.images[i];
    if (rule.archive.empty()) {
      continue;
    }
    const auto complain = [&](const std::string& message, const std::string& hint) {
      mistakes.push_back(
          {Severity::Error, rule.where, "spec.images[" + std::to_string(i) + "].archive", message, hint});
    };
    try {
      if (archives.find_cached(rule.files)) {
        continue;
      }
      const fs::path path = archive_path(rule, base);
      rule.files = archives.of(path);
      rule.archive = path.string();
    } catch (const Error& error) {
      complain(error.message(), error.kind() == ErrorKind::NotFound && error.hint().empty()
                                    ? "a path is relative to the file that names it"
                                    : error.hint());
    } catch (const std::exception& error) {
      complain(rule.archive + ": " + error.what(), {});
    }
  }
  return mistakes;
}

void append_mistakes(model::Cluster& cluster, std::vector<Diagnostic>& diagnostics) {
  for (Diagnostic& mistake : find_images(cluster, Effort::Look)) {
    const auto behind = std::find_if(diagnostics.begin(), diagnostics.end(), [&](const Diagnostic& other) {
      return other.where.file == mistake.where.file &&
             std::pair(other.where.line, other.where.column) >
                 std::pair(mistake.where.line, mistake.where.column);
    });
    diagnostics.insert(behind, std::move(mistake));
  }
}

}  // namespace labctl::images
