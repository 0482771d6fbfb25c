// Texts by which clients name things of a lab, and replies that say what went wrong: taken and written out
// they mean the same, refused they are refused with a reason.

#include "labctl/api/resource_kinds.hpp"
#include "labctl/api/status_error.hpp"
#include "labctl/api/uri.hpp"
#include "tests/fuzz/require.hpp"
#include "topology/base/error.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

using labctl::fuzz::require;
using namespace labctl::api;

namespace {

template <typename Parse>
void takes_or_refuses(const Parse& parse) {
  try {
    parse();
  } catch (const labctl::Error& error) {
    require(error.kind() == labctl::ErrorKind::InvalidInput && !error.message().empty(),
            "a refusal says why");
  }
}

void read_target(const std::string& text) {
  const auto target = parse_target(text);
  if (!target) {
    return;
  }
  require(target->path.starts_with("/"), "a path is absolute");
  require(target->path.find('\0') == std::string::npos, "no NUL in a path");
  const auto again = parse_target("/" + query_string(target->query));
  require(again && again->query == target->query, "a query survives being written");
}

void read_path(const std::string& text) {
  const auto path = parse_resource_path(text);
  if (!path) {
    return;
  }
  require(path->kind != nullptr, "a path has a kind");
  if (path->subresource.empty()) {
    const std::string written = path->name.empty() ? collection_path(*path->kind, path->ns)
                                                   : object_path(*path->kind, path->ns, path->name);
    const auto again = parse_target(written);
    const auto same = again ? parse_resource_path(again->path) : std::nullopt;
    require(same && same->kind == path->kind && same->name == path->name, "a path survives being written");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  read_target(text);
  read_path(text);
  require(labctl::percent_decode(percent_encode(text)) == text, "an encoded text is decoded");
  takes_or_refuses([&] { require(parse_resource_ref(text).kind != nullptr, "a reference has a kind"); });
  takes_or_refuses([&] { require(!parse_vantage(text).empty(), "a vantage has an id"); });
  find_resource(text);
  nearest_resource(text);
  require(!to_error(422, text).message().empty(), "an error has a message");
  return 0;
}
