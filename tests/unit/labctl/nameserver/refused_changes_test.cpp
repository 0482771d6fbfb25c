#include "labctl/nameserver/refused_changes.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace labctl::nameserver {
namespace {

using dns::Record;
using dns::RecordType;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const std::string kZone = "cluster.local.";
const Record kOld{"web.shop.svc.cluster.local.", RecordType::A, "10.96.0.1"};
const Record kNew{"web.shop.svc.cluster.local.", RecordType::A, "10.96.0.2"};

class RefusedChangesTest : public ::testing::Test {
 protected:
  // What the servers are told next.
  ZoneJournal::Batch told() {
    const ZoneJournal::Position from = seen_;
    seen_ = journal.end(0);
    return journal.batch(0, from, 100);
  }
  bool is_something_told() const { return journal.end(0) != seen_; }

  dns::RecordBook book{{kZone}};
  ZoneJournal journal{{kZone}};
  RefusedChanges refused;

 private:
  ZoneJournal::Position seen_ = 0;
};

TEST_F(RefusedChangesTest, AreSaidAgainAsThingsAreByThen) {
  book.set("web", {kOld});
  EXPECT_TRUE(refused.add("web", {kZone, {}, {kOld}}));
  book.set("web", {kNew});
  refused.say_again(book, journal);
  ZoneJournal::Batch batch = told();
  EXPECT_EQ(batch.owner, "web");
  EXPECT_THAT(batch.change.added, IsEmpty());
  EXPECT_THAT(batch.change.removed, ElementsAre(kOld));

  refused.add("web", {kZone, {kOld}, {kNew}});
  refused.say_again(book, journal);
  batch = told();
  EXPECT_THAT(batch.change.added, ElementsAre(kNew));
  EXPECT_THAT(batch.change.removed, ElementsAre(kOld));
}

TEST_F(RefusedChangesTest, AreSaidOnceUnlessRefusedAgain) {
  refused.add("web", {kZone, {kOld}, {}});
  refused.say_again(book, journal);
  told();
  EXPECT_FALSE(refused.empty());
  refused.say_again(book, journal);
  EXPECT_FALSE(is_something_told());
  EXPECT_TRUE(refused.empty());
}

TEST_F(RefusedChangesTest, OneThatIsRefusedAgainIsNotNewAndWaitsLonger) {
  EXPECT_TRUE(refused.add("web", {kZone, {kOld}, {}}));
  EXPECT_EQ(refused.delay(), RefusedChanges::kAgainAfter);
  refused.say_again(book, journal);
  EXPECT_FALSE(refused.add("web", {kZone, {kOld}, {}}));
  EXPECT_EQ(refused.delay(), 2 * RefusedChanges::kAgainAfter);
  for (int i = 0; i < 20; ++i) {
    refused.say_again(book, journal);
    refused.add("web", {kZone, {kOld}, {}});
  }
  EXPECT_EQ(refused.delay(), RefusedChanges::kAgainAfterMax);
  refused.say_again(book, journal);
  refused.say_again(book, journal);  // nothing was refused since
  EXPECT_EQ(refused.delay(), RefusedChanges::kAgainAfter);
  EXPECT_TRUE(refused.add("web", {kZone, {kOld}, {}}));
}

}  // namespace
}  // namespace labctl::nameserver
