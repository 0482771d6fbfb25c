// Where there is no libFuzzer: the files of a corpus go through the target's own
// checks, which abort, whole and cut short.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

int main(int argc, char** argv) {
  constexpr std::size_t kCuts = 16;
  if (argc < 2) {
    std::fprintf(stderr, "no corpus\n");
    return 1;
  }
  for (int i = 1; i < argc; ++i) {
    // Seen only if the target aborts.
    std::printf("%s\n", argv[i]);
    std::fflush(stdout);
    std::ifstream file(argv[i], std::ios::binary);
    if (!file) {
      std::fprintf(stderr, "cannot be read\n");
      return 1;
    }
    const std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
    for (std::size_t cut = 0; cut <= kCuts; ++cut) {
      // A buffer of its own, so that a sanitizer sees a read behind the end.
      const auto end = bytes.begin() + static_cast<std::ptrdiff_t>(bytes.size() * cut / kCuts);
      const std::vector<std::uint8_t> input(bytes.begin(), end);
      LLVMFuzzerTestOneInput(input.data(), input.size());
    }
  }
  return 0;
}
