// The built-in servers' answers to datagrams and the flags of agnhost: answers fit where they are written,
// however small that is, and flags are taken or refused with a reason.

#include "probes/server/agnhost_flags.hpp"
#include "probes/server/text_protocol.hpp"
#include "tests/fuzz/require.hpp"
#include "topology/base/error.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

using labctl::fuzz::require;
using namespace labctl::server;

namespace {

void answer(std::string_view request) {
  const TextService service{"pod/default/web-0", "web-0", Service::NetexecText, {}};
  for (const char* client : {"192.0.2.7", "2001:db8::7"}) {
    for (const std::size_t room : {0, 1, 16, 64, 2048}) {
      std::vector<char> out(room);
      const std::size_t length = answer_text(service, request, *labctl::IpAddress::parse(client), 65535, out);
      require(length <= room, "an answer fits");
    }
  }
}

void read_flags(const std::string& text) {
  std::vector<std::string> words;
  std::istringstream in(text);
  for (std::string word; std::getline(in, word, '\n');) {
    words.push_back(word);
  }
  std::string name = "a";
  int number = 1;
  bool is_on = false;
  std::chrono::milliseconds time{1};
  try {
    AgnhostFlags()
        .add("name", &name)
        .add("number", &number)
        .add("on", &is_on)
        .add("time", &time)
        .parse(words);
  } catch (const labctl::Error& error) {
    require(error.kind() == labctl::ErrorKind::InvalidInput && !error.message().empty(),
            "a refusal says why");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  answer(text);
  read_flags(text);
  return 0;
}
