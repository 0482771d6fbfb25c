// A running named that follows the journal: the real server, the real messages.

#include "labctl/nameserver/zone_updater.hpp"

#include "labctl/loop/main_loop.hpp"
#include "labctl/nameserver/refused_changes.hpp"
#include "tests/netns/nameserver/name_server.hpp"
#include "tests/netns/process/capsule_fixture.hpp"
#include "topology/base/ip_address.hpp"
#include "topology/base/unique_fd.hpp"
#include "topology/kernel/network_namespace.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace labctl::nameserver {
namespace {

using dns::Record;
using dns::RecordType;
using std::chrono::milliseconds;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::NameServer;

Record address_of(const std::string& name, const std::string& address) {
  return {name + ".shop.svc.cluster.local.", RecordType::A, address};
}
Record name_of(const std::string& last, const std::string& name) {
  return {last + ".0.96.10.in-addr.arpa.", RecordType::Ptr, name + ".shop.svc.cluster.local."};
}

// A server and its updater, and what the updater said.
struct Lab {
  explicit Lab(milliseconds patience = ZoneUpdater::kPatience) {
    ZoneUpdater::Hooks hooks;
    hooks.on_ready = [this] { ++ready; };
    hooks.on_refused = [this](const ZoneJournal::Batch& batch, const std::string& rcode) {
      refused.push_back(batch.owner + " " + batch.change.zone + " " + rcode);
      changes.add(batch.owner, batch.change);
    };
    hooks.on_failed = [this](const std::string& why) { failed.push_back(why); };
    updater = std::make_unique<ZoneUpdater>(loop, server.journal(), server.netns_fd(), hooks, patience);
  }
  void start() {
    server.write_files();
    updater->started(server.ends());
    server.start();
    const int before = ready;
    EXPECT_TRUE(runs_until([&] { return ready > before; })) << "the server does not get ready";
  }
  bool runs_until(const std::function<bool()>& is_done, milliseconds within = std::chrono::seconds(60)) {
    return loop.run_until(is_done, std::chrono::steady_clock::now() + within);
  }
  bool catches_up() {
    updater->push();
    return runs_until([this] { return updater->behind() == 0; });
  }

  loop::MainLoop loop;
  NameServer server{"updated"};
  std::unique_ptr<ZoneUpdater> updater;
  int ready = 0;
  std::vector<std::string> refused;
  RefusedChanges changes;
  std::vector<std::string> failed;
};

void with_named(const std::function<void()>& body) {
  if (const std::string why = testing::why_no_named(); !why.empty()) {
    if (std::getenv("LABCTL_NO_SKIP") != nullptr) {
      FAIL() << "may not be skipped: " << why;
    }
    GTEST_SKIP() << why;
  }
  kernel::testing::run_in_capsule(kernel::IdMapping::Single, body);
}

TEST(ZoneUpdater, IsReadyOnceTheZonesAreLoaded) {
  with_named([] {
    Lab lab;
    lab.server.set("one", {address_of("web", "10.96.0.1"), name_of("1", "web")});
    lab.server.write_files();
    lab.updater->started(lab.server.ends());
    EXPECT_FALSE(lab.runs_until([&] { return lab.ready > 0; }, milliseconds(50))) << "nobody is there";
    lab.server.start();
    EXPECT_TRUE(lab.runs_until([&] { return lab.ready > 0; }));
    EXPECT_TRUE(lab.updater->is_ready());
    EXPECT_EQ(lab.updater->behind(), 0U);
    EXPECT_THAT(lab.server.ask("web.shop.svc.cluster.local"), ElementsAre("10.96.0.1"));
    EXPECT_THAT(lab.server.ask("1.0.96.10.in-addr.arpa", "PTR"), ElementsAre("web.shop.svc.cluster.local."));
    EXPECT_THAT(lab.failed, IsEmpty());
  });
}

TEST(ZoneUpdater, TellsTheServerWhatChanges) {
  with_named([] {
    Lab lab;
    lab.start();
    EXPECT_THAT(lab.server.ask("web.shop.svc.cluster.local"), ElementsAre("NXDOMAIN"));
    lab.server.set("one", {address_of("web", "10.96.0.1"), name_of("1", "web")});
    EXPECT_EQ(lab.updater->behind(), 2U);
    EXPECT_TRUE(lab.catches_up());
    EXPECT_THAT(lab.server.ask("web.shop.svc.cluster.local"), ElementsAre("10.96.0.1"));
    EXPECT_THAT(lab.server.ask("1.0.96.10.in-addr.arpa", "PTR"), ElementsAre("web.shop.svc.cluster.local."));
    lab.server.set("one", {address_of("web", "10.96.0.2"), address_of("web", "10.96.0.3")});
    EXPECT_TRUE(lab.catches_up());
    EXPECT_THAT(lab.server.ask("web.shop.svc.cluster.local"), ElementsAre("10.96.0.2", "10.96.0.3"));
    EXPECT_THAT(lab.server.ask("1.0.96.10.in-addr.arpa", "PTR"), ElementsAre("NXDOMAIN"));
    EXPECT_THAT(lab.refused, IsEmpty());
  });
}

// What changed while the server read its files comes as soon as it is ready, without being asked to.
TEST(ZoneUpdater, IsReadyOnceTheServerKnowsWhatTheFilesLack) {
  with_named([] {
    Lab lab;
    lab.server.write_files();
    lab.updater->started(lab.server.ends());
    lab.server.set("one", {address_of("web", "10.96.0.1")});
    lab.updater->push();
    EXPECT_EQ(lab.updater->behind(), 1U);
    lab.server.start();
    EXPECT_TRUE(lab.runs_until([&] { return lab.updater->is_ready(); }));
    EXPECT_EQ(lab.updater->behind(), 0U);
    EXPECT_EQ(lab.ready, 1);
    EXPECT_THAT(lab.server.ask("web.shop.svc.cluster.local"), ElementsAre("10.96.0.1"));
  });
}

TEST(ZoneUpdater, SendsThousandsOfChangesInTurn) {
  with_named([] {
    Lab lab;
    lab.start();
    for (int i = 0; i < 3'000; ++i) {
      const std::string name = "web-" + std::to_string(i);
      lab.server.set(name, {address_of(name, "10.96.7." + std::to_string(i % 250))});
    }
    EXPECT_EQ(lab.updater->behind(), 3'000U);
    EXPECT_TRUE(lab.catches_up());
    for (const int i : {0, 1'499, 2'999}) {
      EXPECT_THAT(lab.server.ask("web-" + std::to_string(i) + ".shop.svc.cluster.local"),
                  ElementsAre("10.96.7." + std::to_string(i % 250)));
    }
  });
}

// named takes no update that leaves its own name without an address.
TEST(ZoneUpdater, NamesTheOwnerOfARefusedChangeAndSendsTheOthers) {
  with_named([] {
    Lab lab;
    lab.start();
    for (int i = 0; i < 20; ++i) {
      lab.server.set("before-" + std::to_string(i), {address_of("b" + std::to_string(i), "10.96.1.1")});
    }
    lab.server.set("schema", {});
    for (int i = 0; i < 20; ++i) {
      lab.server.set("behind-" + std::to_string(i), {address_of("a" + std::to_string(i), "10.96.1.2")});
    }
    EXPECT_TRUE(lab.catches_up());
    EXPECT_THAT(lab.refused, ElementsAre("schema cluster.local. REFUSED"));
    EXPECT_THAT(lab.server.ask("ns.dns.cluster.local"), ElementsAre("10.96.0.10"));
    for (int i = 0; i < 20; ++i) {
      EXPECT_THAT(lab.server.ask("b" + std::to_string(i) + ".shop.svc.cluster.local"),
                  ElementsAre("10.96.1.1"));
      EXPECT_THAT(lab.server.ask("a" + std::to_string(i) + ".shop.svc.cluster.local"),
                  ElementsAre("10.96.1.2"));
    }
    // Many go together again.
    lab.server.set("last", {address_of("last", "10.96.1.3")});
    EXPECT_TRUE(lab.catches_up());
    EXPECT_THAT(lab.server.ask("last.shop.svc.cluster.local"), ElementsAre("10.96.1.3"));
    EXPECT_THAT(lab.failed, IsEmpty());
  });
}

// Its disk is full: it cannot write its journal. What it refused meanwhile comes once there is room.
TEST(ZoneUpdater, WhatAServerRefusedIsThereOnceItCanTakeIt) {
  with_named([] {
    Lab lab;
    lab.server.move_to_small_disk();
    lab.start();
    lab.server.set("gone", {address_of("gone", "10.96.0.7")});
    EXPECT_TRUE(lab.catches_up());
    lab.server.fill_disk();
    const auto is_refused = [&] { return !lab.refused.empty(); };
    // Until what it has room for is full.
    for (int i = 0; i < 2'000 && !is_refused(); ++i) {
      lab.server.set("filler", {address_of("filler-" + std::to_string(i), "10.96.1.1")});
      EXPECT_TRUE(lab.catches_up());
    }
    ASSERT_TRUE(is_refused());
    lab.refused.clear();
    // More than what was too much before.
    std::vector<Record> many;
    for (int i = 0; i < 50; ++i) {
      many.push_back(address_of("web", "10.96.2." + std::to_string(i)));
    }
    lab.server.set("one", many);
    lab.server.set("gone", {});
    EXPECT_TRUE(lab.catches_up());
    EXPECT_THAT(lab.refused, Contains("one cluster.local. SERVFAIL"));
    lab.server.say_again(lab.changes);
    lab.server.set("one", {address_of("web", "10.96.0.2")});
    EXPECT_TRUE(lab.catches_up());

    lab.server.free_disk();
    lab.server.say_again(lab.changes);
    EXPECT_TRUE(lab.catches_up());
    EXPECT_THAT(lab.server.ask("web.shop.svc.cluster.local"), ElementsAre("10.96.0.2"));
    EXPECT_THAT(lab.server.ask("gone.shop.svc.cluster.local"), ElementsAre("NXDOMAIN"));
    lab.server.say_again(lab.changes);
    EXPECT_TRUE(lab.changes.empty());
  });
}

TEST(ZoneUpdater, AServerThatWasKilledGoesOnFromItsNewFiles) {
  with_named([] {
    Lab lab;
    lab.start();
    lab.server.set("one", {address_of("web", "10.96.0.1")});
    EXPECT_TRUE(lab.catches_up());
    lab.server.kill();
    lab.server.set("one", {address_of("web", "10.96.0.2")});
    lab.updater->push();  // to nobody
    lab.server.set("two", {address_of("other", "10.96.0.3")});
    lab.start();
    EXPECT_TRUE(lab.catches_up());
    EXPECT_THAT(lab.server.ask("web.shop.svc.cluster.local"), ElementsAre("10.96.0.2"));
    EXPECT_THAT(lab.server.ask("other.shop.svc.cluster.local"), ElementsAre("10.96.0.3"));
    lab.server.trim(lab.server.ends());
    lab.server.set("two", {});
    EXPECT_TRUE(lab.catches_up());
    EXPECT_THAT(lab.server.ask("other.shop.svc.cluster.local"), ElementsAre("NXDOMAIN"));
    EXPECT_THAT(lab.refused, IsEmpty());
    EXPECT_THAT(lab.failed, IsEmpty());
  });
}

TEST(ZoneUpdater, AServerThatHangsForAWhileGetsEverything) {
  with_named([] {
    Lab lab;
    lab.start();
    lab.server.pause();
    lab.server.set("one", {address_of("web", "10.96.0.1")});
    lab.updater->push();
    EXPECT_FALSE(lab.runs_until([&] { return lab.updater->behind() == 0; }, milliseconds(100)));
    lab.server.set("two", {address_of("other", "10.96.0.2")});
    lab.updater->push();
    lab.server.resume();
    EXPECT_TRUE(lab.runs_until([&] { return lab.updater->behind() == 0; }));
    EXPECT_THAT(lab.server.ask("web.shop.svc.cluster.local"), ElementsAre("10.96.0.1"));
    EXPECT_THAT(lab.server.ask("other.shop.svc.cluster.local"), ElementsAre("10.96.0.2"));
  });
}

// Says yes to every question, but takes its time.
class SlowServer {
 public:
  SlowServer(loop::MainLoop& loop, int netns_fd, milliseconds delay) {
    {
      const kernel::NamespaceScope scope(netns_fd);
      socket_ = UniqueFd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    }
    sockaddr_storage own{};
    const socklen_t size = IpAddress::loopback(Family::IPv4).to_sockaddr(53, own);
    EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&own), size), 0);
    loop.call_when_readable(socket_.get(), [this, &loop, delay] {
      std::vector<std::uint8_t> message(512);
      sockaddr_storage from{};
      socklen_t length = sizeof from;
      const ssize_t count = ::recvfrom(socket_.get(), message.data(), message.size(), 0,
                                       reinterpret_cast<sockaddr*>(&from), &length);
      if (count > 2) {
        message.resize(static_cast<std::size_t>(count));
        message[2] |= 0x80;  // a reply
        loop.call_after(delay, [this, message, from, length] {
          ::sendto(socket_.get(), message.data(), message.size(), 0, reinterpret_cast<const sockaddr*>(&from),
                   length);
        });
      }
    });
  }

 private:
  UniqueFd socket_;
};

TEST(ZoneUpdater, AServerThatAnswersSlowlyIsReady) {
  with_named([] {
    Lab lab;
    const SlowServer slow(lab.loop, lab.server.netns_fd(), milliseconds(100));
    lab.updater->started(lab.server.ends());
    EXPECT_TRUE(lab.runs_until([&] { return lab.ready > 0; }));
  });
}

TEST(ZoneUpdater, AServerThatNeverComesHasFailed) {
  with_named([] {
    Lab lab(milliseconds(300));
    const auto begin = std::chrono::steady_clock::now();
    lab.updater->started(lab.server.ends());
    EXPECT_TRUE(lab.runs_until([&] { return !lab.failed.empty(); }));
    EXPECT_GE(std::chrono::steady_clock::now() - begin, milliseconds(300));
    EXPECT_THAT(lab.failed, ElementsAre(HasSubstr("no reply")));
    EXPECT_FALSE(lab.updater->is_ready());
    // Each start has as long.
    lab.updater->started(lab.server.ends());
    EXPECT_TRUE(lab.runs_until([&] { return lab.failed.size() == 2; }));
  });
}

TEST(ZoneUpdater, AServerWithoutAZoneHasFailedAndWhyIsSaid) {
  with_named([] {
    Lab lab(std::chrono::seconds(1));
    lab.server.write_files();
    lab.server.write_broken_zone();
    lab.server.start();
    lab.updater->started(lab.server.ends());
    const auto has_failed = [&] {
      if (!lab.failed.empty() && lab.failed.back().ends_with("no reply")) {  // on a busy machine
        lab.failed.clear();
        lab.updater->started(lab.server.ends());
      }
      return !lab.failed.empty();
    };
    EXPECT_TRUE(lab.runs_until(has_failed));
    EXPECT_THAT(lab.failed, ElementsAre(HasSubstr("cluster.local. SERVFAIL")));
    EXPECT_EQ(lab.ready, 0);
  });
}

TEST(ZoneUpdater, CallsNobodyOnceItIsGone) {
  with_named([] {
    Lab lab;
    lab.start();
    lab.server.set("one", {address_of("web", "10.96.0.1")});
    lab.updater->push();
    lab.updater.reset();
    EXPECT_FALSE(
        lab.runs_until([&] { return !lab.refused.empty() || !lab.failed.empty(); }, milliseconds(100)));
    EXPECT_EQ(lab.ready, 1);
  });
}

}  // namespace
}  // namespace labctl::nameserver
