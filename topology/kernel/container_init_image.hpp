#pragma once

// The program init/container_init.cpp, as bytes of an ELF file that is a part of this one.

#include <string_view>

namespace labctl::kernel {

std::string_view container_init_image() noexcept;

}  // namespace labctl::kernel
