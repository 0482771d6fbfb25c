// An archive of images, and a layer, that somebody else has written: nothing appears outside of the image's folder, and
// what is refused is refused with an Error.

#include "labctl/images/image_reader.hpp"
#include "tests/fuzz/require.hpp"
#include "topology/base/error.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <string>

using labctl::fuzz::require;
using namespace labctl::images;

namespace {

namespace fs = std::filesystem;

constexpr UnpackLimits kLimits{.entries = 200, .bytes = 1 << 20};

// Removed with what is in it; the image's folder is the only one in it.
struct Place {
  Place() {
    std::string pattern = (fs::temp_directory_path() / "labctl-fuzz-XXXXXX").string();
    require(::mkdtemp(pattern.data()) != nullptr, "a folder can be made");
    path = pattern;
    fs::create_directory(path / "root");
  }
  ~Place() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
  fs::path path;
};

class Bytes final : public ByteSource {
 public:
  explicit Bytes(std::span<const char> all) : rest_(all) {}
  std::span<const char> read() override {
    const auto piece = rest_.first(std::min<std::size_t>(rest_.size(), 512));
    rest_ = rest_.subspan(piece.size());
    return piece;
  }

 private:
  std::span<const char> rest_;
};

void as_layer(std::span<const char> input) {
  const Place place;
  try {
    TreeWriter tree(place.path / "root", kLimits);
    Bytes bytes(input);
    SourceReader layer(bytes, true, "layer");
    tree.apply(layer, "layer");
    require(tree.bytes() <= kLimits.bytes, "an image is bounded");
  } catch (const labctl::Error& error) {
    require(!error.message().empty(), "a refusal says why");
  }
  require(std::distance(fs::directory_iterator(place.path), fs::directory_iterator()) == 1,
          "nothing appears beside the image");
}

void as_archive(std::span<const char> input) {
  const Place place;
  const fs::path file = place.path / "image.tar";
  std::ofstream(file, std::ios::binary).write(input.data(), static_cast<std::streamsize>(input.size()));
  try {
    const auto archive = ImageArchive::open(file);
    for (const ImageInArchive& image : images_of(*archive)) {
      unpack(*archive, image, place.path / "root", kLimits);
    }
  } catch (const labctl::Error& error) {
    require(!error.message().empty(), "a refusal says why");
  }
  require(std::distance(fs::directory_iterator(place.path), fs::directory_iterator()) == 2,
          "nothing appears beside the image");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const char> input(reinterpret_cast<const char*>(data), size);
  as_layer(input);
  as_archive(input);
  return 0;
}
