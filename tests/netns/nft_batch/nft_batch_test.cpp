// Elements of nftables sets on the real kernel: that it keeps what was sent, shows it readably, and that a
// transaction is all or nothing.

#include "topology/kernel/nft_batch.hpp"

#include "tests/support/addresses.hpp"
#include "topology/base/error.hpp"
#include "topology/base/ip_address.hpp"
#include "topology/kernel/network_namespace.hpp"
#include "topology/kernel/nft_context.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstring>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace labctl::kernel {
namespace {

using testing::HasSubstr;
using Bytes = std::vector<std::byte>;

constexpr const char* kDeclarations = R"(
table inet lab {
  map services4 { typeof ip daddr . meta l4proto . th dport : meta mark; }
  map services6 { typeof ip6 daddr . meta l4proto . th dport : meta mark; }
  map endpoints4 { typeof ip daddr . meta l4proto . th dport . numgen random mod 3 : ip daddr . th dport; }
  map endpoints6 { typeof ip6 daddr . meta l4proto . th dport . numgen random mod 3 : ip6 daddr . th dport; }
  set ranges4 { typeof ip daddr . meta l4proto . th dport . ip saddr; flags interval; }
  set ranges6 { typeof ip6 daddr . meta l4proto . th dport . ip6 saddr; flags interval; }
  map aff { type ipv4_addr : ipv4_addr . inet_service; size 65535; flags dynamic,timeout; timeout 3h; }
  chain three { numgen random mod 3 vmap { 0 : accept }; }
})";

// Appends the fields of a concatenation.
class Fields {
 public:
  Fields& address(const IpAddress& value) { return put(value.bytes().data(), value.size()); }
  Fields& protocol(std::uint8_t value) { return put(&value, 1); }
  Fields& port(std::uint16_t value) {
    const std::uint16_t network = htons(value);
    return put(&network, sizeof network);
  }
  Fields& host(std::uint32_t value) { return put(&value, sizeof value); }
  operator Bytes() const { return bytes_; }

 private:
  Fields& put(const void* data, std::size_t size) {
    const std::size_t offset = bytes_.size();
    bytes_.resize(offset + (size + 3) / 4 * 4);
    std::memcpy(bytes_.data() + offset, data, size);
    return *this;
  }
  Bytes bytes_;
};

Bytes service(const char* address, std::uint16_t port = 80) {
  return Fields().address(ip(address)).protocol(IPPROTO_TCP).port(port);
}
Bytes endpoint_key(const char* address, std::uint32_t slot) {
  return Fields().address(ip(address)).protocol(IPPROTO_TCP).port(80).host(slot);
}
Bytes endpoint(const char* address, std::uint16_t port = 8080) {
  return Fields().address(ip(address)).port(port);
}
Bytes mark(std::uint32_t value) { return Fields().host(value); }
Bytes range_key(const char* service_address, const char* source) {
  return Fields().address(ip(service_address)).protocol(IPPROTO_TCP).port(80).address(ip(source));
}

class NftBatchTest : public testing::Test {
 protected:
  NftBatchTest() {
    scope_.enter_new();
    context_.emplace(NftContext::open());
    context_->run(kDeclarations);
    socket_.emplace(NftSocket::open());
  }
  void add(const char* set, const Bytes& key, const Bytes& data = {}, std::string_view comment = {},
           const Bytes& key_end = {}) {
    batch_.add(set, {key, key_end, data, comment});
  }
  void remove(const char* set, const Bytes& key, const Bytes& key_end = {}) {
    batch_.remove(set, {key, key_end, {}, {}});
  }
  void commit() { socket_->commit(batch_); }
  std::string message_of_commit() {
    try {
      commit();
    } catch (const Error& error) {
      return error.message();
    }
    return "committed";
  }
  std::vector<StoredElement> elements(const char* set) { return socket_->elements("lab", set); }
  std::string listed() { return context_->list_ruleset(); }

  NamespaceScope scope_;
  std::optional<NftContext> context_;
  std::optional<NftSocket> socket_;
  NftBatch batch_{"lab"};
};

TEST_F(NftBatchTest, MapsFromConcatenatedKeysToConcatenatedData) {
  add("endpoints4", endpoint_key("10.96.0.1", 0), endpoint("10.244.0.2"), "default/web:http pod/web-0");
  add("endpoints4", endpoint_key("10.96.0.1", 1), endpoint("10.244.1.2", 8081));
  add("endpoints6", endpoint_key("fd00:96::1", 2), endpoint("fd00:244::2"), "six");
  commit();
  const std::string text = listed();
  EXPECT_THAT(
      text, HasSubstr("10.96.0.1 . tcp . 80 . 0 comment \"default/web:http pod/web-0\" : 10.244.0.2 . 8080"));
  EXPECT_THAT(text, HasSubstr("10.96.0.1 . tcp . 80 . 1 : 10.244.1.2 . 8081"));
  EXPECT_THAT(text, HasSubstr("fd00:96::1 . tcp . 80 . 2 comment \"six\" : fd00:244::2 . 8080"));
  EXPECT_THAT(
      elements("endpoints6"),
      testing::ElementsAre(StoredElement{endpoint_key("fd00:96::1", 2), {}, endpoint("fd00:244::2"), "six"}));
  EXPECT_THAT(elements("endpoints4"),
              testing::UnorderedElementsAre(
                  StoredElement{
                      endpoint_key("10.96.0.1", 0), {}, endpoint("10.244.0.2"), "default/web:http pod/web-0"},
                  StoredElement{endpoint_key("10.96.0.1", 1), {}, endpoint("10.244.1.2", 8081), ""}));
}

TEST_F(NftBatchTest, MapsToMarks) {
  add("services4", service("10.96.0.1"), mark(0x10003), "default/web:http");
  add("services6", service("fd00:96::1", 443), mark(7));
  commit();
  EXPECT_THAT(listed(), HasSubstr("10.96.0.1 . tcp . 80 comment \"default/web:http\" : 0x00010003"));
  EXPECT_THAT(listed(), HasSubstr("fd00:96::1 . tcp . 443 : 0x00000007"));
  ASSERT_EQ(elements("services4").size(), 1u);
  EXPECT_EQ(elements("services4")[0].data, mark(0x10003));
}

TEST_F(NftBatchTest, ARangeIsItsFirstAndLastKey) {
  add("ranges4", range_key("10.96.0.1", "10.0.0.0"), {}, "office", range_key("10.96.0.1", "10.0.255.255"));
  add("ranges4", range_key("10.96.0.1", "192.0.2.1"), {}, "", range_key("10.96.0.1", "192.0.2.1"));
  add("ranges4", range_key("10.96.0.2", "0.0.0.0"), {}, "", range_key("10.96.0.2", "255.255.255.255"));
  add("ranges6", range_key("fd00:96::1", "fd00::"), {}, "", range_key("fd00:96::1", "fd00::ffff"));
  commit();
  EXPECT_THAT(listed(), HasSubstr("10.96.0.1 . tcp . 80 . 10.0.0.0/16 comment \"office\""));
  EXPECT_THAT(listed(), HasSubstr("10.96.0.1 . tcp . 80 . 192.0.2.1"));
  EXPECT_THAT(listed(), HasSubstr("fd00:96::1 . tcp . 80 . fd00::/112"));
  EXPECT_EQ(elements("ranges4").size(), 3u);
  ASSERT_EQ(elements("ranges6").size(), 1u);
  EXPECT_EQ(elements("ranges6")[0].key_end, Bytes(range_key("fd00:96::1", "fd00::ffff")));

  remove("ranges4", range_key("10.96.0.1", "10.0.0.0"), range_key("10.96.0.1", "10.0.255.255"));
  commit();
  EXPECT_EQ(elements("ranges4").size(), 2u);
  EXPECT_THAT(listed(), testing::Not(HasSubstr("office")));
}

TEST_F(NftBatchTest, ReplacesAnElementInOneTransaction) {
  add("endpoints4", endpoint_key("10.96.0.1", 0), endpoint("10.244.0.2"), "old");
  commit();
  remove("endpoints4", endpoint_key("10.96.0.1", 0));
  add("endpoints4", endpoint_key("10.96.0.1", 0), endpoint("10.244.0.9"), "new");
  commit();
  EXPECT_THAT(elements("endpoints4"), testing::ElementsAre(StoredElement{
                                          endpoint_key("10.96.0.1", 0), {}, endpoint("10.244.0.9"), "new"}));
}

TEST_F(NftBatchTest, ReplacesARangeInOneTransaction) {
  const Bytes from = range_key("10.96.0.1", "10.0.0.0");
  add("ranges4", from, {}, "", range_key("10.96.0.1", "10.0.0.255"));
  commit();
  remove("ranges4", from, range_key("10.96.0.1", "10.0.0.255"));
  add("ranges4", from, {}, "", range_key("10.96.0.1", "10.0.1.255"));
  commit();
  ASSERT_EQ(elements("ranges4").size(), 1u);
  EXPECT_EQ(elements("ranges4")[0].key_end, range_key("10.96.0.1", "10.0.1.255"));
}

TEST_F(NftBatchTest, AddingWhatIsThereDoesNothing) {
  add("services4", service("10.96.0.1"), mark(3));
  commit();
  add("services4", service("10.96.0.1"), mark(3));
  EXPECT_EQ(message_of_commit(), "committed");
  EXPECT_EQ(elements("services4").size(), 1u);
}

TEST_F(NftBatchTest, AFailureLeavesEverythingAsItWas) {
  add("services4", service("10.96.0.1"), mark(3));
  add("endpoints4", endpoint_key("10.96.0.1", 0), endpoint("10.244.0.2"));
  commit();
  const std::string before = listed();
  remove("endpoints4", endpoint_key("10.96.0.1", 0));
  add("services4", service("10.96.0.2"), mark(3), "default/new:http");
  add("services4", service("10.96.0.1"), mark(4), "default/web:http");
  add("services4", service("10.96.0.3"), mark(3));
  EXPECT_EQ(message_of_commit(), "add element 2 (default/web:http) to services4: File exists (EEXIST)");
  EXPECT_EQ(listed(), before);
  EXPECT_TRUE(batch_.empty());
  add("services4", service("10.96.0.2"), mark(5));
  EXPECT_EQ(message_of_commit(), "committed") << "the socket goes on";
}

TEST_F(NftBatchTest, NamesTheElementThatIsNotThere) {
  add("services4", service("10.96.0.1"), mark(3));
  remove("services4", service("10.96.0.1", 81));
  EXPECT_EQ(message_of_commit(), "remove element 1 from services4: No such file or directory (ENOENT)");
  EXPECT_TRUE(elements("services4").empty());
}

TEST_F(NftBatchTest, NamesTheSetThatIsNotThere) {
  add("nosuch", service("10.96.0.1"), mark(3));
  EXPECT_EQ(message_of_commit(), "add elements to nosuch: No such file or directory (ENOENT)");
  try {
    elements("nosuch");
    ADD_FAILURE() << "listed";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::NotFound) << error.what();
  }
}

TEST_F(NftBatchTest, RefusesAKeyOfTheWrongLength) {
  add("services4", endpoint("10.96.0.1"), mark(3));
  EXPECT_EQ(message_of_commit(), "add element 0 to services4: Invalid argument (EINVAL)");
}

TEST_F(NftBatchTest, EveryFailureOfManyIsReadAndTheFirstTold) {
  // Each element is a message of its own: more errors than the socket's receive buffer holds.
  for (std::uint16_t i = 1; i <= 3000; ++i) {
    remove("services4", service("10.96.0.1", i));
    remove("services6", service("fd00:96::1", i));
  }
  EXPECT_EQ(message_of_commit(), "remove element 0 from services4: No such file or directory (ENOENT)");
  add("services4", service("10.96.0.1"), mark(1));
  EXPECT_EQ(message_of_commit(), "committed");
}

TEST_F(NftBatchTest, AnEmptyBatchIsNothingToDo) {
  EXPECT_TRUE(batch_.empty());
  EXPECT_EQ(batch_.size_bytes(), 0u);
  EXPECT_EQ(message_of_commit(), "committed");
}

TEST_F(NftBatchTest, LongCommentsAreCut) {
  const std::string comment(200, 'c');
  add("services4", service("10.96.0.1"), mark(3), comment);
  commit();
  EXPECT_EQ(elements("services4")[0].comment, comment.substr(0, 127));
  EXPECT_THAT(listed(), HasSubstr("comment \"" + comment.substr(0, 127) + "\""));
}

TEST_F(NftBatchTest, TheKernelsOwnElementsAreReadAndRemoved) {
  context_->run("add element inet lab aff { 10.0.0.1 : 10.244.0.2 . 8080, 10.0.0.2 : 10.244.0.3 . 8080 }");
  ASSERT_EQ(elements("aff").size(), 2u);
  const Bytes client = Fields().address(ip("10.0.0.1"));
  remove("aff", client);
  commit();
  const std::vector<StoredElement> left = elements("aff");
  ASSERT_EQ(left.size(), 1u);
  EXPECT_EQ(left[0].data, endpoint("10.244.0.3"));
}

TEST_F(NftBatchTest, TenThousandServicesOfThreeEndpoints) {
  const auto commit_when_full = [&](std::size_t room) {
    if (batch_.size_bytes() + room > socket_->max_batch_bytes()) {
      commit();
    }
  };
  constexpr std::uint32_t kServices = 10000;
  for (std::uint32_t i = 0; i < kServices; ++i) {
    commit_when_full(2048);
    const IpAddress address = ip("10.96.0.0").plus(i);
    const std::string name = "default/service-" + std::to_string(i) + ":http";
    const Bytes key = Fields().address(address).protocol(IPPROTO_TCP).port(80);
    add("services4", key, mark(3), name);
    for (std::uint32_t slot = 0; slot < 3; ++slot) {
      const Bytes slot_key = Fields().address(address).protocol(IPPROTO_TCP).port(80).host(slot);
      const Bytes data = Fields().address(ip("10.244.0.0").plus(3 * i + slot)).port(8080);
      add("endpoints4", slot_key, data, name);
    }
  }
  commit();
  EXPECT_EQ(elements("services4").size(), kServices);
  std::set<Bytes> found;
  for (const StoredElement& element : elements("endpoints4")) {
    found.insert(element.data);
  }
  EXPECT_EQ(found.size(), 3 * kServices);
  for (std::uint32_t i = 0; i < kServices; ++i) {
    commit_when_full(2048);
    remove("services4", Fields().address(ip("10.96.0.0").plus(i)).protocol(IPPROTO_TCP).port(80));
  }
  commit();
  EXPECT_TRUE(elements("services4").empty());
}

TEST_F(NftBatchTest, OneSetsElementsFillMessagesOf64Kilobytes) {
  for (std::uint32_t i = 0; i < 4000; ++i) {
    add("services4", Fields().address(ip("10.96.0.0").plus(i)).protocol(IPPROTO_TCP).port(80), mark(i));
  }
  EXPECT_EQ(batch_.elements(), 4000u);
  EXPECT_GT(batch_.size_bytes(), 2 * 65536u);
  EXPECT_LT(batch_.size_bytes(), 3 * 65536u);
  // In the third message: counted over the batch all the same.
  add("services4", service("10.96.0.0"), mark(9), "twice");
  EXPECT_EQ(message_of_commit(), "add element 4000 (twice) to services4: File exists (EEXIST)");
  EXPECT_TRUE(elements("services4").empty());
}

TEST_F(NftBatchTest, ATransactionOfTheLargestSizePassesAndALargerOneIsRefused) {
  const auto fill = [&](std::size_t limit) {
    for (std::uint32_t i = 0; batch_.size_bytes() + 100 < limit; ++i) {
      const Bytes key = Fields().address(ip("10.0.0.0").plus(i)).protocol(IPPROTO_TCP).port(80);
      const Bytes data = mark(i);
      batch_.add("services4", {key, {}, data, {}});
    }
  };
  // 64 MiB of elements would take the kernel seconds.
  const std::size_t limit = socket_->max_batch_bytes();
  EXPECT_GE(limit, 128u * 1024);
  if (limit < 16u << 20) {
    fill(limit);
    EXPECT_EQ(message_of_commit(), "committed");
  }
  fill(limit);
  for (int i = 0; i < 10; ++i) {
    add("services4", service("10.96.0.1"), mark(3));
  }
  const std::string refused = message_of_commit();
  EXPECT_THAT(refused, HasSubstr("bytes are more than one transaction can carry here"));
  EXPECT_TRUE(batch_.empty());
}

TEST_F(NftBatchTest, TheSocketStaysInItsNamespace) {
  add("services4", service("10.96.0.1"), mark(3));
  {
    NamespaceScope elsewhere;
    elsewhere.enter_new();
    commit();
  }
  EXPECT_EQ(elements("services4").size(), 1u);
}

}  // namespace
}  // namespace labctl::kernel
