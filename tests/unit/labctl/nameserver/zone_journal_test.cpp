#include "labctl/nameserver/zone_journal.hpp"

#include "labctl/nameserver/update_message.hpp"
#include "topology/dns/service_records.hpp"
#include "topology/dns/zones.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace labctl::nameserver {
namespace {

using dns::Record;
using dns::RecordType;
using dns::ZoneChange;
using ::testing::ElementsAre;

const std::string kDomain = "cluster.local.";
const std::string kReverse = "10.in-addr.arpa.";
constexpr std::size_t kNoLimit = 1'000'000;

Record a(const std::string& name, const std::string& address) {
  return {name + "." + kDomain, RecordType::A, address};
}

std::set<Record> to_set(const std::vector<Record>& records) { return {records.begin(), records.end()}; }

// As a server does: removals first.
void carry_out(const ZoneChange& change, std::set<Record>& records) {
  for (const Record& record : change.removed) {
    records.erase(record);
  }
  records.insert(change.added.begin(), change.added.end());
}

// All from the start, at most `count` changes a message; each must fit into one. How many it took.
int carry_out_all(const ZoneJournal& journal, std::size_t zone, std::size_t count, std::set<Record>& records,
                  ZoneJournal::Position from = 0) {
  int messages = 0;
  for (; from != journal.end(zone); ++messages) {
    const ZoneJournal::Batch batch = journal.batch(zone, from, count);
    EXPECT_GT(batch.count, 0U);
    EXPECT_LE(batch.count, count);
    EXPECT_EQ(batch.end, from + batch.count);
    EXPECT_LE(encode_dns_update(batch.change, 1).size(), kDnsUpdateMax);
    carry_out(batch.change, records);
    from = batch.end;
  }
  return messages;
}

// Each time that a name's records change while everything is carried out one by one.
int changes_of_name(const ZoneJournal& journal, const std::string& name) {
  int times = 0;
  for (ZoneJournal::Position at = 0; at != journal.end(0); ++at) {
    const ZoneChange change = journal.batch(0, at, 1).change;
    const auto is_of_name = [&](const Record& record) { return record.name == name; };
    times += std::any_of(change.removed.begin(), change.removed.end(), is_of_name) ||
                     std::any_of(change.added.begin(), change.added.end(), is_of_name)
                 ? 1
                 : 0;
  }
  return times;
}

// ---- Batches -----------------------------------------------------------------------------------

TEST(ZoneJournal, ABatchSaysTheLastOfEachRecord) {
  ZoneJournal journal({kDomain});
  journal.add("one", {kDomain, {}, {a("x", "10.0.0.1")}});
  journal.add("two", {kDomain, {a("x", "10.0.0.1")}, {a("y", "10.0.0.2")}});
  const ZoneJournal::Batch batch = journal.batch(0, 0, kNoLimit);
  EXPECT_THAT(batch.change.removed, ElementsAre(a("x", "10.0.0.1")));
  EXPECT_THAT(batch.change.added, ElementsAre(a("y", "10.0.0.2")));
  EXPECT_EQ(batch.count, 2U);
  EXPECT_EQ(batch.owner, "one");
}

TEST(ZoneJournal, ARecordThatGoesAndComesBackStays) {
  ZoneJournal journal({kDomain});
  journal.add("one", {kDomain, {a("x", "10.0.0.1")}, {}});
  journal.add("two", {kDomain, {}, {a("x", "10.0.0.1")}});
  std::set<Record> records{a("x", "10.0.0.1")};
  carry_out_all(journal, 0, kNoLimit, records);
  EXPECT_THAT(records, ElementsAre(a("x", "10.0.0.1")));
}

// A server that refused a change lacks what the journal thinks it has.
TEST(ZoneJournal, ARecordThatComesBackIsSaidToOneThatNeverHadIt) {
  ZoneJournal journal({kDomain});
  journal.add("one", {kDomain, {a("x", "10.0.0.1")}, {}});
  journal.add("two", {kDomain, {}, {a("x", "10.0.0.1")}});
  std::set<Record> records;
  carry_out_all(journal, 0, kNoLimit, records);
  EXPECT_THAT(records, ElementsAre(a("x", "10.0.0.1")));
}

TEST(ZoneJournal, ABatchHasNoMoreChangesThanAskedFor) {
  ZoneJournal journal({kDomain});
  for (int i = 0; i < 10; ++i) {
    journal.add(std::to_string(i), {kDomain, {}, {a("x", "10.0.0." + std::to_string(i))}});
  }
  EXPECT_EQ(journal.batch(0, 0, 4).count, 4U);
  EXPECT_EQ(journal.batch(0, 8, 4).count, 2U);
  EXPECT_EQ(journal.batch(0, 8, 4).owner, "8");
}

TEST(ZoneJournal, KeepsTheZonesApart) {
  ZoneJournal journal({kDomain, kReverse});
  journal.add("one", {kReverse, {}, {{"7.0.96.10.in-addr.arpa.", RecordType::Ptr, "web." + kDomain}}});
  EXPECT_EQ(journal.end(0), 0U);
  EXPECT_EQ(journal.end(1), 1U);
  EXPECT_EQ(journal.batch(1, 0, kNoLimit).change.zone, kReverse);
}

// Owners set what they want in any order; batches of any size, from a server that trims behind itself, leave
// the records that the book holds.
TEST(ZoneJournal, BatchesOfAnySizeLeaveWhatTheChangesOneByOneLeave) {
  std::mt19937 random(20);
  const auto up_to = [&](std::size_t most) {
    return std::uniform_int_distribution<std::size_t>(0, most)(random);
  };
  for (int sequence = 0; sequence < 3'000; ++sequence) {
    dns::RecordBook book({kDomain});
    ZoneJournal journal({kDomain});
    std::set<Record> one_by_one;
    std::set<Record> in_batches;
    ZoneJournal::Position position = 0;
    for (std::size_t step = 0; step < 30; ++step) {
      std::vector<Record> wanted;
      for (std::size_t i = up_to(4); i > 0; --i) {
        wanted.push_back(a("n" + std::to_string(up_to(2)), "10.0.0." + std::to_string(up_to(4))));
      }
      const std::string owner = "owner-" + std::to_string(up_to(3));
      for (ZoneChange& change : book.set(owner, wanted)) {
        carry_out(change, one_by_one);
        journal.add(owner, std::move(change));
      }
      if (up_to(4) == 0 && position != journal.end(0)) {
        const ZoneJournal::Batch batch = journal.batch(0, position, 1 + up_to(9));
        carry_out(batch.change, in_batches);
        position = batch.end;
        journal.trim(0, position);
      }
    }
    carry_out_all(journal, 0, 1 + up_to(9), in_batches, position);
    ASSERT_EQ(in_batches, one_by_one) << "sequence " << sequence;
  }
}

// ---- Long changes ------------------------------------------------------------------------------

model::Service headless(std::size_t ports) {
  model::Service service;
  service.key = {"shop", "web"};
  service.is_headless = true;
  for (std::size_t i = 0; i < ports; ++i) {
    service.ports.push_back(
        {"port-" + std::to_string(i), model::Protocol::Tcp, static_cast<std::uint16_t>(8'000 + i), 0});
  }
  return service;
}

std::vector<Record> records_of(const model::Service& service, int endpoints, const std::string& prefix) {
  model::EndpointSlice slice;
  slice.service = service.key;
  for (const model::ServicePort& port : service.ports) {
    slice.ports.push_back({port.name, port.protocol, port.port});
  }
  for (int i = 0; i < endpoints; ++i) {
    model::Endpoint endpoint;
    const bool is_v4 = prefix.find(':') == std::string::npos;
    endpoint.address =
        *IpAddress::parse(is_v4 ? prefix + std::to_string(i / 250) + "." + std::to_string(i % 250)
                                : prefix + std::to_string(i));
    slice.endpoints.push_back(endpoint);
  }
  std::vector<Record> records = dns::service_records(service, {&slice}, "cluster.local");
  std::erase_if(records, [](const Record& record) { return record.type == RecordType::Ptr; });
  return records;
}

TEST(ZoneJournal, AThousandEndpointsChangeInMessagesThatFitAndEachNameAtOnce) {
  for (const std::string prefix : {"10.244.", "fd00::"}) {
    const std::vector<Record> before = records_of(headless(3), 1'000, prefix);
    const std::vector<Record> after =
        records_of(headless(3), 1'000, prefix == "10.244." ? "10.245." : "fd01::");
    ASSERT_GT(before.size(), 3'000U);
    dns::RecordBook book({kDomain});
    ZoneJournal journal({kDomain});
    std::set<Record> records;
    for (const auto& wanted : {before, after, std::vector<Record>{}, before}) {
      const ZoneJournal::Position from = journal.end(0);
      for (ZoneChange& change : book.set("services/shop/web", wanted)) {
        journal.add("services/shop/web", std::move(change));
      }
      EXPECT_GT(carry_out_all(journal, 0, kNoLimit, records, from), wanted.empty() ? 0 : 1);
      EXPECT_TRUE(records == to_set(wanted)) << prefix;
    }
    std::set<Record> again;
    carry_out_all(journal, 0, 1, again);
    EXPECT_TRUE(again == to_set(before));
    // 1,000 addresses and 1,000 SRV records that go and 1,000 that come: more than a message holds together
    // with other names, less than one alone.
    EXPECT_EQ(changes_of_name(journal, "web.shop.svc.cluster.local."), 4) << prefix;
  }
}

TEST(ZoneJournal, ASetThatNoMessageHoldsIsCutAndComesBeforeTheOldOneGoes) {
  const std::string owner = "services/shop/web";
  ZoneJournal journal({kDomain});
  std::vector<Record> first;
  std::vector<Record> second;
  for (int i = 0; i < 3'000; ++i) {
    const std::string target = ".a-rather-long-name-of-a-service.shop.svc.cluster.local.";
    first.push_back({"_http._tcp.web.shop.svc.cluster.local.", RecordType::Srv,
                     "0 100 80 first-" + std::to_string(i) + target});
    second.push_back({"_http._tcp.web.shop.svc.cluster.local.", RecordType::Srv,
                      "0 100 80 second-" + std::to_string(i) + target});
  }
  journal.add(owner, {kDomain, {}, first});
  std::set<Record> records;
  EXPECT_GT(carry_out_all(journal, 0, kNoLimit, records), 1);
  EXPECT_TRUE(records == to_set(first));

  const ZoneJournal::Position from = journal.end(0);
  journal.add(owner, {kDomain, first, second});
  for (ZoneJournal::Position at = from; at != journal.end(0);) {
    const ZoneJournal::Batch batch = journal.batch(0, at, 1);
    EXPECT_LE(encode_dns_update(batch.change, 1).size(), kDnsUpdateMax);
    EXPECT_EQ(batch.owner, owner);
    carry_out(batch.change, records);
    EXPECT_GE(records.size(), first.size());
    at = batch.end;
  }
  EXPECT_TRUE(records == to_set(second));
}

// Names in the second half of a message cannot be pointed to: each of their records spells them out.
TEST(ZoneJournal, ManyLongNamesFit) {
  ZoneJournal journal({kDomain});
  std::vector<Record> wanted;
  for (int i = 0; i < 900; ++i) {
    const std::string label = std::string(55, 'n') + std::to_string(1'000 + i);
    for (int k = 0; k < 4; ++k) {
      wanted.push_back({label + "." + kDomain, RecordType::Aaaa, "::" + std::to_string(1 + k)});
    }
  }
  journal.add("one", {kDomain, {}, wanted});
  std::set<Record> records;
  carry_out_all(journal, 0, kNoLimit, records);
  EXPECT_TRUE(records == to_set(wanted));
  EXPECT_EQ(changes_of_name(journal, wanted.front().name), 1);
  EXPECT_EQ(changes_of_name(journal, wanted.back().name), 1);
}

TEST(ZoneJournal, ChangesOfManyOwnersGoTogetherAsFarAsTheyFit) {
  ZoneJournal journal({kDomain});
  for (int i = 0; i < 10'000; ++i) {
    const std::string name = "service-" + std::to_string(i) + ".shop.svc";
    journal.add(name, {kDomain, {}, {a(name, "10.96.0.1")}});
  }
  std::set<Record> records;
  const int messages = carry_out_all(journal, 0, kNoLimit, records);
  EXPECT_EQ(records.size(), 10'000U);
  EXPECT_GE(messages, 5);
  EXPECT_LE(messages, 15);
}

// ---- Positions ---------------------------------------------------------------------------------

TEST(ZoneJournal, PositionsStayWhenWhatIsBehindIsForgotten) {
  ZoneJournal journal({kDomain, kReverse});
  for (int i = 0; i < 5; ++i) {
    journal.add(std::to_string(i), {kDomain, {}, {a("x", "10.0.0." + std::to_string(i))}});
  }
  journal.trim(0, 3);
  EXPECT_EQ(journal.end(0), 5U);
  EXPECT_EQ(journal.batch(0, 3, 1).owner, "3");
  journal.trim(0, 1);  // behind already
  EXPECT_EQ(journal.batch(0, 3, 1).owner, "3");
  journal.trim(0, 5);
  EXPECT_EQ(journal.end(0), 5U);
  journal.add("5", {kDomain, {}, {a("x", "10.0.0.5")}});
  EXPECT_EQ(journal.end(0), 6U);
  EXPECT_EQ(journal.batch(0, 5, kNoLimit).owner, "5");
  EXPECT_EQ(journal.end(1), 0U);
}

TEST(ZoneJournal, NoChangeAddsNothing) {
  ZoneJournal journal({kDomain});
  journal.add("one", {kDomain, {}, {}});
  EXPECT_EQ(journal.end(0), 0U);
}

}  // namespace
}  // namespace labctl::nameserver
