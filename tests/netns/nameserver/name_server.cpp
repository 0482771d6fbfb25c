#include "tests/netns/nameserver/name_server.hpp"

#include "labctl/nameserver/named_files.hpp"
#include "probes/protocol/dns.hpp"
#include "tests/netns/process/capsule_fixture.hpp"
#include "topology/base/error.hpp"
#include "topology/base/ip_address.hpp"
#include "topology/dns/named_conf.hpp"
#include "topology/dns/service_records.hpp"
#include "topology/kernel/capsule.hpp"
#include "topology/kernel/host_tree.hpp"
#include "topology/kernel/network_namespace.hpp"

#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <span>
#include <utility>

namespace labctl::nameserver::testing {
namespace {

constexpr std::uint16_t kPort = 53;
constexpr const char* kClusterDomain = "cluster.local";
constexpr const char* kServerName = "ns.dns.cluster.local.";

}  // namespace

std::string why_no_named() {
  try {
    check_named_is_installed();
    return {};
  } catch (const Error& error) {
    return error.what();
  }
}

NameServer::NameServer(const std::string& name)
    : folder_(dns_folder(name)),
      netns_(kernel::testing::make_pod_namespace("eth0")),
      book_({std::string(kClusterDomain) + ".", "96.10.in-addr.arpa."}),
      journal_(book_.zones()) {
  install_named();
  set("schema", dns::schema_records(kClusterDomain, {*IpAddress::parse("10.96.0.10")}));
}

std::vector<ZoneJournal::Position> NameServer::ends() const {
  std::vector<ZoneJournal::Position> positions;
  for (std::size_t zone = 0; zone < journal_.zones().size(); ++zone) {
    positions.push_back(journal_.end(zone));
  }
  return positions;
}

void NameServer::set(const std::string& owner, std::vector<dns::Record> records) {
  for (dns::ZoneChange& change : book_.set(owner, std::move(records))) {
    journal_.add(owner, std::move(change));
  }
}

void NameServer::trim(const std::vector<ZoneJournal::Position>& at) {
  for (std::size_t zone = 0; zone < at.size(); ++zone) {
    journal_.trim(zone, at[zone]);
  }
}

void NameServer::write_files() {
  dns::ServerConfig config;
  config.directory = folder_;
  config.zones = book_.zones();
  write_dns_file(folder_, "named.conf", dns::cluster_named_conf(config));
  for (std::size_t zone = 0; zone < config.zones.size(); ++zone) {
    write_dns_file(folder_, dns::zone_file_name(config.zones[zone]), book_.zone_file(zone, kServerName));
  }
}

void NameServer::write_broken_zone() const {
  write_dns_file(folder_, dns::zone_file_name(journal_.zones()[0]), "this is no zone\n");
}

void NameServer::move_to_small_disk() const {
  std::filesystem::create_directories(folder_);
  EXPECT_EQ(::mount("tmpfs", folder_.c_str(), "tmpfs", 0, "size=256k"), 0);
}

void NameServer::fill_disk() const {
  std::ofstream file(folder_ + "/fill", std::ios::app);
  const std::string page(4096, 'x');
  while (file.write(page.data(), static_cast<std::streamsize>(page.size())).flush()) {
  }
}

void NameServer::free_disk() const { std::filesystem::remove(folder_ + "/fill"); }

void NameServer::say_again(RefusedChanges& changes) { changes.say_again(book_, journal_); }

void NameServer::start() {
  kernel::ProcessOptions options;
  options.argv = named_command(folder_);
  options.netns_fd = netns_.get();
  const kernel::HostTree tree = kernel::HostTree::create({});
  options.view.emplace(tree);
  options.view->binds = named_binds(folder_);
  process_ = kernel::spawn(options);
}

void NameServer::kill() {
  process_.signal(SIGKILL);
  process_.wait();
}

void NameServer::pause() const {
  process_.signal(SIGSTOP);
  siginfo_t info{};
  ::waitid(P_PID, static_cast<id_t>(process_.pid()), &info, WSTOPPED);
}

void NameServer::resume() const { process_.signal(SIGCONT); }

std::vector<std::string> NameServer::ask(const std::string& name, const std::string& type) const {
  const kernel::NamespaceScope scope(netns_.get());
  const UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const timeval patience{5, 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  sockaddr_storage server{};
  const socklen_t length = IpAddress::loopback(Family::IPv4).to_sockaddr(kPort, server);
  protocol::DnsQuestion question;
  question.name = name;
  question.type = type;
  const std::vector<std::uint8_t> query = protocol::encode_dns_query(question, 1);
  std::array<std::uint8_t, 65536> buffer;
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&server), length) != 0 ||
      ::send(fd.get(), query.data(), query.size(), 0) < 0) {
    return {"silent"};
  }
  const ssize_t size = ::recv(fd.get(), buffer.data(), buffer.size(), 0);
  if (size < 0) {
    return {"silent"};
  }
  const protocol::DnsReply reply = protocol::decode_dns_reply(
      std::span<const std::uint8_t>(buffer).first(static_cast<std::size_t>(size)), question, 1);
  if (reply.rcode != "NOERROR") {
    return {reply.rcode};
  }
  std::vector<std::string> data;
  for (const std::string& record : reply.answer) {
    data.push_back(record.substr(record.rfind(' ') + 1));
  }
  std::sort(data.begin(), data.end());
  return data;
}

}  // namespace labctl::nameserver::testing
