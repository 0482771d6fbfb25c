#include "probes/server/text_protocol.hpp"

#include <arpa/inet.h>
#include <strings.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace labctl::server {
namespace {

class Writer {
 public:
  explicit Writer(std::span<char> out) : out_(out) {}
  Writer& add(std::string_view text) noexcept {
    const std::size_t part = std::min(text.size(), out_.size() - used_);
    std::copy_n(text.data(), part, out_.data() + used_);
    used_ += part;
    return *this;
  }
  std::size_t used() const noexcept { return used_; }

 private:
  std::span<char> out_;
  std::size_t used_ = 0;
};

std::string_view trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n\v\f";
  const auto first = text.find_first_not_of(kSpace);
  return first == std::string_view::npos ? std::string_view{}
                                         : text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

bool same_word(std::string_view a, std::string_view b) {
  return a.size() == b.size() && ::strncasecmp(a.data(), b.data(), b.size()) == 0;
}

}  // namespace

std::size_t write_endpoint(const IpAddress& address, std::uint16_t port, std::span<char> out) noexcept {
  char text[INET6_ADDRSTRLEN];
  char digits[8];
  ::inet_ntop(address.af(), address.bytes().data(), text, sizeof text);
  const auto end = std::to_chars(digits, digits + sizeof digits, port).ptr;
  const bool brackets = address.family() == Family::IPv6;
  return Writer(out)
      .add(brackets ? "[" : "")
      .add(text)
      .add(brackets ? "]:" : ":")
      .add({digits, static_cast<std::size_t>(end - digits)})
      .used();
}

std::size_t answer_text(const TextService& service, std::string_view request, const IpAddress& client,
                        std::uint16_t client_port, std::span<char> out) noexcept {
  char seen[INET6_ADDRSTRLEN + 10];
  const auto client_text = [&] { return std::string_view(seen, write_endpoint(client, client_port, seen)); };
  constexpr std::string_view kProbe = "labctl-probe ";
  constexpr std::size_t kMaxToken = 64;
  Writer writer(out);
  if (request.starts_with(kProbe)) {
    const std::string_view token = trim(request.substr(kProbe.size()));
    if (token.size() <= kMaxToken) {
      return writer.add(kProbe).add(token).add(" ").add(service.pod_id).add(" ").add(client_text()).used();
    }
  }
  switch (service.service) {
    case Service::FixedText:
      return writer.add(service.text).used();
    case Service::HostnameText:
      return writer.add(service.hostname).used();
    case Service::NetexecText: {
      const std::string_view text = trim(request);
      if (same_word(text, "hostname")) {
        return writer.add(service.hostname).used();
      }
      if (same_word(text, "clientip")) {
        return writer.add(client_text()).used();
      }
      if (text.size() > 5 && same_word(text.substr(0, 5), "echo ")) {
        return writer.add(text.substr(5)).used();
      }
      return 0;
    }
    case Service::NetexecHttp:
    case Service::StandInHttp:
    case Service::FixedHttp:
    case Service::StatusHttp:
    case Service::MethodHttp:
    case Service::HostnameHttp:
    case Service::NoSnatHttp:
    case Service::ResetAfterOne:
      return 0;
  }
  return 0;
}

}  // namespace labctl::server
