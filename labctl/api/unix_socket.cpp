#include "labctl/api/unix_socket.hpp"

#include "labctl/api/private_folder.hpp"
#include "topology/base/error.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace labctl::api {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// `name` in an open folder, which must live until the call that uses the address.
sockaddr_un address_in(const UniqueFd& folder, const std::string& name) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string text = "/proc/self/fd/" + std::to_string(folder.get()) + "/" + name;
  if (text.size() >= sizeof address.sun_path) {
    throw Error(ErrorKind::InvalidInput, "socket " + name + ": file name too long");
  }
  std::memcpy(address.sun_path, text.c_str(), text.size() + 1);
  return address;
}

UniqueFd stream_socket() {
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) {
    throw Error::from_errno(errno, "make a Unix socket");
  }
  return fd;
}

// For connect(2), which waits where the listener's queue is full; zero is no limit.
void limit_connect(const UniqueFd& fd, milliseconds patience) {
  const timeval limit{.tv_sec = patience.count() / 1000, .tv_usec = patience.count() % 1000 * 1000};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

void connect_in_time(const UniqueFd& fd, const sockaddr_un& address, const std::string& act,
                     milliseconds patience) {
  const auto deadline = steady_clock::now() + patience;
  for (;;) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now());
    limit_connect(fd, std::max(left, milliseconds(1)));
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
      limit_connect(fd, milliseconds(0));
      return;
    }
    if (errno == EAGAIN) {
      throw Error(ErrorKind::Timeout, act + ": not taken in " + std::to_string(patience.count()) + " ms");
    }
    if (errno != EINTR) {
      // A socket file whose owner was killed refuses: for the caller, nobody is there.
      throw Error::from_errno(errno == ECONNREFUSED ? ENOENT : errno, act);
    }
  }
}

// The kernel keeps with a socket who called listen(2) on it. A user namespace of the listener's own changes
// nothing: the id is told as we see it.
void check_listener(const UniqueFd& fd, const std::filesystem::path& path) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
    throw Error::from_errno(errno, "ask who listens on " + path.string());
  }
  if (peer.uid != ::geteuid()) {
    throw Error(ErrorKind::Permission,
                path.string() + ": user " + std::to_string(peer.uid) + " listens there, not this one");
  }
}

}  // namespace

UniqueFd listen_unix(const UniqueFd& folder, const std::string& name, int backlog) {
  const sockaddr_un address = address_in(folder, name);
  UniqueFd fd = stream_socket();
  // On Linux the socket's own mode becomes the file's at bind(2): no moment in which others could connect.
  if (::fchmod(fd.get(), 0600) < 0) {
    throw Error::from_errno(errno, "set the mode of " + name);
  }
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0) {
    const int code = errno == EADDRINUSE ? EEXIST : errno;
    throw Error::from_errno(code, "bind " + name);
  }
  if (::listen(fd.get(), backlog) < 0) {
    throw Error::from_errno(errno, "listen on " + name);
  }
  return fd;
}

UniqueFd listen_unix(const std::filesystem::path& path, int backlog) {
  const std::filesystem::path parent = path.parent_path();
  const UniqueFd folder(::open(parent.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!folder) {
    throw Error::from_errno(errno, "open " + parent.string());
  }
  return listen_unix(folder, path.filename().string(), backlog);
}

UniqueFd connect_unix(const std::filesystem::path& path, milliseconds patience) {
  const std::filesystem::path lab = path.parent_path();
  const UniqueFd root = open_private_folder(lab.parent_path());
  const UniqueFd folder = open_private_folder(root, lab.filename().string(), lab);
  const std::string name = path.filename().string();
  struct stat status {};
  if (::fstatat(folder.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
    throw Error::from_errno(errno, "connect to " + path.string());
  }
  if (!S_ISSOCK(status.st_mode)) {
    throw Error(ErrorKind::Kernel, "connect to " + path.string() + ": not a socket");
  }
  UniqueFd fd = stream_socket();
  connect_in_time(fd, address_in(folder, name), "connect to " + path.string(), patience);
  check_listener(fd, path);
  return fd;
}

}  // namespace labctl::api
