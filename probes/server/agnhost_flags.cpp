#include "probes/server/agnhost_flags.hpp"

#include "probes/server/http_text.hpp"
#include "topology/base/duration.hpp"
#include "topology/base/error.hpp"

#include <charconv>
#include <utility>

namespace labctl::server {
namespace {

[[noreturn]] void refuse(const std::string& name, std::string_view value, std::string_view cause) {
  throw Error(ErrorKind::InvalidInput, "invalid argument " + go_quoted(value) + " for " +
                                           go_quoted("--" + name) + " flag: " + std::string(cause));
}

void assign(const std::string& name, std::string_view value, std::string* target) {
  (void)name;
  *target = value;
}

void assign(const std::string& name, std::string_view value, int* target) {
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), *target);
  if (value.empty() || error != std::errc() || end != value.data() + value.size()) {
    refuse(name, value, "strconv.ParseInt: parsing " + go_quoted(value) + ": invalid syntax");
  }
}

void assign(const std::string& name, std::string_view value, bool* target) {
  for (const std::string_view yes : {"1", "t", "T", "true", "TRUE", "True"}) {
    if (value == yes) {
      *target = true;
      return;
    }
  }
  for (const std::string_view no : {"0", "f", "F", "false", "FALSE", "False"}) {
    if (value == no) {
      *target = false;
      return;
    }
  }
  refuse(name, value, "strconv.ParseBool: parsing " + go_quoted(value) + ": invalid syntax");
}

void assign(const std::string& name, std::string_view value, std::chrono::milliseconds* target) {
  const auto duration = parse_duration(value);
  if (!duration) {
    refuse(name, value, "time: invalid duration " + go_quoted(value));
  }
  *target = std::chrono::ceil<std::chrono::milliseconds>(*duration);
}

}  // namespace

AgnhostFlags& AgnhostFlags::add(std::string name, std::string* target) {
  flags_.push_back({std::move(name), target});
  return *this;
}
AgnhostFlags& AgnhostFlags::add(std::string name, int* target) {
  flags_.push_back({std::move(name), target});
  return *this;
}
AgnhostFlags& AgnhostFlags::add(std::string name, bool* target) {
  flags_.push_back({std::move(name), target});
  return *this;
}
AgnhostFlags& AgnhostFlags::add(std::string name, std::chrono::milliseconds* target) {
  flags_.push_back({std::move(name), target});
  return *this;
}

const AgnhostFlags::Flag& AgnhostFlags::find(std::string_view name) const {
  for (const Flag& flag : flags_) {
    if (flag.name == name) {
      return flag;
    }
  }
  throw Error(ErrorKind::InvalidInput, "unknown flag: --" + std::string(name));
}

std::vector<std::string> AgnhostFlags::parse(const std::vector<std::string>& words) const {
  std::vector<std::string> positional;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string_view word = words[i];
    if (word == "--") {
      positional.insert(positional.end(), words.begin() + static_cast<std::ptrdiff_t>(i) + 1, words.end());
      break;
    }
    if (word.size() < 2 || word[0] != '-') {
      positional.emplace_back(word);
      continue;
    }
    if (word[1] != '-') {
      throw Error(ErrorKind::InvalidInput,
                  "unknown shorthand flag: '" + std::string(1, word[1]) + "' in " + std::string(word));
    }
    const auto equals = word.find('=');
    const Flag& flag = find(word.substr(2, equals == std::string_view::npos ? equals : equals - 2));
    std::string_view value;
    if (equals != std::string_view::npos) {
      value = word.substr(equals + 1);
    } else if (std::holds_alternative<bool*>(flag.target)) {
      value = "true";
    } else if (++i < words.size()) {
      value = words[i];
    } else {
      throw Error(ErrorKind::InvalidInput, "flag needs an argument: --" + flag.name);
    }
    std::visit([&](auto* target) { assign(flag.name, value, target); }, flag.target);
  }
  return positional;
}

}  // namespace labctl::server
