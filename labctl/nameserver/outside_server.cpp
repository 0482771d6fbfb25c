#include "labctl/nameserver/outside_server.hpp"

#include "labctl/nameserver/named_files.hpp"
#include "topology/base/error.hpp"
#include "topology/base/process_end.hpp"
#include "topology/dns/named_conf.hpp"
#include "topology/kernel/capsule.hpp"

#include <fcntl.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <utility>

namespace labctl::nameserver {
namespace {

constexpr std::chrono::milliseconds kAgainAfter{500};
constexpr std::chrono::milliseconds kAgainAfterMax{30'000};

}  // namespace

OutsideServer::OutsideServer(loop::EventLoop& loop, kernel::Reaper& reaper, const model::Cluster& cluster,
                             const kernel::HostTree& tree, std::chrono::milliseconds patience)
    : loop_(loop),
      reaper_(reaper),
      cluster_(cluster),
      tree_(tree),
      folder_(dns_folder("outside")),
      journal_({"."}),
      patience_(patience),
      again_after_(kAgainAfter) {}

OutsideServer::~OutsideServer() {
  loop_.cancel(again_);
  if (child_.pid() > 0) {
    reaper_.forget(child_.pid());
  }
}

void OutsideServer::start(int router_netns_fd) {
  netns_fd_ = router_netns_fd;
  install_named();
  updater_.emplace(loop_, journal_, netns_fd_,
                   ZoneUpdater::Hooks{[this] { on_ready(); }, [](const auto&, const auto&) {},
                                      [this](const std::string& why) { on_failed(why); }},
                   patience_);
  spawn();
}

// The files are written each time: what spoilt them last time may be over.
void OutsideServer::spawn() {
  const std::vector<IpAddress> addresses = model::outside_dns_addresses(cluster_);
  std::vector<IpAddress> listen_on = addresses;
  listen_on.push_back(*IpAddress::parse("127.0.0.1"));  // where it is asked whether it is there
  write_dns_file(folder_, "named.conf", dns::outside_named_conf(folder_, listen_on));
  write_dns_file(folder_, dns::zone_file_name("."), dns::outside_zone(cluster_.outside, addresses));
  const UniqueFd log(
      ::open((folder_ + "/log").c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600));
  if (!log) {
    throw Error::from_errno(errno, "open " + folder_ + "/log");
  }
  kernel::ProcessOptions options;
  options.argv = named_command(folder_);
  options.netns_fd = netns_fd_;
  options.out = kernel::Stdio::from(log.get());
  options.err = kernel::Stdio::from(log.get());
  options.view.emplace(tree_);  // what can look into this process sees no more than it
  options.view->binds = named_binds(folder_);
  options.capabilities = kernel::CapabilityPolicy::Container;
  child_ = kernel::spawn(options);
  reaper_.watch(child_.pid(), [this](kernel::ExitStatus status) { on_ended(status); });
  updater_->started({0});
}

void OutsideServer::on_ready() {
  again_after_ = kAgainAfter;
  ends_in_vain_ = 0;
  last_end_.clear();
}

void OutsideServer::on_ended(kernel::ExitStatus status) {
  child_.release();
  last_end_ = with_last_words("it ended with " + end_in_words(status.code, status.signal));
  spdlog::warn("outside DNS server: {}; it is started again", last_end_);
  ++ends_in_vain_;
  updater_->stopped();
  spawn_later();
}

void OutsideServer::on_failed(const std::string& why) {
  spdlog::error("outside DNS server: {}; it is started again", with_last_words(why));
  if (child_.pid() > 0) {
    child_.signal(SIGKILL);  // and on_ended()
  }
}

void OutsideServer::spawn_later() {
  loop_.cancel(again_);
  again_ = loop_.call_after(again_after_, [this] {
    again_ = 0;
    try {
      spawn();
    } catch (const Error& error) {
      spdlog::error("outside DNS server: {}", error.what());
      last_end_ = error.what();
      spawn_later();
    }
  });
  again_after_ = std::min(2 * again_after_, kAgainAfterMax);
}

std::string OutsideServer::trouble() const {
  if (child_.pid() <= 0) {
    return last_end_.empty() ? "it was not started" : last_end_;
  }
  return with_last_words(updater_->trouble()) + (last_end_.empty() ? "" : "; before that " + last_end_);
}

std::string OutsideServer::with_last_words(const std::string& what) const {
  const std::string words = last_lines(folder_ + "/log");
  return what + (words.empty() ? ", without a word" : ": " + words);
}

}  // namespace labctl::nameserver
