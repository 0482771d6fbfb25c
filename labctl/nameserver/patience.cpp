#include "labctl/nameserver/patience.hpp"

#include <algorithm>
#include <utility>

namespace labctl::nameserver {

bool Patience::is_over(Time now) {
  const std::chrono::nanoseconds since = now - std::exchange(looked_at_, now);
  left_ -= std::min<std::chrono::nanoseconds>(since, kBetweenLooks);
  return left_.count() <= 0;
}

}  // namespace labctl::nameserver
