#pragma once

// The one exception type. A failure carries what kind it is (which decides the exit code and the HTTP
// status), what happened, the errno if the kernel gave one, how to mend it, and the places it passed on
// the way up. Libraries' own exceptions become Error in the room that owns the library.

#include <exception>
#include <string>
#include <string_view>
#include <vector>

namespace labctl {

enum class ErrorKind {
  InvalidInput,
  NotFound,
  AlreadyExists,
  Permission,
  Unsupported,
  Timeout,
  Busy,
  Kernel,
  Internal
};

// "InvalidInput", ...: the stable code in JSON output.
std::string_view to_string(ErrorKind kind);

class Error : public std::exception {
 public:
  // `message` reads "act: cause", without a full stop; `hint` says how to mend it, or is empty.
  Error(ErrorKind kind, std::string message, std::string hint = {});

  // From an errno: the kind follows it (EPERM and EACCES: Permission, EEXIST: AlreadyExists, ENOENT:
  // NotFound, EOPNOTSUPP and friends: Unsupported, EBUSY: Busy, ETIMEDOUT: Timeout, else Kernel), and the
  // message becomes "act: File exists (EEXIST)".
  static Error from_errno(int errno_value, std::string_view act, std::string hint = {});

  // Adds the place the error passed through: "pod web-0" makes "pod web-0: act: cause".
  Error& add_frame(std::string_view place);

  ErrorKind kind() const noexcept { return kind_; }
  // 0 when no system call failed.
  int errno_value() const noexcept { return errno_value_; }
  const std::string& message() const noexcept { return message_; }
  const std::string& hint() const noexcept { return hint_; }
  const char* what() const noexcept override { return message_.c_str(); }

 private:
  ErrorKind kind_;
  int errno_value_ = 0;
  std::string message_;
  std::string hint_;
};

// The symbolic name of an errno, such as "EEXIST".
std::string errno_name(int errno_value);

}  // namespace labctl
