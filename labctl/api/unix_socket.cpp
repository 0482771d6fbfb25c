#include "labctl/api/unix_socket.hpp"

#include "topology/base/error.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>
#include <string>

namespace labctl::api {
namespace {

// An address for `path`. Where it does not fit into sun_path, its folder is opened (into `folder`, which must
// live until the call that uses the address) and named through /proc/self/fd.
sockaddr_un address_of(const std::filesystem::path& path, UniqueFd& folder) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::string text = path.string();
  if (text.size() >= sizeof address.sun_path) {
    const std::filesystem::path parent = path.parent_path();
    folder.reset(::open(parent.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!folder) {
      throw Error::from_errno(errno, "open " + parent.string());
    }
    text = "/proc/self/fd/" + std::to_string(folder.get()) + "/" + path.filename().string();
  }
  if (text.size() >= sizeof address.sun_path) {
    throw Error(ErrorKind::InvalidInput, "socket " + path.string() + ": file name too long");
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

}  // namespace

UniqueFd listen_unix(const std::filesystem::path& path, int backlog) {
  UniqueFd folder;
  const sockaddr_un address = address_of(path, folder);
  UniqueFd fd = stream_socket();
  // On Linux the socket's own mode becomes the file's at bind(2): no moment in which others could connect.
  if (::fchmod(fd.get(), 0600) < 0) {
    throw Error::from_errno(errno, "set the mode of " + path.string());
  }
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0) {
    const int code = errno == EADDRINUSE ? EEXIST : errno;
    throw Error::from_errno(code, "bind " + path.string());
  }
  if (::listen(fd.get(), backlog) < 0) {
    throw Error::from_errno(errno, "listen on " + path.string());
  }
  return fd;
}

UniqueFd connect_unix(const std::filesystem::path& path) {
  UniqueFd folder;
  const sockaddr_un address = address_of(path, folder);
  UniqueFd fd = stream_socket();
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0) {
    // A socket file whose owner was killed refuses: for the caller, nobody is there.
    throw Error::from_errno(errno == ECONNREFUSED ? ENOENT : errno, "connect to " + path.string());
  }
  return fd;
}

}  // namespace labctl::api
