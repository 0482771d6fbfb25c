#include "labctl/report/text/table.hpp"

#include "labctl/report/text/palette.hpp"

#include <gtest/gtest.h>

#include <sstream>

namespace labctl::report {
namespace {

std::string printed(const Table& table) {
  std::ostringstream out;
  table.print(out);
  return out.str();
}

TEST(Table, AlignsColumnsAndLeavesNoTrailingBlanks) {
  Table table({"NAME", "READY"});
  table.add({"a", "1/1"});
  table.add({"longer-name", ""});
  EXPECT_EQ(printed(table), "NAME          READY\na             1/1\nlonger-name\n");
}

TEST(Table, CountsColoursAndUtf8AsWhatIsSeen) {
  const Palette palette(true);
  Table table({"A", "B"});
  table.add({Cell::of_colour(palette.good("ok")), "x"});
  table.add({"öö", "y"});
  EXPECT_EQ(printed(table), "A    B\n\x1b[32mok\x1b[0m   x\nöö   y\n");
}

TEST(Table, KeepsHostileCellsOnTheirLine) {
  Table table({"A"});
  table.add({"one\ntwo\x1b[2J\x07\x1b[8m"});
  EXPECT_EQ(printed(table), "A\none two\\x1b[2J\\x07\\x1b[8m\n");
}

TEST(Table, CanDoWithoutHeaders) {
  Table table({"NAME"}, false);
  table.add({"a"});
  EXPECT_EQ(printed(table), "a\n");
}

TEST(CutToWidth, CountsCharactersAndNotBytes) {
  EXPECT_EQ(cut_to_width("gr\u00fcn", 4), "gr\u00fcn");
  EXPECT_EQ(cut_to_width("gr\u00fcne Wiese", 6), "gr\u00fc...");
  EXPECT_EQ(cut_to_width("abcdef", 3), "...");
  EXPECT_EQ(cut_to_width("abcdef", 1), ".");
  EXPECT_EQ(cut_to_width("abcdef", 0), "");
}

TEST(Palette, PaintsOnlyWhenItMay) {
  EXPECT_EQ(Palette(false).bad("x"), "x");
  EXPECT_EQ(Palette(true).bad("x"), "\x1b[31mx\x1b[0m");
  EXPECT_TRUE(wants_color(ColorChoice::Always, -1));
  EXPECT_FALSE(wants_color(ColorChoice::Never, 1));
}

}  // namespace
}  // namespace labctl::report
