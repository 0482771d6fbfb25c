#include "labctl/report/exit_code.hpp"

namespace labctl::report {

int exit_code(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::InvalidInput:
    case ErrorKind::NotFound:
    case ErrorKind::AlreadyExists:
      return kUsage;
    case ErrorKind::Permission:
    case ErrorKind::Unsupported:
      return kHost;
    case ErrorKind::Timeout:
      return kTimedOut;
    case ErrorKind::Busy:
    case ErrorKind::Kernel:
    case ErrorKind::Internal:
      return kNotBuilt;
  }
  return kNotBuilt;
}

}  // namespace labctl::report
