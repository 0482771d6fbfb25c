#pragma once

// Times as objects carry them, under the name by which those who write objects know them.

#include "topology/base/timestamp.hpp"

namespace labctl::store {

using labctl::parse_timestamp;
using labctl::timestamp;

}  // namespace labctl::store
