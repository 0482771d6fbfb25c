#include "topology/model/image_name.hpp"

#include <algorithm>

namespace labctl::model {
namespace {

constexpr std::size_t kNameMax = 255;  // distribution/reference: NameTotalLengthMax
constexpr std::size_t kTagMax = 128;

bool is_lower(char letter) { return (letter >= 'a' && letter <= 'z') || (letter >= '0' && letter <= '9'); }
bool is_word(char letter) { return is_lower(letter) || (letter >= 'A' && letter <= 'Z') || letter == '_'; }

// [a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*
bool is_component(std::string_view text) {
  if (text.empty() || !is_lower(text.front()) || !is_lower(text.back())) {
    return false;
  }
  for (std::size_t at = 0; at < text.size();) {
    if (is_lower(text[at])) {
      ++at;
      continue;
    }
    const std::size_t end = static_cast<std::size_t>(
        std::find_if(text.begin() + static_cast<long>(at), text.end(), is_lower) - text.begin());
    const std::string_view between = text.substr(at, end - at);
    if (between != "." && between != "_" && between != "__" &&
        between.find_first_not_of('-') != std::string_view::npos) {
      return false;
    }
    at = end;
  }
  return true;
}

bool is_path(std::string_view path) {
  for (;;) {
    const std::size_t slash = path.find('/');
    if (!is_component(path.substr(0, slash))) {
      return false;
    }
    if (slash == std::string_view::npos) {
      return true;
    }
    path.remove_prefix(slash + 1);
  }
}

bool is_domain(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char letter) {
    return (is_word(letter) && letter != '_') || letter == '.' || letter == '-' || letter == ':' ||
           letter == '[' || letter == ']';
  });
}

bool is_tag(std::string_view tag) {
  return !tag.empty() && tag.size() <= kTagMax && is_word(tag.front()) &&
         std::all_of(tag.begin(), tag.end(),
                     [](char letter) { return is_word(letter) || letter == '.' || letter == '-'; });
}

bool is_digest(std::string_view digest) {
  const std::size_t colon = digest.find(':');
  return colon != std::string_view::npos && colon > 0 && digest.size() >= colon + 33 &&
         digest.substr(colon + 1).find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
}

// What stands before the first '/' names a registry, if it cannot be a part of a path.
bool is_registry(std::string_view word) {
  return word == "localhost" || word.find_first_of(".:") != std::string_view::npos ||
         std::any_of(word.begin(), word.end(), [](char letter) { return letter >= 'A' && letter <= 'Z'; });
}

}  // namespace

std::optional<std::string> whole_image_name(std::string_view name) {
  std::string_view rest = name;
  std::string_view digest;
  std::string_view tag;
  if (const std::size_t at = rest.find('@'); at != std::string_view::npos) {
    digest = rest.substr(at + 1);
    rest = rest.substr(0, at);
    if (!is_digest(digest)) {
      return std::nullopt;
    }
  }
  const std::size_t last_slash = rest.rfind('/');
  if (const std::size_t colon = rest.rfind(':');
      colon != std::string_view::npos && (last_slash == std::string_view::npos || colon > last_slash)) {
    tag = rest.substr(colon + 1);
    rest = rest.substr(0, colon);
    if (!is_tag(tag)) {
      return std::nullopt;
    }
  }
  std::string_view domain = "docker.io";
  if (const std::size_t slash = rest.find('/');
      slash != std::string_view::npos && is_registry(rest.substr(0, slash))) {
    domain = rest.substr(0, slash);
    rest = rest.substr(slash + 1);
  }
  if (domain == "index.docker.io") {
    domain = "docker.io";
  }
  if (!is_domain(domain) || !is_path(rest) || domain.size() + 1 + rest.size() > kNameMax) {
    return std::nullopt;
  }
  std::string whole(domain);
  whole += domain == "docker.io" && rest.find('/') == std::string_view::npos ? "/library/" : "/";
  whole += rest;
  if (!digest.empty()) {
    return whole + "@" + std::string(digest);
  }
  return whole + ":" + std::string(tag.empty() ? "latest" : tag);
}

bool is_image_named(std::string_view kept, std::string_view wanted) {
  const std::optional<std::string> whole = whole_image_name(wanted);
  if (!whole) {
    return false;
  }
  if (kept.find_first_of("/:@") == std::string_view::npos && is_tag(kept)) {
    // A name without a tag and a tag look alike.
    return whole->ends_with(":" + std::string(kept)) || whole_image_name(kept) == whole;
  }
  constexpr std::string_view kLocal = "localhost/";
  return whole_image_name(kept) == whole ||
         (kept.starts_with(kLocal) && whole_image_name(kept.substr(kLocal.size())) == whole);
}

}  // namespace labctl::model
