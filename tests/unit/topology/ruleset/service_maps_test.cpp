// The layout `maps`: whatever the changes, the kernel refuses none and ends up with what is wanted.

#include "topology/ruleset/services/service_maps.hpp"
#include "tests/support/addresses.hpp"
#include "tests/unit/topology/ruleset/kernel_table.hpp"
#include "tests/unit/topology/ruleset/random_services.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <set>

namespace labctl::ruleset {
namespace {

using service::Backend;
using service::Entry;
using service::Traffic;
using service::Verdict;
using service::Vip;

ServiceMaps empty_maps() {
  return {{prefix("10.244.1.0/24"), prefix("fd00:10:244:1::/64")},
          {prefix("10.244.0.0/16"), prefix("fd00:10:244::/56")}};
}

KernelTable::Bytes key_of(const Vip& vip) {
  ElementBytes key;
  key.add_address(vip.address);
  key.add_protocol(vip.protocol);
  key.add_port(vip.port);
  return bytes_of(key);
}

KernelTable::Bytes data_of(const Backend& backend) {
  ElementBytes data;
  data.add_address(backend.address);
  data.add_port(backend.port);
  return bytes_of(data);
}

std::string in_family(const char* set, const Vip& vip) {
  return set + std::string(vip.address.family() == Family::IPv4 ? "4" : "6");
}

std::uint32_t number_at_end(const KernelTable::Bytes& bytes) {
  std::uint32_t number = 0;
  std::memcpy(&number, bytes.data() + bytes.size() - sizeof number, sizeof number);
  return number;
}

// What a kernel with this table does with packets to a Vip.
class Reading {
 public:
  explicit Reading(const KernelTable& table) : table_(table) {}

  std::set<Vip> vips(const std::map<Vip, const Entry*>& candidates) const {
    std::set<Vip> found;
    for (const auto& [vip, entry] : candidates) {
      if (set_of("services", vip).contains(key_of(vip))) {
        found.insert(vip);
      }
    }
    return found;
  }
  std::size_t count() const { return size("services4") + size("services6"); }
  std::string chain(const Vip& vip) const {
    return table_.chain_of("shapes", number_at_end(set_of("services", vip).at(key_of(vip)).data));
  }
  // What is drawn from the indexes `first` on, in their order.
  std::vector<KernelTable::Bytes> endpoints(const Vip& vip, std::uint32_t first) const {
    std::map<std::uint32_t, KernelTable::Bytes> by_index;
    const KernelTable::Bytes key = key_of(vip);
    for (const auto& [held, element] : set_of("endpoints", vip)) {
      const std::uint32_t index = number_at_end(held);
      if (std::equal(key.begin(), key.end(), held.begin()) && (index >= kFirstLocalIndex) == (first > 0)) {
        by_index[index] = element.data;
      }
    }
    std::vector<KernelTable::Bytes> found;
    for (const auto& [index, data] : by_index) {
      EXPECT_EQ(index, first + found.size()) << "a gap: " << to_string(vip);
      found.push_back(data);
    }
    return found;
  }

 private:
  const std::map<KernelTable::Bytes, KernelTable::Element>& set_of(const char* name, const Vip& vip) const {
    static const std::map<KernelTable::Bytes, KernelTable::Element> kNone;
    const auto found = table_.sets().find(in_family(name, vip));
    return found == table_.sets().end() ? kNone : found->second;
  }
  std::size_t size(const std::string& set) const {
    const auto found = table_.sets().find(set);
    return found == table_.sets().end() ? 0 : found->second.size();
  }
  const KernelTable& table_;
};

std::vector<KernelTable::Bytes> sorted_data(const std::vector<Backend>& backends) {
  std::vector<KernelTable::Bytes> data;
  for (const Backend& backend : backends) {
    data.push_back(data_of(backend));
  }
  std::sort(data.begin(), data.end());
  return data;
}

void expect_entry(const Reading& reading, const Vip& vip, const Entry& entry) {
  SCOPED_TRACE(to_string(vip));
  const std::string chain = reading.chain(vip);
  const std::string family = vip.address.family() == Family::IPv4 ? "4" : "6";
  const bool is_balanced = entry.verdict == Verdict::Balance;
  const std::string kind = entry.verdict == Verdict::Reject            ? "reject"
                           : entry.verdict == Verdict::Drop            ? "drop"
                           : entry.traffic == Traffic::Internal        ? "cluster"
                           : entry.traffic == Traffic::ExternalCluster ? "external"
                           : entry.traffic == Traffic::ExternalLocal   ? "external-local"
                                                                       : "hostport";
  EXPECT_TRUE(chain.starts_with(kind)) << chain;
  EXPECT_EQ(chain.ends_with("-ranges"), !entry.source_ranges.empty()) << chain;
  if (is_balanced) {
    EXPECT_NE(chain.find(family + "-" + std::to_string(entry.backends.size())), std::string::npos) << chain;
  }
  auto all = reading.endpoints(vip, 0);
  auto local = reading.endpoints(vip, kFirstLocalIndex);
  std::sort(all.begin(), all.end());
  std::sort(local.begin(), local.end());
  EXPECT_EQ(all, sorted_data(entry.backends));
  EXPECT_EQ(local, sorted_data(entry.local));
}

TEST(ServiceMaps, WhateverChangesTheKernelHasWhatIsWanted) {
  for (unsigned seed = 1; seed <= 40; ++seed) {
    RandomServices services(seed);
    ServiceMaps maps = empty_maps();
    KernelTable kernel;
    for (int step = 0; step < 120; ++step) {
      const RandomServices::Change change = services.next();
      TableChanges changes;
      maps.set(change.owner, change.program, changes);
      SCOPED_TRACE("seed " + std::to_string(seed) + ", step " + std::to_string(step) + ", " + change.owner);
      ASSERT_NO_THROW(kernel.apply(changes));
      const Reading reading(kernel);
      const auto wanted = services.wanted();
      ASSERT_EQ(reading.count(), wanted.size());
      ASSERT_EQ(reading.vips(wanted).size(), wanted.size());
      for (const auto& [vip, entry] : wanted) {
        expect_entry(reading, vip, *entry);
      }
      for (const auto& [set, elements] : maps.expected()) {
        std::map<KernelTable::Bytes, KernelTable::Element> expected;
        for (const ElementChange& element : elements) {
          expected[bytes_of(element.key)] = {bytes_of(element.key_end), bytes_of(element.data)};
        }
        const auto held = kernel.sets().find(set);
        ASSERT_EQ(held == kernel.sets().end() ? decltype(expected){} : held->second, expected) << set;
      }
      ASSERT_FALSE(HasFailure());
    }
  }
}

TEST(ServiceMaps, WhatIsMadeAgainIsWhatThereIs) {
  RandomServices services(7);
  ServiceMaps maps = empty_maps();
  KernelTable kernel;
  for (int step = 0; step < 200; ++step) {
    const RandomServices::Change change = services.next();
    TableChanges changes;
    maps.set(change.owner, change.program, changes);
    kernel.apply(changes);
  }
  TableChanges again;
  again.added = maps.structure();
  KernelTable fresh;
  ASSERT_NO_THROW(fresh.apply(again));
  EXPECT_EQ(fresh.chains(), kernel.chains());
  EXPECT_EQ(fresh.client_maps(), kernel.client_maps());
}

TEST(ServiceMaps, TheSameAgainChangesNothing) {
  RandomServices services(3);
  ServiceMaps maps = empty_maps();
  for (int step = 0; step < 100; ++step) {
    const RandomServices::Change change = services.next();
    TableChanges changes, none;
    maps.set(change.owner, change.program, changes);
    maps.set(change.owner, change.program, none);
    EXPECT_TRUE(none.empty()) << change.owner;
  }
}

class OneService : public testing::Test {
 protected:
  service::NodeProgram program(const std::vector<const char*>& endpoints) const {
    model::Service service;
    service.key = {"default", "web"};
    service.cluster_ips = {ip("10.96.0.1")};
    service.ports = {{"http", model::Protocol::Tcp, 80, 0}};
    model::EndpointSlice slice;
    slice.ports = {{"http", model::Protocol::Tcp, 8080}};
    for (const char* address : endpoints) {
      slice.endpoints.push_back({ip(address), "n2", true, true, false, {}, {}});
    }
    const model::EndpointSlice* slices[] = {&slice};
    return service::node_program(service, slices, {{"n1", ""}, {ip("192.0.2.11")}});
  }
  TableChanges change(const std::vector<const char*>& endpoints) {
    TableChanges changes;
    maps_.set("svc default/web", program(endpoints), changes);
    return changes;
  }
  ServiceMaps maps_ = empty_maps();
};

TEST_F(OneService, AnEndpointThatIsReplacedIsTwoElements) {
  change({"10.244.2.2", "10.244.2.3", "10.244.2.4", "10.244.2.5"});
  for (const char* next : {"10.244.2.9", "10.244.2.1", "10.244.2.6"}) {
    const TableChanges changes = change({"10.244.2.2", "10.244.2.3", next, "10.244.2.5"});
    ASSERT_EQ(changes.elements.size(), 2U);
    EXPECT_TRUE(changes.elements[0].is_removal);
    EXPECT_FALSE(changes.elements[1].is_removal);
    EXPECT_TRUE(changes.added.empty());
    EXPECT_TRUE(changes.removed.empty());
  }
}

TEST_F(OneService, AnEndpointMoreOrLessMovesAtMostOneOther) {
  change({"10.244.2.2", "10.244.2.3", "10.244.2.4", "10.244.2.5"});
  const auto endpoint_changes = [](const TableChanges& changes) {
    return std::count_if(changes.elements.begin(), changes.elements.end(),
                         [](const ElementChange& e) { return e.set == std::string("endpoints4"); });
  };
  EXPECT_LE(endpoint_changes(change({"10.244.2.3", "10.244.2.4", "10.244.2.5"})), 3);
  EXPECT_EQ(endpoint_changes(change({"10.244.2.1", "10.244.2.3", "10.244.2.4", "10.244.2.5"})), 1);
}

TEST_F(OneService, ShapesAreSharedAndStay) {
  EXPECT_EQ(change({"10.244.2.2", "10.244.2.3"}).added.chains.size(), 1U);
  EXPECT_EQ(change({"10.244.2.2"}).added.chains.size(), 1U);
  EXPECT_TRUE(change({"10.244.2.2", "10.244.2.3"}).added.empty());
}

}  // namespace
}  // namespace labctl::ruleset
