#pragma once

// Command-line flags as agnhost reads them (spf13/pflag, long flags only): --name=value, --name value, and
// for booleans --name and --name=false. "--" ends the flags; other words are positional. Pure.

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace labctl::server {

class AgnhostFlags {
 public:
  // Each takes the default from what `target` holds; the pointers must live until parse() has returned.
  AgnhostFlags& add(std::string name, std::string* target);
  AgnhostFlags& add(std::string name, int* target);
  AgnhostFlags& add(std::string name, bool* target);
  AgnhostFlags& add(std::string name, std::chrono::milliseconds* target);

  // Returns the positional words. Throws Error (InvalidInput) in pflag's words: "unknown flag: --x",
  // "flag needs an argument: --x", "invalid argument "a" for "--x" flag: ...".
  std::vector<std::string> parse(const std::vector<std::string>& words) const;

 private:
  using Target = std::variant<std::string*, int*, bool*, std::chrono::milliseconds*>;
  struct Flag {
    std::string name;
    Target target;
  };
  const Flag& find(std::string_view name) const;

  std::vector<Flag> flags_;
};

}  // namespace labctl::server
