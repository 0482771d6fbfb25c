#include "labctl/supervisor/outside_dns.hpp"

#include "labctl/supervisor/named_files.hpp"
#include "topology/base/error.hpp"
#include "topology/dns/named_conf.hpp"

#include <fcntl.h>
#include <spdlog/spdlog.h>

#include <cerrno>
#include <utility>

namespace labctl::supervisor {
namespace {

constexpr std::chrono::seconds kAgainAfter{1};

}  // namespace

OutsideDns::OutsideDns(controllers::EventLoop& loop, kernel::Reaper& reaper, const model::Cluster& cluster)
    : loop_(loop), reaper_(reaper), cluster_(cluster), folder_(dns_folder("outside")), journal_({"."}) {}

OutsideDns::~OutsideDns() {
  loop_.cancel(again_);
  if (child_.pid() > 0) {
    reaper_.forget(child_.pid());
  }
}

void OutsideDns::start(int router_netns_fd) {
  netns_fd_ = router_netns_fd;
  const std::vector<IpAddress> addresses = model::outside_dns_addresses(cluster_);
  std::vector<IpAddress> listen_on = addresses;
  listen_on.push_back(*IpAddress::parse("127.0.0.1"));  // where it is asked whether it is there
  write_dns_file(folder_, "named.conf", dns::outside_named_conf(folder_, listen_on));
  write_dns_file(folder_, dns::zone_file_name("."), dns::outside_zone(cluster_.outside, addresses));
  install_named();
  updater_.emplace(loop_, journal_, netns_fd_,
                   DnsUpdater::Hooks{[] {}, [](const auto&, const auto&, const auto&) {},
                                     [this](const std::string& why) {
                                       spdlog::error("outside DNS server: {}: {}", why, last_words());
                                     }});
  spawn();
}

void OutsideDns::spawn() {
  const UniqueFd log(::open((folder_ + "/log").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (!log) {
    throw Error::from_errno(errno, "open " + folder_ + "/log");
  }
  kernel::ProcessOptions options;
  options.argv = named_command(folder_);
  options.netns_fd = netns_fd_;
  options.out = kernel::Stdio::from(log.get());
  options.err = kernel::Stdio::from(log.get());
  options.capabilities = kernel::CapabilityPolicy::Container;
  child_ = kernel::spawn(options);
  updater_->started({0});
  reaper_.watch(child_.pid(), [this](kernel::ExitStatus status) {
    child_.release();
    spdlog::warn("outside DNS server: ended with {}, starts again: {}", status.exit_code(), last_words());
    spawn_later();
  });
}

void OutsideDns::spawn_later() {
  again_ = loop_.call_after(kAgainAfter, [this] {
    try {
      spawn();
    } catch (const Error& error) {
      spdlog::error("outside DNS server: {}", error.what());
      spawn_later();
    }
  });
}

std::string OutsideDns::last_words() const { return last_lines(folder_ + "/log"); }

}  // namespace labctl::supervisor
