#include "labctl/apiserver/lab_objects.hpp"

#include <algorithm>

namespace labctl::apiserver {
namespace {

// Objects that one turn of the main loop writes. Everybody else has a turn after each.
constexpr std::size_t kObjectsATurn = 200;

}  // namespace

void in_turns(const LabObjects& lab, std::size_t count, const std::function<void(std::size_t)>& work) {
  for (std::size_t first = 0; first < count; first += kObjectsATurn) {
    lab.run_on_owner([&] {
      for (std::size_t i = first; i < std::min(count, first + kObjectsATurn); ++i) {
        work(i);
      }
    });
  }
}

}  // namespace labctl::apiserver
