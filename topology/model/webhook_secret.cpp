#include "topology/model/webhook_secret.hpp"

#include "topology/model/host_programs.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace labctl::model {
namespace {

constexpr std::string_view kProgram = "kube-webhook-certgen";
constexpr std::size_t kNameMax = 253;
constexpr std::size_t kHostsMax = 100;

bool is_letter_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

// RFC 1123, as names of Secrets are.
bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= kNameMax && is_letter_or_digit(text.front()) &&
         is_letter_or_digit(text.back()) && std::all_of(text.begin(), text.end(), [](char c) {
           return is_letter_or_digit(c) || c == '-' || c == '.';
         });
}

// Of the data of a Secret, and of hosts: nothing that could be read as more than one.
bool is_word(std::string_view text) {
  return !text.empty() && text.size() <= kNameMax && std::all_of(text.begin(), text.end(), [](char c) {
    return is_letter_or_digit(c) || (c >= 'A' && c <= 'Z') || c == '-' || c == '.' || c == '_';
  });
}

// Of --name=value, or of --name and what follows it; nothing where it is not said.
std::optional<std::string> option(const std::vector<std::string>& words, const std::string& name) {
  std::optional<std::string> value;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i].starts_with(name + "=")) {
      value = words[i].substr(name.size() + 1);
    } else if (words[i] == name && i + 1 < words.size()) {
      value = words[i + 1];
    }
  }
  return value;
}

std::vector<std::string> hosts_in(std::string_view list) {
  std::vector<std::string> hosts;
  while (!list.empty() && hosts.size() < kHostsMax) {
    const std::size_t comma = list.find(',');
    if (const std::string_view host = list.substr(0, comma); is_word(host)) {
      hosts.emplace_back(host);
    }
    list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
  }
  return hosts;
}

}  // namespace

std::optional<WebhookSecret> webhook_secret_of(std::string_view image,
                                               const std::vector<std::string>& words) {
  if (short_image_name(image) != kProgram || std::find(words.begin(), words.end(), "create") == words.end()) {
    return std::nullopt;
  }
  WebhookSecret secret;
  secret.ns = option(words, "--namespace").value_or("");
  secret.name = option(words, "--secret-name").value_or("");
  secret.hosts = hosts_in(option(words, "--host").value_or(""));
  secret.ca_key = option(words, "--ca-name").value_or(secret.ca_key);
  secret.certificate_key = option(words, "--cert-name").value_or(secret.certificate_key);
  secret.key_key = option(words, "--key-name").value_or(secret.key_key);
  const bool is_sound = is_name(secret.name) && is_word(secret.ca_key) && is_word(secret.certificate_key) &&
                        is_word(secret.key_key);
  return is_sound ? std::optional(std::move(secret)) : std::nullopt;
}

}  // namespace labctl::model
