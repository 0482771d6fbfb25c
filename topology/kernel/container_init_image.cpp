#include "topology/kernel/container_init_image.hpp"

// LABCTL_CONTAINER_INIT: where the program was built.
asm(".pushsection .rodata\n"
    "labctl_container_init_begin:\n"
    ".incbin \"" LABCTL_CONTAINER_INIT
    "\"\n"
    "labctl_container_init_end:\n"
    ".byte 0\n"
    ".popsection\n");

extern "C" {
extern const char labctl_container_init_begin[] __attribute__((visibility("hidden")));
extern const char labctl_container_init_end[] __attribute__((visibility("hidden")));
}

namespace labctl::kernel {

std::string_view container_init_image() noexcept {
  return {labctl_container_init_begin,
          static_cast<std::size_t>(labctl_container_init_end - labctl_container_init_begin)};
}

}  // namespace labctl::kernel
