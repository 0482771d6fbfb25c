#include "labctl/scenario/object_query.hpp"

#include "labctl/scenario/variables.hpp"
#include "topology/base/pattern.hpp"

#include <algorithm>

namespace labctl::scenario {
namespace {

using nlohmann::json;

// RFC 6901 §4: "~1" is a slash, "~0" a tilde, in that order.
std::string unescaped(std::string part) {
  for (const auto& [escape, character] : {std::pair("~1", '/'), std::pair("~0", '~')}) {
    for (size_t at = 0; (at = part.find(escape, at)) != std::string::npos; ++at) {
      part.replace(at, 2, 1, character);
    }
  }
  return part;
}

const json* member_of(const json& value, const std::string& name) {
  if (value.is_object()) {
    const auto found = value.find(name);
    return found == value.end() ? nullptr : &*found;
  }
  const bool is_index = !name.empty() && name.size() < 10 &&
                        std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!value.is_array() || !is_index || std::stoul(name) >= value.size()) {
    return nullptr;
  }
  return &value[std::stoul(name)];
}

std::string listed(const std::vector<std::string>& values) {
  constexpr size_t kShown = 20;
  std::string text;
  for (size_t i = 0; i < values.size() && i < kShown; ++i) {
    text += (i == 0 ? "" : ", ") + values[i];
  }
  return values.empty()
             ? "nothing"
             : text +
                   (values.size() > kShown ? " and " + std::to_string(values.size() - kShown) + " more" : "");
}

std::string counted(size_t count) { return std::to_string(count) + (count == 1 ? " value" : " values"); }

}  // namespace

void collect_values(const json& object, const std::string& pointer, std::vector<std::string>& out) {
  if (pointer.empty()) {
    out.push_back(text_of(object));
    return;
  }
  const size_t end = std::min(pointer.find('/', 1), pointer.size());
  const std::string part = pointer.substr(1, end - 1), rest = pointer.substr(end);
  if (part == "*") {
    for (const json& each : object.is_structured() ? object : json::array()) {
      collect_values(each, rest, out);
    }
  } else if (const json* member = member_of(object, unescaped(part))) {
    collect_values(*member, rest, out);
  }
}

void check_values(const json& expect, const std::string& pointer, std::vector<std::string> seen,
                  Attempt& attempt) {
  std::sort(seen.begin(), seen.end());
  if (const auto values = expect.find("values"); values != expect.end() && values->is_array()) {
    std::vector<std::string> wanted;
    for (const json& value : *values) {
      wanted.push_back(text_of(value));
    }
    std::sort(wanted.begin(), wanted.end());
    if (wanted != seen) {
      attempt.fail(pointer + " to be " + listed(wanted), listed(seen));
    }
  }
  if (const auto count = expect.find("count"); count != expect.end() && *count != seen.size()) {
    attempt.fail(counted(count->get<size_t>()) + " of " + pointer,
                 counted(seen.size()) + ": " + listed(seen));
  }
  if (const auto equals = expect.find("equals");
      equals != expect.end() && seen != std::vector<std::string>{text_of(*equals)}) {
    attempt.fail(pointer + " to be " + text_of(*equals), listed(seen));
  }
  if (const auto pattern = expect.find("matches"); pattern != expect.end()) {
    const Pattern wanted(pattern->get<std::string>());
    const bool all = std::all_of(seen.begin(), seen.end(),
                                 [&](const std::string& value) { return wanted.is_found_in(value); });
    if (seen.empty() || !all) {
      attempt.fail("each of " + pointer + " matching \"" + pattern->get<std::string>() + "\"", listed(seen));
    }
  }
}

}  // namespace labctl::scenario
