#pragma once

// The files and the command of a `named` of the lab, all below kDnsDirectory on the capsule's tmpfs.

#include "topology/kernel/process.hpp"

#include <string>
#include <vector>

namespace labctl::nameserver {

// Throws Error Unsupported, naming the package and the setting that does
// without, when this host has no named.
void check_named_is_installed();

// "/run/labctl-dns/NAME".
std::string dns_folder(const std::string& name);
// Makes the folder if need be; a file that is there is replaced whole. Throws Error.
void write_dns_file(const std::string& folder, const std::string& file, const std::string& text);
// A copy of the host's named, made once: AppArmor holds the original to
// folders that are not ours. Throws Error.
void install_named();
// What it has to see of them.
std::vector<kernel::FileBind> named_binds(const std::string& folder);
std::vector<std::string> named_command(const std::string& folder);
// The command that says what named would refuse of `folder`'s configuration and zones.
std::vector<std::string> check_command(const std::string& folder);
// The end of a log as one line; "" when there is none.
std::string last_lines(const std::string& file);

}  // namespace labctl::nameserver
