#pragma once

// What a request says, read typed and within its bounds at the door. Whatever is of another type, out of its
// range, missing or unknown is told with its path, all of one body together:
//
//   Mistakes mistakes;
//   Fields fields(body, "", mistakes);
//   wanted.name = fields.required_text("name");
//   wanted.port = fields.number("port", kPort, 80);
//   fields.close();
//   mistakes.throw_if_any();      // port: 65616: a port is 1 to 65535
//
// A field that is null counts as absent. After a mistake a reader returns
// the default, so that reading goes on.

#include "topology/base/error.hpp"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace labctl::api {

// Parses JSON (RFC 8259, UTF-8), nested at most 64 deep: what goes through here is copied and written by
// functions that call themselves. Throws Error: InvalidInput, beginning with `what`.
nlohmann::json parse_json(std::string_view text, const std::string& what);

class Mistakes {
 public:
  void add(const std::string& path, const std::string& rule);
  // With the value, cut where it is long.
  void add(const std::string& path, const nlohmann::json& value, const std::string& rule);
  bool empty() const { return said_.empty(); }
  // Throws Error InvalidInput that says the first few.
  void throw_if_any() const;

 private:
  std::vector<std::string> said_;
};

// The whole numbers that a field may have. `noun` is said of one that is out of it: "a port is 1 to 65535".
struct Range {
  std::int64_t min = 0;
  std::int64_t max = 0;
  std::string_view noun = "it";
};
inline constexpr Range kPort{1, 65535, "a port"};
inline constexpr Range kPortOrNone{0, 65535, "a port"};  // 0: none is named

// The fields of one object. Borrows what it is given.
class Fields {
 public:
  // `path` is the object's own: empty for a whole body, "http", "probes[3]".
  Fields(const nlohmann::json& object, std::string path, Mistakes& mistakes);

  // Null when absent.
  const nlohmann::json* find(const char* name);
  std::string text(const char* name, std::string otherwise = {});
  // Not empty.
  std::string required_text(const char* name);
  std::int64_t number(const char* name, const Range& range, std::int64_t otherwise);
  bool flag(const char* name, bool otherwise = false);
  // An array of strings.
  std::vector<std::string> texts(const char* name);
  // An object of strings.
  std::vector<std::pair<std::string, std::string>> text_map(const char* name);
  // An object in the object; nothing when absent.
  std::optional<Fields> object(const char* name);
  // An array of objects.
  std::vector<Fields> objects(const char* name);

  void mistake(const char* name, const std::string& rule);
  std::string path_of(std::string_view name) const;

  // Everything has been asked for: any other field is unknown.
  void close();

 private:
  const nlohmann::json* object_ = nullptr;  // null: it was none
  std::string path_;
  Mistakes* mistakes_;
  std::vector<std::string_view> known_;
};

// What `read(mistakes)` makes of what the lab has said. The lab is the author of that: what is wrong with it
// is Error Internal.
template <typename Read>
auto read_reply(const Read& read) {
  try {
    Mistakes mistakes;
    auto value = read(mistakes);
    mistakes.throw_if_any();
    return value;
  } catch (const Error& error) {
    throw Error(ErrorKind::Internal, "reply of the lab: " + error.message());
  }
}

}  // namespace labctl::api
