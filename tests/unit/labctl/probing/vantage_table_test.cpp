#include "labctl/probing/vantage_table.hpp"

#include "topology/base/error.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>

#include <nlohmann/json.hpp>

#include <thread>

namespace labctl::probing {
namespace {

IpAddress some_address(int i) {
  return *IpAddress::parse("10.244." + std::to_string(i / 250) + "." + std::to_string(i % 250 + 1));
}

std::shared_ptr<const Place> some_place(int i, const std::shared_ptr<const UniqueFd>& netns) {
  Place place;
  place.id = "pod/default/p-" + std::to_string(i);
  place.addresses = {some_address(i)};
  place.netns = netns;
  return std::make_shared<const Place>(std::move(place));
}

bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

TEST(VantageTable, SharesItsDescriptorsAndKeepsThemOpen) {
  auto netns = std::make_shared<const UniqueFd>(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const int fd = netns->get();
  const auto table = std::make_shared<VantageTable>();
  for (int i = 0; i < 1000; ++i) {
    table->add(some_place(i, netns));
  }
  EXPECT_EQ(table->vantage("pod/default/p-7").netns_fd, fd);
  EXPECT_EQ(netns.use_count(), 1001);
  netns.reset();  // the lab removes its pods
  EXPECT_TRUE(is_open(fd)) << "for the request that is under way";
}

TEST(VantageTable, MayBeAskedByManyAtOnce) {
  const auto netns = std::make_shared<const UniqueFd>();
  VantageTable table;
  for (int i = 0; i < 2000; ++i) {
    table.add(some_place(i, netns));
  }
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = t; i < 2000; i += 4) {
        EXPECT_EQ(table.owner_of(some_address(i)), "pod/default/p-" + std::to_string(i));
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
}

store::ObjectPtr some_service(const std::string& name) {
  return std::make_shared<const nlohmann::json>(
      nlohmann::json{{"metadata", {{"namespace", "default"}, {"name", name}}}});
}

TEST(VantageTable, WithOtherServicesHasTheSamePlaces) {
  VantageTable before;
  before.add(some_place(1, std::make_shared<const UniqueFd>()));
  before.set_services({some_service("old")});
  const engine::Vantage& vantage = before.vantage("pod/default/p-1");
  const auto now = before.with_services({some_service("new")});
  EXPECT_EQ(&now->vantage("pod/default/p-1"), &vantage) << "they were gone through again";
  EXPECT_EQ(now->service("default", "new").at("metadata").at("name"), "new");
  EXPECT_THROW(now->service("default", "old"), Error);
  EXPECT_NO_THROW(before.service("default", "old")) << "for the request that is under way";
}

TEST(VantageTable, NamesANearPlaceForOneThatIsNotThere) {
  VantageTable table;
  table.add(some_place(1, std::make_shared<const UniqueFd>()));
  EXPECT_EQ(table.find("pod/default/q-1"), nullptr);
  try {
    table.vantage("pod/default/q-1");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::NotFound);
    EXPECT_EQ(error.hint(), "did you mean pod/default/p-1?");
  }
}

TEST(VantageTable, NamesAPlaceOfAnotherNamespaceThatIsCalledTheSame) {
  VantageTable table;
  table.add(some_place(1, std::make_shared<const UniqueFd>()));
  try {
    table.vantage("pod/shop/p-1");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.hint(), "did you mean pod/default/p-1?");
  }
}

}  // namespace
}  // namespace labctl::probing
