#include "topology/base/current_exception.hpp"

#include "topology/base/error.hpp"

#include <cxxabi.h>
#include <exception>
#include <typeinfo>

namespace labctl {

std::string words_of_current_exception() noexcept {
  try {
    throw;
  } catch (const Error& error) {
    const std::string words = error.what();
    return words.empty() ? std::string(to_string(error.kind())) : words;
  } catch (const std::exception& error) {
    const std::string words = error.what();
    return words.empty() ? typeid(error).name() : words;
  } catch (...) {
    const std::type_info* type = abi::__cxa_current_exception_type();
    return std::string("something was thrown that says nothing") +
           (type == nullptr ? "" : std::string(" (") + type->name() + ")");
  }
}

}  // namespace labctl
