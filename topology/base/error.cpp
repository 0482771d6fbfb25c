#include "topology/base/error.hpp"

#include "topology/base/with_reason.hpp"

#include <cerrno>
#include <cstring>
#include <utility>

namespace labctl {
namespace {

ErrorKind kind_of(int errno_value) {
  switch (errno_value) {
    case EPERM:
    case EACCES:
      return ErrorKind::Permission;
    case EEXIST:
      return ErrorKind::AlreadyExists;
    case ENOENT:
    case ESRCH:
    case ENODEV:
    case ENXIO:
      return ErrorKind::NotFound;
    case EOPNOTSUPP:
    case ENOSYS:
    case EPROTONOSUPPORT:
    case EAFNOSUPPORT:
      return ErrorKind::Unsupported;
    case EBUSY:
    case EADDRINUSE:
      return ErrorKind::Busy;
    case ETIMEDOUT:
      return ErrorKind::Timeout;
    default:
      return ErrorKind::Kernel;
  }
}

}  // namespace

std::string_view to_string(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::InvalidInput:
      return "InvalidInput";
    case ErrorKind::NotFound:
      return "NotFound";
    case ErrorKind::AlreadyExists:
      return "AlreadyExists";
    case ErrorKind::Permission:
      return "Permission";
    case ErrorKind::Unsupported:
      return "Unsupported";
    case ErrorKind::Timeout:
      return "Timeout";
    case ErrorKind::Busy:
      return "Busy";
    case ErrorKind::Kernel:
      return "Kernel";
    case ErrorKind::Internal:
      return "Internal";
  }
  return "Internal";
}

Error::Error(ErrorKind kind, std::string message, std::string hint)
    : kind_(kind), message_(with_reason(std::move(message))), hint_(std::move(hint)) {}

Error Error::from_errno(int errno_value, std::string_view act, std::string hint) {
  std::string message(act);
  message += ": ";
  message += ::strerrordesc_np(errno_value) != nullptr ? ::strerrordesc_np(errno_value) : "Unknown error";
  message += " (" + errno_name(errno_value) + ")";
  Error error(kind_of(errno_value), std::move(message), std::move(hint));
  error.errno_value_ = errno_value;
  return error;
}

Error& Error::add_frame(std::string_view place) {
  message_ = std::string(place) + ": " + message_;
  return *this;
}

std::string errno_name(int errno_value) {
  const char* name = ::strerrorname_np(errno_value);
  return name != nullptr ? std::string(name) : std::to_string(errno_value);
}

}  // namespace labctl
