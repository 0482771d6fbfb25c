#include "labctl/nameserver/named_files.hpp"

#include "labctl/nameserver/dns_objects.hpp"
#include "topology/base/error.hpp"
#include "topology/kernel/program_lookup.hpp"

#include <algorithm>
#include <cerrno>
#include <deque>
#include <filesystem>
#include <fstream>

namespace labctl::nameserver {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLastLines = 3;

std::string named_copy() { return std::string(kDnsDirectory) + "/named"; }

// Ordinary users' PATH often lacks the folders of servers.
std::string host_program(const std::string& name) {
  return kernel::find_program(name, kernel::kDefaultPath, "/", "");
}

}  // namespace

void check_named_is_installed() {
  try {
    host_program("named");
  } catch (const Error&) {
    throw Error(
        ErrorKind::Unsupported, "this host has no DNS server: named is not installed",
        "install it: apt-get install bind9; or turn the lab's DNS off: dns: {enabled: false} in the Cluster");
  }
}

std::string dns_folder(const std::string& name) { return std::string(kDnsDirectory) + "/" + name; }

void write_dns_file(const std::string& folder, const std::string& file, const std::string& text) {
  std::error_code failure;
  fs::create_directories(folder, failure);
  const std::string path = folder + "/" + file;
  const std::string beside = path + ".new";
  std::ofstream out(beside, std::ios::trunc | std::ios::binary);
  out << text;
  out.close();
  if (out) {
    fs::rename(beside, path, failure);
  }
  if (!out || failure) {
    throw Error::from_errno(failure ? failure.value() : errno, "write " + path);
  }
  fs::remove(path + ".jnl", failure);  // changes of what stood there before
}

void install_named() {
  if (!fs::exists(named_copy())) {
    std::error_code failure;
    fs::create_directories(kDnsDirectory, failure);
    // Beside first: where there is no room for all of it, it must not seem to be there.
    const std::string beside = named_copy() + ".new";
    fs::copy_file(host_program("named"), beside, fs::copy_options::overwrite_existing, failure);
    if (!failure) {
      fs::rename(beside, named_copy(), failure);
    }
    if (failure) {
      throw Error::from_errno(failure.value(), "copy named to " + named_copy());
    }
  }
}

std::vector<kernel::FileBind> named_binds(const std::string& folder) {
  return {{named_copy(), named_copy(), true}, {folder, folder, false}};
}

std::vector<std::string> named_command(const std::string& folder) {
  return {named_copy(), "-f", "-n", "1", "-c", folder + "/named.conf"};
}

std::vector<std::string> check_command(const std::string& folder) {
  return {host_program("named-checkconf"), "-z", folder + "/named.conf"};
}

std::string last_lines(const std::string& file) {
  std::ifstream in(file);
  std::deque<std::string> lines;
  for (std::string line; std::getline(in, line);) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) {
      continue;
    }
    lines.push_back(line);
    if (lines.size() > kLastLines) {
      lines.pop_front();
    }
  }
  std::string text;
  for (const std::string& line : lines) {
    text += (text.empty() ? "" : "; ") + line;
  }
  return text;
}

}  // namespace labctl::nameserver
