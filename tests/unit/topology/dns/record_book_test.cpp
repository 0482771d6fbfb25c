// Who wants which record: what the zones hold and what changes, against a plain model.

#include "topology/dns/zones.hpp"

#include "tests/support/addresses.hpp"
#include "topology/dns/service_records.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace labctl::dns {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const Record kWeb{"web.shop.svc.cluster.local.", RecordType::A, "10.96.0.7"};
const Record kApi{"api.shop.svc.cluster.local.", RecordType::A, "10.96.0.8"};
const Record kPointer{"7.0.96.10.in-addr.arpa.", RecordType::Ptr, "web.shop.svc.cluster.local."};

RecordBook small_book() { return RecordBook({"cluster.local.", "96.10.in-addr.arpa."}); }

TEST(RecordBook, SaysWhatChangesInEachZone) {
  RecordBook book = small_book();
  EXPECT_THAT(book.set("web", {kPointer, kWeb, kWeb}),
              ElementsAre(ZoneChange{"cluster.local.", {}, {kWeb}},
                          ZoneChange{"96.10.in-addr.arpa.", {}, {kPointer}}));
  EXPECT_THAT(book.set("web", {kWeb, kPointer}), IsEmpty());
  EXPECT_THAT(book.set("web", {kApi, kPointer}), ElementsAre(ZoneChange{"cluster.local.", {kWeb}, {kApi}}));
  EXPECT_EQ(book.size(), 2);
  EXPECT_THAT(book.set("web", {}), ElementsAre(ZoneChange{"cluster.local.", {kApi}, {}},
                                               ZoneChange{"96.10.in-addr.arpa.", {kPointer}, {}}));
  EXPECT_EQ(book.size(), 0);
  EXPECT_THAT(book.set("web", {}), IsEmpty());
}

TEST(RecordBook, KeepsARecordAsLongAsOneWantsIt) {
  RecordBook book = small_book();
  book.set("a", {kWeb});
  EXPECT_THAT(book.set("b", {kWeb}), IsEmpty());
  EXPECT_THAT(book.set("a", {}), IsEmpty());
  EXPECT_THAT(book.set("b", {}), ElementsAre(ZoneChange{"cluster.local.", {kWeb}, {}}));
}

TEST(RecordBook, LeavesOutWhatBelongsIntoNoZone) {
  RecordBook book = small_book();
  EXPECT_THAT(book.set("a", {{"1.2.168.192.in-addr.arpa.", RecordType::Ptr, "a."},
                             {"notcluster.local.", RecordType::A, "10.0.0.1"},
                             {"local.", RecordType::A, "10.0.0.1"}}),
              IsEmpty());
  EXPECT_EQ(book.size(), 0);
}

TEST(RecordBook, PutsReverseNamesOfAddressesElsewhereIntoThePolicyZone) {
  RecordBook book({"cluster.local.", "96.10.in-addr.arpa.", kElsewhereZone});
  const std::string target = "db-0.db.shop.svc.cluster.local.";
  const std::string six = reverse_name(ip("2001:db8::9"));
  EXPECT_THAT(
      book.set("db", {{"9.100.51.198.in-addr.arpa.", RecordType::Ptr, target},
                      {six, RecordType::Ptr, target},
                      {"7.0.96.10.in-addr.arpa.", RecordType::Ptr, target},
                      {"local.", RecordType::A, "10.0.0.1"}}),
      ElementsAre(
          ZoneChange{"96.10.in-addr.arpa.", {}, {{"7.0.96.10.in-addr.arpa.", RecordType::Ptr, target}}},
          ZoneChange{kElsewhereZone,
                     {},
                     {{six + kElsewhereZone, RecordType::Ptr, target},
                      {"9.100.51.198.in-addr.arpa._elsewhere.labctl.", RecordType::Ptr, target}}}));
  EXPECT_EQ(book.set("db", {}).size(), 2U);
  EXPECT_EQ(book.size(), 0U);
}

TEST(RecordBook, PutsARecordIntoTheLongestZoneThatHoldsIt) {
  RecordBook book({"10.in-addr.arpa.", "96.10.in-addr.arpa."});
  const Record other{"7.0.196.10.in-addr.arpa.", RecordType::Ptr, "a."};
  const Record apex{"96.10.in-addr.arpa.", RecordType::Ptr, "a."};
  EXPECT_THAT(book.set("a", {kPointer, other, apex}),
              ElementsAre(ZoneChange{"10.in-addr.arpa.", {}, {other}},
                          ZoneChange{"96.10.in-addr.arpa.", {}, {kPointer, apex}}));
}

TEST(RecordBook, WritesAZoneFile) {
  RecordBook book = small_book();
  book.set("web", {kWeb, kApi, kPointer});
  EXPECT_EQ(book.zone_file(0, "ns.dns.cluster.local"),
            "cluster.local. 5 IN SOA ns.dns.cluster.local. hostmaster.cluster.local. 1 7200 1800 86400 5\n"
            "cluster.local. 5 IN NS ns.dns.cluster.local.\n"
            "api.shop.svc.cluster.local. 5 IN A 10.96.0.8\n"
            "web.shop.svc.cluster.local. 5 IN A 10.96.0.7\n");
  EXPECT_EQ(book.zone_file(1, "ns.dns.cluster.local."),
            "96.10.in-addr.arpa. 5 IN SOA ns.dns.cluster.local. hostmaster.96.10.in-addr.arpa. 1 7200 1800 "
            "86400 5\n"
            "96.10.in-addr.arpa. 5 IN NS ns.dns.cluster.local.\n"
            "7.0.96.10.in-addr.arpa. 5 IN PTR web.shop.svc.cluster.local.\n");
}

// Random Services, few names and addresses, so that owners often want the same records.
class RandomServices {
 public:
  std::string owner() { return "service-" + std::to_string(below(60)); }
  std::vector<Record> records() {
    model::Service service;
    service.key = {"ns-" + std::to_string(below(3)), "s-" + std::to_string(below(5))};
    service.ports = {{"http", model::Protocol::Tcp, static_cast<std::uint16_t>(80 + below(2))}};
    model::EndpointSlice slice;
    switch (below(5)) {
      case 0:
        return {};
      case 1:
        service.external_name = "e" + std::to_string(below(4)) + ".example.org";
        break;
      case 2:
        service.is_headless = true;
        slice.ports = {{"http", model::Protocol::Tcp, 8080}};
        for (std::uint64_t i = below(5); i > 0; --i) {
          model::Endpoint endpoint;
          // Some outside of all zones.
          endpoint.address = ip(below(4) == 0 ? "192.168.50.0" : "10.244.1.0").plus(below(6));
          endpoint.hostname = below(2) == 0 ? "" : "h-" + std::to_string(below(3));
          endpoint.is_ready = below(4) > 0;
          slice.endpoints.push_back(endpoint);
        }
        break;
      default:
        service.cluster_ips = {ip("10.96.0.0").plus(below(8)), ip("fd00:10:96::").plus(below(8))};
    }
    return service_records(service, {&slice}, "cluster.local");
  }

 private:
  std::uint64_t below(std::uint64_t end) { return random_() % end; }
  std::mt19937_64 random_{11};  // NOLINT: the same every time
};

model::Cluster dual_stack_cluster() {
  model::Cluster cluster = model::default_cluster("lab");
  cluster.network.service_cidrs.push_back(model::default_ranges(Family::IPv6).service);
  cluster.network.pod_cidrs.push_back(model::default_ranges(Family::IPv6).pod);
  return cluster;
}

// The records of a plain zone after a change; what is removed must have been there, what is added not.
void apply(const ZoneChange& change, std::map<std::string, std::set<Record>>& zones) {
  std::set<Record>& zone = zones[change.zone];
  for (const Record& record : change.removed) {
    EXPECT_EQ(zone.erase(record), 1) << to_text(record);
  }
  for (const Record& record : change.added) {
    EXPECT_TRUE(zone.insert(record).second) << to_text(record);
  }
}

std::string records_of_zone(const std::set<Record>& records) {
  std::string text;
  for (const Record& record : records) {
    text += to_text(record) + "\n";
  }
  return text;
}

TEST(RecordBook, ChangesInOrderMakeTheZonesThatAllOwnersWant) {
  RecordBook book(zones_of(dual_stack_cluster()));
  RandomServices services;
  std::map<std::string, std::vector<Record>> wanted;
  std::map<std::string, std::set<Record>> zones;
  for (int i = 0; i < 5000 && !HasFailure(); ++i) {
    const std::string owner = services.owner();
    wanted[owner] = services.records();
    for (const ZoneChange& change : book.set(owner, wanted[owner])) {
      EXPECT_FALSE(change.removed.empty() && change.added.empty());
      apply(change, zones);
    }
    if (i % 50 != 0) {
      continue;
    }
    std::set<Record> all;
    for (const auto& [name, records] : wanted) {
      for (Record record : records) {
        record.name += record.name.ends_with("168.192.in-addr.arpa.") ? kElsewhereZone : "";
        all.insert(std::move(record));
      }
    }
    std::set<Record> applied;
    for (std::size_t zone = 0; zone < book.zones().size(); ++zone) {
      const std::set<Record>& records = zones[book.zones()[zone]];
      applied.insert(records.begin(), records.end());
      const std::string file = book.zone_file(zone, "ns.dns.cluster.local");
      EXPECT_TRUE(file.ends_with(" NS ns.dns.cluster.local.\n" + records_of_zone(records))) << file;
    }
    EXPECT_EQ(applied, all);
    EXPECT_EQ(book.size(), all.size());
  }
}

}  // namespace
}  // namespace labctl::dns
