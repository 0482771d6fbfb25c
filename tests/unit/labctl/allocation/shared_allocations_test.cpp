// Labs that share ranges in one etcd: stores side by side, each with its own
// connection, as two supervisors have them.

#include "labctl/allocation/repair.hpp"
#include "labctl/allocation/service_allocation.hpp"
#include "labctl/api/tcp_socket.hpp"
#include "labctl/controllers/load_balancer.hpp"
#include "labctl/store/etcd_table.hpp"
#include "labctl/store/store.hpp"
#include "tests/unit/labctl/allocation/etcd_server.hpp"
#include "topology/base/base64.hpp"
#include "topology/base/clock.hpp"
#include "topology/base/error.hpp"
#include "topology/base/unique_fd.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/socket.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>
#include <vector>

namespace labctl::allocation {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

std::shared_ptr<store::EtcdTable> table_of(const std::string& server, const std::string& lab) {
  return std::make_shared<store::EtcdTable>(
      server, [server] { return api::connect_tcp(server, std::chrono::seconds(2)); }, lab);
}

store::Key key(const std::string& name) { return {"services", "default", name}; }

json web(json spec = json::object()) {
  spec.update({{"ports", {{{"port", 80}, {"protocol", "TCP"}}}}});
  return {{"kind", "Service"}, {"apiVersion", "v1"}, {"metadata", json::object()}, {"spec", std::move(spec)}};
}

// One lab's supervisor, as far as Services go.
struct SharingLab {
  SharingLab(const std::string& server, const std::string& name, const char* range)
      : table(table_of(server, name)), cluster([&] {
          model::Cluster made = model::default_cluster(name);
          made.network.service_cidrs = {*Prefix::parse(range)};
          made.network.load_balancer_cidrs = {*Prefix::parse("192.0.2.0/28")};
          return made;
        }()) {
    store.allocations().share(table, [](std::string_view pool) { return !pool.starts_with("pods/"); });
    services = std::make_unique<ServiceAllocation>(store, cluster);
  }
  std::string create(const std::string& name, json spec = json::object()) {
    return services->create(key(name), web(std::move(spec)))->at("spec").at("clusterIP");
  }
  std::string pool() const { return "services/" + to_string(cluster.network.service_cidrs.front()); }
  std::vector<store::Allocation> in_etcd() const { return table->list(pool()).ours; }

  SystemClock clock;
  std::shared_ptr<store::EtcdTable> table;
  model::Cluster cluster;
  store::Store store{"lab", clock};
  std::unique_ptr<ServiceAllocation> services;
};

class SharedAllocations : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!EtcdServer::is_installed()) {
      GTEST_SKIP() << "there is no etcd (Debian: etcd-server)";
    }
    etcd = std::make_unique<EtcdServer>();
  }
  std::unique_ptr<EtcdServer> etcd;
};

TEST(EtcdServerOf, OnlyAnEtcdStore) {
  EXPECT_EQ(store::etcd_server("etcd://10.0.0.1:2379"), "10.0.0.1:2379");
  EXPECT_EQ(store::etcd_server("sqlite"), "");
}

// A table whose server says `head`, and `piece` so many times, to whatever is asked, and stays until nobody
// listens any more: a table that is still asking when the other side goes tells of that instead.
std::string refusal_of_list(const std::string& head, const std::string& piece, std::size_t pieces,
                            std::size_t* sent = nullptr) {
  std::vector<std::thread> servers;
  const auto dial = [&] {
    int ends[2] = {-1, -1};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
      throw Error::from_errno(errno, "socketpair");
    }
    servers.emplace_back([&, far = std::make_shared<UniqueFd>(ends[1])] {
      const auto tell = [&](const std::string& text) {
        return ::send(far->get(), text.data(), text.size(), MSG_NOSIGNAL) ==
               static_cast<ssize_t>(text.size());
      };
      std::array<char, 4096> question{};
      bool listens = ::recv(far->get(), question.data(), question.size(), 0) > 0 && tell(head);
      for (std::size_t i = 0; i < pieces && listens; ++i) {
        listens = tell(piece);
        if (sent != nullptr) {
          *sent += piece.size();
        }
      }
      while (::recv(far->get(), question.data(), question.size(), 0) > 0) {
      }
    });
    return UniqueFd(ends[0]);
  };
  std::string refusal;
  {
    store::EtcdTable table("192.0.2.1:2379", dial, "demo");
    try {
      table.list("services/10.96.0.0/16");
    } catch (const Error& error) {
      refusal = error.message();
    }
  }
  for (std::thread& server : servers) {
    server.join();
  }
  return refusal;
}

TEST(EtcdTable, ReadsNoReplyWithoutEnd) {
  const std::string chunk = "10000\r\n" + std::string(0x10000, ' ') + "\r\n";
  std::size_t sent = 0;
  EXPECT_THAT(refusal_of_list("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", chunk, 4096, &sent),
              HasSubstr("POST /v3/kv/range: the reply has more than 4 MiB"));
  EXPECT_LT(sent, std::size_t{16} << 20U);
  EXPECT_THAT(refusal_of_list("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", "", 0),
              HasSubstr("the reply has more than 4 MiB"));
}

TEST(EtcdTable, ReadsNoListThatGoesRound) {
  const std::string body = json{
      {"header", {{"revision", "7"}}},
      {"kvs", {{{"key", to_base64("/a")}, {"value", ""}}}},
      {"more", true}}.dump();
  const std::string reply =
      "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  EXPECT_THAT(refusal_of_list(reply, reply, 1), HasSubstr("a list that goes on has no more keys"));
}

TEST_F(SharedAllocations, AListOfAnyLengthComesWhole) {
  const auto table = table_of(etcd->address(), "one");
  std::vector<store::SharedTable::Claim> claims;
  for (int i = 0; i < 4100; ++i) {
    claims.push_back({"services/10.96.0.0/16", "10.96.0." + std::to_string(i),
                      std::string(63, 'n') + "/" + std::string(63, 's'), ""});
  }
  ASSERT_TRUE(table->claim(claims).empty());
  EXPECT_EQ(table->list("services/10.96.0.0/16").ours.size(), claims.size());
  EXPECT_EQ(table->release_everything(), claims.size());
  EXPECT_TRUE(table->list("services/10.96.0.0/16").ours.empty());
}

TEST_F(SharedAllocations, TwoLabsNeverShareAnAddress) {
  SharingLab one(etcd->address(), "one", "10.96.0.0/26"), two(etcd->address(), "two", "10.96.0.0/26");
  std::set<std::string> seen;
  for (int i = 0; i < 31; ++i) {
    EXPECT_TRUE(seen.insert(one.create("web-" + std::to_string(i))).second);
    EXPECT_TRUE(seen.insert(two.create("web-" + std::to_string(i))).second);
  }
  EXPECT_THROW(one.create("late"), Error);
  EXPECT_THROW(two.create("late"), Error);
  EXPECT_EQ(one.in_etcd().size(), 31U);
  one.store.remove(key("web-3"));
  EXPECT_NO_THROW(two.create("late")) << "what one gives back the other may have";
}

TEST_F(SharedAllocations, ARequestForAnothersAddressIsRefusedAndNothingIsKept) {
  SharingLab one(etcd->address(), "one", "10.96.0.0/24"), two(etcd->address(), "two", "10.96.0.0/24");
  one.create("web", {{"clusterIP", "10.96.0.5"}});
  try {
    two.create("web", {{"clusterIP", "10.96.0.5"}, {"type", "NodePort"}});
    FAIL() << "given twice";
  } catch (const Error& error) {
    EXPECT_THAT(error.message(),
                HasSubstr("failed to allocate IP 10.96.0.5: provided IP is already allocated"));
  }
  EXPECT_TRUE(two.in_etcd().empty());
  EXPECT_TRUE(two.table->list("nodeports/30000-32767").ours.empty());
  one.store.remove(key("web"));
  EXPECT_EQ(two.create("web", {{"clusterIP", "10.96.0.5"}}), "10.96.0.5");
}

TEST_F(SharedAllocations, NodePortsAreEachLabsOwn) {
  SharingLab one(etcd->address(), "one", "10.96.0.0/24"), two(etcd->address(), "two", "10.96.0.0/24");
  json spec{{"type", "NodePort"}};
  one.create("web", spec);
  const json ports = one.store.get(key("web"))->at("spec").at("ports");
  two.services->create(key("web"), [&] {
    json object = web(spec);
    object["spec"]["ports"] = ports;
    return object;
  }());
  EXPECT_EQ(one.table->list("nodeports/30000-32767").ours.size(), 1U);
  EXPECT_TRUE(one.table->list("nodeports/30000-32767").others.empty());
}

TEST_F(SharedAllocations, TheLabsOwnServicesTakeOthersWhereAnotherLabHasThem) {
  SharingLab one(etcd->address(), "one", "10.96.0.0/24"), two(etcd->address(), "two", "10.96.0.0/24");
  EXPECT_EQ(one.create("kubernetes", {{"clusterIP", "10.96.0.1"}}), "10.96.0.1");
  const std::string other = two.create("kubernetes", {{"clusterIP", "10.96.0.1"}});
  EXPECT_NE(other, "10.96.0.1");
  EXPECT_EQ(two.store.get(key("kubernetes"))->at("spec").at("clusterIPs"), json({other}));
}

TEST_F(SharedAllocations, BalancersAddressesAreSharedToo) {
  SharingLab one(etcd->address(), "one", "10.96.0.0/24"), two(etcd->address(), "two", "10.97.0.0/24");
  std::set<std::string> given;
  for (SharingLab* one_of : {&one, &two}) {
    controllers::BalancerLoop loop(one_of->store, one_of->cluster);
    one_of->create("web", {{"type", "LoadBalancer"}});
    loop.run();
    given.insert(one_of->store.get(key("web"))->at("status").at("loadBalancer").at("ingress").at(0).at("ip"));
  }
  EXPECT_EQ(given, (std::set<std::string>{"192.0.2.1", "192.0.2.2"}));
}

TEST_F(SharedAllocations, LabsThatCreateAndDeleteAtOnce) {
  constexpr int kLabs = 4, kServices = 100;
  std::atomic<int> failed = 0;
  std::vector<std::vector<std::string>> kept(kLabs);
  std::vector<std::thread> threads;
  for (int i = 0; i < kLabs; ++i) {
    threads.emplace_back([&, i] {
      SharingLab one(etcd->address(), "lab-" + std::to_string(i), "10.96.0.0/24");
      for (int n = 0; n < kServices; ++n) {
        try {
          const std::string name = "web-" + std::to_string(n);
          const std::string address = one.create(name);
          if (n % 2 == 0) {
            one.store.remove(key(name));
          } else {
            kept[static_cast<size_t>(i)].push_back(address);
          }
        } catch (const Error& error) {
          ++failed;
        }
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(failed, 0);
  std::set<std::string> all;
  for (const auto& addresses : kept) {
    all.insert(addresses.begin(), addresses.end());
  }
  EXPECT_EQ(all.size(), static_cast<size_t>(kLabs * kServices / 2));
  EXPECT_EQ(table_of(etcd->address(), "x")->list("services/10.96.0.0/24").others.size(), all.size());
}

TEST_F(SharedAllocations, ManyAtOnceInPiecesAreAllOrNone) {
  SharingLab one(etcd->address(), "one", "10.96.0.0/16"), two(etcd->address(), "two", "10.96.0.0/16");
  std::vector<ServiceAllocation::New> many;
  for (int i = 0; i < 250; ++i) {
    many.push_back({key("web-" + std::to_string(i)), web(), ""});
  }
  many.push_back({key("asks"), web({{"clusterIP", "10.96.0.9"}}), "f.yaml:3"});
  two.create("first", {{"clusterIP", "10.96.0.9"}});
  EXPECT_THROW(one.services->create_all(many), Error);
  EXPECT_TRUE(one.in_etcd().empty());
  many.pop_back();
  one.services->create_all(many);
  EXPECT_EQ(one.in_etcd().size(), 250U);
  EXPECT_EQ(one.table->release_everything(), 250U);
  EXPECT_TRUE(one.in_etcd().empty());
  EXPECT_EQ(two.in_etcd().size(), 1U) << "another lab's are left alone";
}

// The claim that comes between another's look and its claim: decided in etcd, not by the look.
TEST_F(SharedAllocations, AClaimInBetweenIsNoticedAndAnotherAddressTaken) {
  SharingLab one(etcd->address(), "one", "10.96.0.0/24");
  const auto shown = one.services->try_create(key("web"), web());
  const std::string chosen = shown->at("spec").at("clusterIP");
  // Another lab takes just that one; ours has looked at the range before.
  EXPECT_TRUE(table_of(etcd->address(), "two")->claim({{one.pool(), chosen, "svc/default/x", ""}}).empty());
  EXPECT_NE(one.create("web"), chosen);
  EXPECT_EQ(one.in_etcd().size(), 1U);
}

TEST_F(SharedAllocations, ARolledBackApplyLeavesEtcdAsItWas) {
  SharingLab one(etcd->address(), "one", "10.96.0.0/24");
  one.create("kept");
  const std::vector<store::Allocation> before = one.in_etcd();
  {
    const store::Store::Snapshot snapshot = one.store.snapshot();
    one.store.remove(key("kept"));
    one.create("new");
    one.store.restore(snapshot);
  }
  one.store.allocations().send_releases();
  EXPECT_EQ(one.in_etcd(), before);
}

TEST_F(SharedAllocations, WithoutTheStoreNothingIsGivenAndItSaysSo) {
  SharingLab one(etcd->address(), "one", "10.96.0.0/24");
  one.create("before");
  etcd->stop();
  const std::uint64_t version = one.store.version();
  try {
    one.create("web");
    FAIL() << "given without the store";
  } catch (const Error& error) {
    EXPECT_THAT(error.message(), HasSubstr("the allocation store is unavailable: etcd://" + etcd->address()));
    EXPECT_THAT(error.hint(), HasSubstr("nothing was given out"));
  }
  EXPECT_EQ(one.store.version(), version);
  EXPECT_EQ(one.store.allocations().count(one.pool()), 1U);
  one.store.remove(key("before"));  // goes through; etcd is told later
  etcd->start();
  EXPECT_NO_THROW(one.create("web"));
  EXPECT_EQ(one.in_etcd().size(), 1U);
}

TEST_F(SharedAllocations, RepairBringsEtcdInLine) {
  SharingLab one(etcd->address(), "one", "10.96.0.0/24");
  const std::string address = one.create("web");
  one.table->release({{one.pool(), address, "svc/default/web"}});
  EXPECT_TRUE(one.table->claim({{one.pool(), "10.96.0.7", "svc/default/gone", ""}}).empty());
  AllocationRepair repair(one.store, one.cluster);
  repair.pass();
  EXPECT_EQ(one.in_etcd(), (std::vector<store::Allocation>{{one.pool(), address, "svc/default/web"}}));
}

}  // namespace
}  // namespace labctl::allocation
