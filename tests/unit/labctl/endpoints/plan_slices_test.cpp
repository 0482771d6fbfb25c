// Which slices plan_slices writes.

#include "labctl/endpoints/endpoint_slice.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <random>
#include <set>

namespace labctl::endpoints {
namespace {

const std::vector<SlicePort> kHttp{{"http", "TCP", 8080, ""}};
const std::vector<SlicePort> kHttpNew{{"http", "TCP", 9090, ""}};

Endpoint endpoint_numbered(int number, bool is_ready = true) {
  Endpoint endpoint;
  endpoint.address = "10.244." + std::to_string(number / 250) + "." + std::to_string(number % 250 + 1);
  endpoint.is_ready = is_ready;
  endpoint.is_serving = is_ready;
  endpoint.is_terminating = false;
  endpoint.target = {"Pod", "default", "web-" + std::to_string(number), "uid-" + std::to_string(number)};
  return endpoint;
}

std::vector<Endpoint> endpoints_numbered(int first, int end) {
  std::vector<Endpoint> endpoints;
  for (int i = first; i < end; ++i) {
    endpoints.push_back(endpoint_numbered(i));
  }
  return endpoints;
}

// The slices of one owner, changed as planned.
class SliceSet {
 public:
  SliceChanges change_to(const WantedEndpoints& wanted, bool is_stale = false) {
    std::vector<PresentSlice> present;
    for (const auto& [name, slice] : slices) {
      present.push_back({&slice, is_stale});
    }
    const SliceChanges changes = plan_slices("IPv4", wanted, present, rules);
    for (const EndpointSlice& slice : changes.to_create) {
      EndpointSlice named = slice;
      EXPECT_EQ(named.name, "");
      named.name = "slice-" + std::to_string(next_name++);
      slices[named.name] = named;
    }
    for (const EndpointSlice& slice : changes.to_update) {
      EXPECT_TRUE(slices.contains(slice.name));
      slices[slice.name] = slice;
    }
    for (const std::string& name : changes.to_delete) {
      EXPECT_EQ(slices.erase(name), 1U);
    }
    return changes;
  }
  std::vector<std::size_t> sizes() const {
    std::vector<std::size_t> sizes;
    for (const auto& [name, slice] : slices) {
      sizes.push_back(slice.endpoints.size());
    }
    std::sort(sizes.rbegin(), sizes.rend());
    return sizes;
  }

  std::map<std::string, EndpointSlice> slices;
  SliceRules rules;
  int next_name = 0;
};

using Sizes = std::vector<std::size_t>;

TEST(PlanSlices, WithoutEndpointsThereIsOneEmptySlice) {
  SliceSet set;
  set.change_to({});
  EXPECT_EQ(set.sizes(), Sizes{0});
  EXPECT_TRUE(set.slices.begin()->second.ports.empty());
  EXPECT_TRUE(set.change_to({}).is_empty());
}

TEST(PlanSlices, TheEmptySliceTakesTheFirstEndpointsAndStaysWhenTheyGo) {
  SliceSet set;
  set.change_to({});
  set.change_to({{kHttp, endpoints_numbered(0, 2)}});
  EXPECT_EQ(set.sizes(), Sizes{2});
  set.change_to({});
  EXPECT_EQ(set.sizes(), Sizes{0});
  EXPECT_EQ(set.next_name, 1);
}

TEST(PlanSlices, MirrorsKeepNoEmptySlice) {
  SliceSet set;
  set.rules.keeps_one = false;
  EXPECT_TRUE(set.change_to({}).is_empty());
  set.change_to({{kHttp, endpoints_numbered(0, 2)}});
  set.change_to({});
  EXPECT_TRUE(set.slices.empty());
}

TEST(PlanSlices, AHundredAndTwentyEndpointsTakeTwoSlices) {
  SliceSet set;
  set.change_to({{kHttp, endpoints_numbered(0, 3)}});
  EXPECT_EQ(set.sizes(), Sizes{3});
  set.change_to({{kHttp, endpoints_numbered(0, 120)}});
  EXPECT_EQ(set.sizes(), (Sizes{100, 20}));
}

TEST(PlanSlices, OneEndpointThatChangesIsOneSliceWritten) {
  SliceSet set;
  std::vector<Endpoint> endpoints = endpoints_numbered(0, 500);
  set.change_to({{kHttp, endpoints}});
  endpoints[250].is_ready = false;
  const SliceChanges changes = set.change_to({{kHttp, endpoints}});
  EXPECT_EQ(changes.to_update.size(), 1U);
  EXPECT_TRUE(changes.to_create.empty() && changes.to_delete.empty());
}

TEST(PlanSlices, AReplacedEndpointTakesTheFreedPlace) {
  SliceSet set;
  std::vector<Endpoint> endpoints = endpoints_numbered(0, 200);
  set.change_to({{kHttp, endpoints}});
  endpoints[10] = endpoint_numbered(1000);
  const SliceChanges changes = set.change_to({{kHttp, endpoints}});
  EXPECT_EQ(changes.to_update.size(), 1U);
  EXPECT_TRUE(changes.to_create.empty());
  EXPECT_EQ(set.sizes(), (Sizes{100, 100}));
}

TEST(PlanSlices, NewEndpointsFillTheSliceTheyFitBest) {
  SliceSet set;
  set.slices["roomy"] = {"roomy", "IPv4", kHttp, endpoints_numbered(0, 20)};
  set.slices["tight"] = {"tight", "IPv4", kHttp, endpoints_numbered(20, 110)};
  std::vector<Endpoint> endpoints = endpoints_numbered(0, 118);
  const SliceChanges changes = set.change_to({{kHttp, endpoints}});
  ASSERT_EQ(changes.to_update.size(), 1U);
  EXPECT_EQ(changes.to_update[0].name, "tight");
}

TEST(PlanSlices, HolesAreFilledBeforeASliceIsMade) {
  SliceSet set;
  set.slices["a"] = {"a", "IPv4", kHttp, endpoints_numbered(0, 80)};
  set.slices["b"] = {"b", "IPv4", kHttp, endpoints_numbered(80, 150)};
  set.change_to({{kHttp, endpoints_numbered(0, 200)}});
  EXPECT_EQ(set.sizes(), (Sizes{100, 100}));
}

TEST(PlanSlices, OtherNumbersOfANamedPortAreOtherSlices) {
  SliceSet set;
  set.change_to({{kHttp, endpoints_numbered(0, 2)}, {kHttpNew, endpoints_numbered(2, 3)}});
  EXPECT_EQ(set.sizes(), (Sizes{2, 1}));
}

TEST(PlanSlices, ASliceWhosePortsAreGoneIsUsedForTheNewOnes) {
  SliceSet set;
  set.change_to({{kHttp, endpoints_numbered(0, 3)}});
  const SliceChanges changes = set.change_to({{kHttpNew, endpoints_numbered(0, 3)}});
  EXPECT_EQ(changes.to_update.size(), 1U);
  EXPECT_TRUE(changes.to_create.empty() && changes.to_delete.empty());
}

TEST(PlanSlices, AStaleSliceIsWrittenAgainAsItIs) {
  SliceSet set;
  set.change_to({{kHttp, endpoints_numbered(0, 3)}});
  const auto before = set.slices;
  EXPECT_EQ(set.change_to({{kHttp, endpoints_numbered(0, 3)}}, true).to_update.size(), 1U);
  EXPECT_EQ(set.slices, before);
}

TEST(PlanSlices, TwoPodsOnOneAddressAreTwoEndpoints) {
  SliceSet set;
  std::vector<Endpoint> endpoints = endpoints_numbered(0, 2);
  endpoints[1].address = endpoints[0].address;  // both on the host network of one node
  set.change_to({{kHttp, endpoints}});
  EXPECT_EQ(set.sizes(), Sizes{2});
  endpoints.push_back(endpoints[0]);
  EXPECT_TRUE(set.change_to({{kHttp, endpoints}}).is_empty());
}

TEST(PlanSlices, ASliceThatSomebodyMadeTooLongIsCut) {
  SliceSet set;
  set.slices["a"] = {"a", "IPv4", kHttp, endpoints_numbered(0, 130)};
  set.change_to({{kHttp, endpoints_numbered(0, 130)}});
  EXPECT_EQ(set.sizes(), (Sizes{100, 30}));
}

TEST(PlanSlices, EndpointsThatWereNotTouchedStayWithoutBeingWanted) {
  SliceSet set;
  set.change_to({{kHttp, endpoints_numbered(0, 150)}});
  std::vector<PresentSlice> present;
  for (const auto& [name, slice] : set.slices) {
    present.push_back({&slice, false});
  }
  const TargetUids touched{"uid-3", "uid-4", "uid-1000"};
  const SliceChanges changes = plan_slices(
      "IPv4", {{kHttp, {endpoint_numbered(4, false), endpoint_numbered(1000)}}}, present, {}, &touched);
  ASSERT_EQ(changes.to_update.size(), 1U);
  const std::vector<Endpoint>& now = changes.to_update[0].endpoints;
  EXPECT_EQ(now.size(), 100U);
  EXPECT_EQ(std::count(now.begin(), now.end(), endpoint_numbered(3)), 0);
  EXPECT_EQ(std::count(now.begin(), now.end(), endpoint_numbered(4, false)), 1);
  EXPECT_EQ(std::count(now.begin(), now.end(), endpoint_numbered(5)), 1);
  EXPECT_EQ(std::count(now.begin(), now.end(), endpoint_numbered(1000)), 1);
}

// ---- By the thousand ----

// Everything in which the endpoints of this test differ.
std::string line_of(const std::vector<SlicePort>& ports, const Endpoint& endpoint) {
  return std::to_string(ports.at(0).port) + (endpoint.is_ready ? " ready " : " unready ") + endpoint.address;
}

std::set<std::string> said(const SliceSet& set) {
  std::set<std::string> lines;
  for (const auto& [name, slice] : set.slices) {
    for (const Endpoint& endpoint : slice.endpoints) {
      EXPECT_TRUE(lines.insert(line_of(slice.ports, endpoint)).second) << "twice: " << endpoint.address;
    }
  }
  return lines;
}

std::set<std::string> asked(const WantedEndpoints& wanted) {
  std::set<std::string> lines;
  for (const auto& [ports, endpoints] : wanted) {
    for (const Endpoint& endpoint : endpoints) {
      lines.insert(line_of(ports, endpoint));
    }
  }
  return lines;
}

// How many endpoints must be written: those that are new, gone or different.
std::size_t difference(const std::set<std::string>& one, const std::set<std::string>& other) {
  std::vector<std::string> differing;
  std::set_symmetric_difference(one.begin(), one.end(), other.begin(), other.end(),
                                std::back_inserter(differing));
  return differing.size();
}

TEST(PlanSlices, AnySequenceOfWishesIsMetWithFewWrites) {
  std::mt19937 random(7);
  const auto up_to = [&](int end) { return static_cast<int>(random() % static_cast<unsigned>(end)); };
  for (int run = 0; run < 40; ++run) {
    SliceSet set;
    std::map<int, std::pair<bool, bool>> pods;  // number -> ready, on the new port
    const int size = 1 + up_to(run % 5 == 0 ? 400 : 150);
    for (int step = 0; step < 40; ++step) {
      const int changed = step % 10 == 0 ? size : 1 + up_to(5);
      for (int i = 0; i < changed; ++i) {
        const int number = up_to(size);
        if (up_to(3) == 0) {
          pods.erase(number);
        } else {
          pods[number] = {up_to(2) == 0, up_to(8) == 0};
        }
      }
      WantedEndpoints wanted;
      for (const auto& [number, pod] : pods) {
        wanted[pod.second ? kHttpNew : kHttp].push_back(endpoint_numbered(number, pod.first));
      }
      const std::set<std::string> before = said(set);
      const SliceChanges changes = set.change_to(wanted);
      const std::set<std::string> after = said(set);
      ASSERT_EQ(after, asked(wanted));
      const std::size_t writes =
          changes.to_create.size() + changes.to_update.size() + changes.to_delete.size();
      // At most one write for each endpoint that differs, and for the empty slice that comes or goes.
      ASSERT_LE(writes, difference(before, after) + 1);
      std::map<std::vector<SlicePort>, int> with_room;
      for (const auto& [name, slice] : set.slices) {
        ASSERT_LE(slice.endpoints.size(), kEndpointsPerSlice);
        ASSERT_TRUE(!slice.endpoints.empty() || set.slices.size() == 1);
      }
      // No slice is made while there is room in those of the same ports.
      for (const EndpointSlice& made : changes.to_create) {
        for (const auto& entry : set.slices) {
          const EndpointSlice& slice = entry.second;
          const bool is_made =
              std::any_of(changes.to_create.begin(), changes.to_create.end(),
                          [&](const EndpointSlice& other) { return other.endpoints == slice.endpoints; });
          ASSERT_TRUE(is_made || slice.ports != made.ports || slice.endpoints.size() == kEndpointsPerSlice);
        }
      }
      ASSERT_TRUE(set.change_to(wanted).is_empty());
    }
  }
}

// ---- JSON ----

TEST(SliceJson, SaysEverythingAndReadsItBack) {
  Endpoint endpoint = endpoint_numbered(1);
  endpoint.hostname = "web-1";
  endpoint.node = "node-1";
  endpoint.zone = "a";
  endpoint.is_for_its_zone = true;
  endpoint.is_for_its_node = true;
  const EndpointSlice slice{"web-x", "IPv4", {{"http", "TCP", 8080, "h2c"}, {"", "UDP", 53, ""}}, {endpoint}};
  nlohmann::json object = slice_fields(slice);
  EXPECT_EQ(object["ports"][1], (nlohmann::json{{"name", ""}, {"port", 53}, {"protocol", "UDP"}}));
  EXPECT_EQ(object["endpoints"][0],
            nlohmann::json::parse(
                R"({"addresses":["10.244.0.2"],"conditions":{"ready":true,"serving":true,"terminating":false},
                    "hostname":"web-1","nodeName":"node-1","zone":"a",
                    "hints":{"forZones":[{"name":"a"}],"forNodes":[{"name":"node-1"}]},
                    "targetRef":{"kind":"Pod","namespace":"default","name":"web-1","uid":"uid-1"}})"));
  object["metadata"]["name"] = "web-x";
  const ParsedSlice parsed = parse_slice(object);
  EXPECT_TRUE(parsed.is_exact);
  EXPECT_EQ(parsed.slice, slice);
}

TEST(SliceJson, WhatSomebodyElseWroteIsNotExact) {
  const EndpointSlice slice{"web-x", "IPv4", kHttp, {endpoint_numbered(1)}};
  for (const char* pointer :
       {"/endpoints/0/conditions/ready", "/endpoints/0/extra", "/ports", "/endpoints"}) {
    nlohmann::json object = slice_fields(slice);
    object[nlohmann::json::json_pointer(pointer)] = nullptr;
    EXPECT_FALSE(parse_slice(object).is_exact) << pointer;
  }
}

}  // namespace
}  // namespace labctl::endpoints
