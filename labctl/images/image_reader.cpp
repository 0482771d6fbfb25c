#include "labctl/images/image_reader.hpp"

#include "topology/base/error.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

namespace labctl::images {
namespace {

// Indexes within indexes; buildah makes one, the specification allows more.
constexpr int kIndexDepthMax = 4;
constexpr std::size_t kImagesMax = 1'000;

[[noreturn]] void refuse_image(const std::string& what, const std::string& why) {
  throw Error(ErrorKind::InvalidInput, what + ": " + why);
}

std::string needed_document(ImageArchive& archive, const std::string& name) {
  std::optional<std::string> text = archive.document(name);
  if (!text) {
    refuse_image(archive.shown(), "has no document " + name);
  }
  return std::move(*text);
}

// Of an OCI layout, and what it says it is.
std::string blob(ImageArchive& archive, const Descriptor& descriptor) {
  const std::string name = blob_of(descriptor.digest, archive.shown());
  std::string text = needed_document(archive, name);
  if (digest_of(text) != descriptor.digest) {
    refuse_image(archive.shown() + ":" + name, "is not what its digest says");
  }
  return text;
}

// An architecture that is not said may be any.
bool is_for_us(const Platform& platform) {
  const Platform own = own_platform();
  return (platform.os.empty() || platform.os == own.os) &&
         (platform.architecture.empty() || platform.architecture == own.architecture);
}

// What a tar has besides the bytes of its files: headers, and zeros behind the end.
std::uint64_t tar_max(UnpackLimits limits) {
  constexpr std::uint64_t kHeaders = 16 << 10;
  return limits.bytes + limits.entries * kHeaders;
}

class ImagesOfArchive {
 public:
  explicit ImagesOfArchive(ImageArchive& archive) : archive_(archive) {}

  std::vector<ImageInArchive> find() {
    // Newer `docker save` writes both: only manifest.json has all names.
    if (const auto manifest = archive_.document("manifest.json")) {
      for (const DockerImage& image : parse_docker_manifest(*manifest, archive_.shown() + ":manifest.json")) {
        add_docker(image);
      }
    } else if (const auto index = archive_.document("index.json")) {
      add_index(*index, archive_.shown() + ":index.json", "", 0);
    } else if (const auto repositories = archive_.document("repositories")) {
      for (const LegacyImage& image : parse_repositories(*repositories, archive_.shown() + ":repositories")) {
        add_legacy(image);
      }
    } else {
      throw Error(
          ErrorKind::InvalidInput,
          archive_.shown() + ": no image archive: it has neither manifest.json, index.json nor repositories",
          "`docker save`, `podman save`, `skopeo copy` and `buildah push` write such archives");
    }
    if (images_.empty()) {
      refuse_elsewhere();
    }
    return std::move(images_);
  }

 private:
  [[noreturn]] void refuse_elsewhere() const {
    if (elsewhere_.empty()) {
      refuse_image(archive_.shown(), "has no image");
    }
    std::string platforms;
    for (const std::string& platform : elsewhere_) {
      platforms += (platforms.empty() ? "" : ", ") + platform;
    }
    throw Error(ErrorKind::Unsupported,
                archive_.shown() + ": no image for " + to_string(own_platform()) + ", only for " + platforms);
  }

  void add_docker(const DockerImage& image) {
    const std::string text = needed_document(archive_, clean_path(image.config.c_str()));
    ImageInArchive found{image.names, digest_of(text), {}, {}};
    for (const std::string& layer : image.layers) {
      found.layers.push_back({clean_path(layer.c_str()), {}, {}});
    }
    add(std::move(found), parse_configuration(text, archive_.shown() + ":" + image.config));
  }

  // Nothing there says what is in the layers: they are read for it.
  void add_legacy(const LegacyImage& image) {
    const std::string top = needed_document(archive_, image.id + "/json");
    const std::string what = archive_.shown() + ":" + image.id;
    if (const Platform platform = parse_configuration(top, what).platform; !is_for_us(platform)) {
      elsewhere_.insert(to_string(platform));
      return;
    }
    std::vector<std::string> ids;
    for (std::string id = image.id; !id.empty();) {
      if (ids.size() == kLayersMax) {
        refuse_image(what, "has more than " + std::to_string(kLayersMax) + " layers, or they go in a circle");
      }
      ids.push_back(id);
      const std::string name = id + "/json";
      id = parse_legacy_parent(needed_document(archive_, name), archive_.shown() + ":" + name);
    }
    ImageInArchive found{image.names, {}, {}, {}};
    std::vector<std::string> diff_ids;
    for (auto id = ids.rbegin(); id != ids.rend(); ++id) {
      found.layers.push_back({*id + "/layer.tar", {}, {}});
      diff_ids.push_back(diff_id_of(found.layers.back().file));
    }
    const std::string text = legacy_configuration(top, diff_ids, what);
    found.digest = digest_of(text);
    add(std::move(found), parse_configuration(text, what));
  }

  // Images of one archive share their lower layers.
  const std::string& diff_id_of(const std::string& file) {
    const auto [found, is_new] = diff_ids_.try_emplace(file);
    if (is_new) {
      archive_.read(file, [&, &digest = found->second](ByteSource& packed) {
        const std::string what = archive_.shown() + ":" + file;
        SourceReader decompressed(packed, false, what);
        if (decompressed.next() == nullptr) {
          refuse_image(what, "is empty");
        }
        EntrySource bytes(decompressed.get(), what, &decompressed);
        digest = HashedSource(bytes, tar_max({})).digest();
      });
    }
    return found->second;
  }

  void add_index(const std::string& text, const std::string& what, const std::string& name, int depth) {
    if (depth > kIndexDepthMax) {
      refuse_image(what, "indexes are nested more than " + std::to_string(kIndexDepthMax) + " deep");
    }
    for (const Descriptor& descriptor : parse_index(text, what)) {
      const std::string& its_name = descriptor.name.empty() ? name : descriptor.name;
      if (++seen_ > kImagesMax) {
        refuse_image(what, "has more than " + std::to_string(kImagesMax) + " images");
      }
      if (is_index(descriptor)) {
        add_index(blob(archive_, descriptor), archive_.shown() + ":" + descriptor.digest, its_name,
                  depth + 1);
      } else if (!descriptor.platform || is_for_us(*descriptor.platform)) {
        add_manifest(descriptor, its_name);
      } else if (descriptor.platform->os != "unknown") {  // as attestations have it
        elsewhere_.insert(to_string(*descriptor.platform));
      }
    }
  }

  void add_manifest(const Descriptor& descriptor, const std::string& name) {
    const std::string what = archive_.shown() + ":" + descriptor.digest;
    const Manifest manifest = parse_manifest(blob(archive_, descriptor), what);
    ImageInArchive found{{}, manifest.config.digest, {}, {}};
    if (!name.empty()) {
      found.names.push_back(name);
    }
    for (const Descriptor& layer : manifest.layers) {
      found.layers.push_back({blob_of(layer.digest, what), layer.digest, {}});
    }
    add(std::move(found), parse_configuration(blob(archive_, manifest.config),
                                              archive_.shown() + ":" + manifest.config.digest));
  }

  void add(ImageInArchive image, Configuration configuration) {
    const std::string what = archive_.shown() + ":" + image.digest;
    if (!is_for_us(configuration.platform)) {
      elsewhere_.insert(to_string(configuration.platform));
      return;
    }
    if (configuration.diff_ids.size() != image.layers.size()) {
      refuse_image(what, "the configuration has " + std::to_string(configuration.diff_ids.size()) +
                             " diff_ids, the manifest " + std::to_string(image.layers.size()) + " layers");
    }
    for (std::size_t i = 0; i < image.layers.size(); ++i) {
      image.layers[i].diff_id = configuration.diff_ids[i];
    }
    image.config = std::move(configuration.config);
    const auto same = std::find_if(images_.begin(), images_.end(),
                                   [&](const ImageInArchive& other) { return other.digest == image.digest; });
    if (same == images_.end()) {
      images_.push_back(std::move(image));
    } else {
      same->names.insert(same->names.end(), image.names.begin(), image.names.end());
    }
  }

  ImageArchive& archive_;
  std::vector<ImageInArchive> images_;
  std::set<std::string> elsewhere_;
  std::map<std::string, std::string> diff_ids_;  // by file
  std::size_t seen_ = 0;
};

void unpack_layer(ByteSource& packed, const Layer& layer, const std::string& what, TreeWriter& tree,
                  std::uint64_t max) {
  HashedSource file(packed);
  SourceReader decompressed(file, false, what);
  if (decompressed.next() == nullptr) {
    refuse_image(what, "is empty");
  }
  EntrySource bytes(decompressed.get(), what, &decompressed);
  HashedSource tar(bytes, max);
  SourceReader entries(tar, true, what);
  tree.apply(entries, what);
  if (tar.digest() != layer.diff_id) {
    refuse_image(what, "is not what the image's configuration says (" + layer.diff_id + ")");
  }
  if (!layer.digest.empty() && file.digest() != layer.digest) {
    refuse_image(what, "is not what its digest says");
  }
}

}  // namespace

std::vector<ImageInArchive> images_of(ImageArchive& archive) { return ImagesOfArchive(archive).find(); }

Unpacked unpack(ImageArchive& archive, const ImageInArchive& image, const std::filesystem::path& folder,
                UnpackLimits limits) {
  TreeWriter tree(folder, limits);
  for (const Layer& layer : image.layers) {
    const std::string what = archive.shown() + ":" + layer.file;
    archive.read(layer.file,
                 [&](ByteSource& packed) { unpack_layer(packed, layer, what, tree, tar_max(limits)); });
  }
  if (!image.config.working_dir.empty()) {
    tree.make_folder(image.config.working_dir);
  }
  return {tree.bytes(), tree.left_out(), tree.owners(), tree.owners_left_out()};
}

}  // namespace labctl::images
