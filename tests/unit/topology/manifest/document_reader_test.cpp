#include "topology/manifest/yaml/document_reader.hpp"

#include "topology/manifest/yaml/source.hpp"
#include "topology/manifest/yaml/text_check.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace labctl::manifest {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using Type = YamlNode::Kind;

struct Read {
  YamlArena arena;
  std::vector<const YamlNode*> roots;
  std::vector<Diagnostic> diagnostics;
  // Of the single document.
  const YamlNode& root() const { return *roots.at(0); }
  std::string text() const { return diagnostics.empty() ? "" : to_string(diagnostics.front()); }
};

Read read(std::string_view text) {
  Read out;
  Findings findings({"t.yaml"}, false);
  out.roots = read_documents(0, text, out.arena, findings);
  out.diagnostics = findings.take();
  return out;
}

std::string repeated(std::string_view piece, size_t times) {
  std::string out;
  out.reserve(piece.size() * times);
  for (size_t i = 0; i < times; ++i) {
    out += piece;
  }
  return out;
}

TEST(Scalars, AreTypedAsKubectlTypesThem) {
  struct Case {
    const char* text;
    Type kind;
  };
  for (const Case& c : {Case{"yes", Type::Boolean},
                        Case{"No", Type::Boolean},
                        Case{"on", Type::Boolean},
                        Case{"OFF", Type::Boolean},
                        Case{"true", Type::Boolean},
                        Case{"y", Type::String},
                        Case{"N", Type::String},
                        Case{"yEs", Type::String},
                        Case{"~", Type::Null},
                        Case{"null", Type::Null},
                        Case{"Null", Type::Null},
                        Case{"nULL", Type::String},
                        Case{"0", Type::Integer},
                        Case{"-12", Type::Integer},
                        Case{"+7", Type::Integer},
                        Case{"0x1F", Type::Integer},
                        Case{"0o17", Type::Integer},
                        Case{"017", Type::Integer},
                        Case{"0b11", Type::Integer},
                        Case{"1_000", Type::Integer},
                        Case{"089", Type::Float},
                        Case{"1.5", Type::Float},
                        Case{"1e3", Type::Float},
                        Case{".5", Type::Float},
                        Case{"1.2.3.4", Type::String},
                        Case{"12:30", Type::String},
                        Case{"2001-01-01", Type::String},
                        Case{"inf", Type::String},
                        Case{"nan", Type::String},
                        Case{"'1'", Type::String},
                        Case{"\"yes\"", Type::String},
                        Case{"!!str 1", Type::String},
                        Case{"!!int '1'", Type::Integer},
                        Case{"10.244.0.0/16", Type::String}}) {
    const Read out = read(std::string("a: ") + c.text + "\n");
    ASSERT_THAT(out.diagnostics, IsEmpty()) << c.text << " " << out.text();
    EXPECT_EQ(out.root().entries.at(0).value->kind, c.kind) << c.text;
  }
}

TEST(Scalars, HoldTheirValues) {
  const Read out = read("[0x1F, 017, -9223372036854775808, on, 1_000, 1.5]");
  const auto& items = out.root().items;
  EXPECT_EQ(items[0]->integer, 31);
  EXPECT_EQ(items[1]->integer, 15);
  EXPECT_EQ(items[2]->integer, INT64_MIN);
  EXPECT_TRUE(items[3]->truth);
  EXPECT_EQ(items[4]->integer, 1000);
  EXPECT_DOUBLE_EQ(items[5]->number, 1.5);
}

TEST(Scalars, BeyondSixtyFourBitsAreNumbers) {
  const Read out = read("[9223372036854775808, 1e999]");
  EXPECT_EQ(out.root().items[0]->kind, Type::Float);
  EXPECT_EQ(out.root().items[1]->kind, Type::String);
}

TEST(Positions, PointAtKeysAndValues) {
  const Read out = read("# comment\na:\n  bee: {c: 7}\n");
  const YamlEntry& bee = out.root().entries.at(0).value->entries.at(0);
  EXPECT_EQ(bee.mark, (Mark{3, 3}));
  EXPECT_EQ(bee.value->mark, (Mark{3, 8}));
  EXPECT_EQ(bee.value->entries.at(0).value->mark, (Mark{3, 12}));
}

TEST(Positions, OfAValueLeftOutAreItsKeys) {
  const Read out = read("a:\n  b:\nc: 1\n");
  EXPECT_EQ(out.root().entries.at(0).value->entries.at(0).value->mark, (Mark{2, 3}));
}

TEST(Positions, CountOnThroughDocuments) {
  const Read out = read("a: 1\n---\n---\n# nothing\n---\nb: 2\n");
  ASSERT_THAT(out.roots, SizeIs(2));
  EXPECT_EQ(out.roots[1]->entries.at(0).mark, (Mark{6, 1}));
}

TEST(Documents, DirectivesBelongToTheNext) {
  const Read out = read("%YAML 1.2\n---\na: 1\n...\n---\nb: 2\n");
  EXPECT_THAT(out.diagnostics, IsEmpty()) << out.text();
  EXPECT_THAT(out.roots, SizeIs(2));
}

TEST(Documents, AMistakeDoesNotHideTheNext) {
  const Read out = read("a: [\n---\nb: 2\n---\nc: ]\n");
  EXPECT_THAT(out.diagnostics, SizeIs(2));
  ASSERT_THAT(out.roots, SizeIs(1));
  EXPECT_EQ(out.root().entries.at(0).key, "b");
}

TEST(Documents, EmptyTextHasNone) {
  for (const char* text : {"", "\n\n", "# only a comment", "---\n---\n", "~\n", "\xef\xbb\xbf"}) {
    const Read out = read(text);
    EXPECT_THAT(out.roots, IsEmpty()) << text;
    EXPECT_THAT(out.diagnostics, IsEmpty()) << text << out.text();
  }
}

TEST(Documents, TakeJsonWithTabs) {
  const Read out = read("{\n\t\"a\": [1, \"x\\/y \\u00e9\"],\n\t\"b\": null\n}\n");
  ASSERT_THAT(out.diagnostics, IsEmpty()) << out.text();
  EXPECT_EQ(out.root().find("a")->items.at(1)->text, "x/y \xc3\xa9");
}

TEST(Documents, TakeWindowsLineEndsAndAByteOrderMark) {
  const Read out = read(
      "\xef\xbb\xbf"
      "a: 'x'\r\nb: |\r\n  [[\r\n");
  ASSERT_THAT(out.diagnostics, IsEmpty()) << out.text();
  EXPECT_EQ(out.root().find("a")->text, "x");
}

TEST(Keys, AreTakenAsKubectlTakesThem) {
  const Read out = read("1: a\nyes: b\n1.5: c\n");
  EXPECT_NE(out.root().find("1"), nullptr);
  EXPECT_NE(out.root().find("true"), nullptr);
  EXPECT_NE(out.root().find("1.5"), nullptr);
}

TEST(Keys, TwiceIsAnErrorAtTheSecond) {
  const Read out = read("a: 1\nb: 2\na: 3\n");
  EXPECT_EQ(out.text(),
            "t.yaml:3:1: error: the key \"a\" stands here twice\n"
            "  hint: the first is on line 1; remove one of them, or merge their values");
}

TEST(Keys, TwiceIsFoundAmongManyInLinearTime) {
  std::string text;
  for (int i = 0; i < 50'000; ++i) {
    text += "key" + std::to_string(i) + ": 1\n";
  }
  EXPECT_THAT(read(text + "key7: 2\n").diagnostics, SizeIs(1));
}

TEST(Anchors, ShareTheValue) {
  const Read out = read("a: &x {b: 1}\nc: *x\n");
  EXPECT_EQ(out.root().find("a"), out.root().find("c"));
}

TEST(Anchors, MergeKeysLoseAgainstTheMappingAndTheEarlier) {
  const Read out = read("one: &one {a: 1, b: 1}\ntwo: &two {b: 2, c: 2}\nall: {<<: [*one, *two], a: 0}\n");
  ASSERT_THAT(out.diagnostics, IsEmpty()) << out.text();
  const YamlNode& all = *out.root().find("all");
  EXPECT_EQ(all.find("a")->integer, 0);
  EXPECT_EQ(all.find("b")->integer, 1);
  EXPECT_EQ(all.find("c")->integer, 2);
}

TEST(Anchors, AQuotedMergeKeyIsAnOrdinaryKey) {
  const Read out = read("a: {\"<<\": 1}\n");
  EXPECT_NE(out.root().find("a")->find("<<"), nullptr);
}

TEST(Anchors, InsideThemselvesAreRefused) {
  EXPECT_THAT(read("a: &x [1, *x]\n").text(),
              HasSubstr("t.yaml:1:11: error: the alias *x stands inside its own"));
  EXPECT_THAT(read("&x a: {b: &x {c: *x}}\n").text(), HasSubstr("stands inside its own"));
}

TEST(Anchors, ThatLaughABillionTimesAreRefused) {
  std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    const std::string last = "*a" + std::to_string(i - 1);
    text +=
        "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + repeated(last + ", ", 9) + last + "]\n";
  }
  EXPECT_THAT(read(text).text(), HasSubstr("more than 2000000 values"));
}

TEST(Limits, NestingIsRefusedAtTheFirstTooDeep) {
  EXPECT_THAT(read("a: " + repeated("[", 63) + repeated("]", 63)).diagnostics, IsEmpty());
  EXPECT_THAT(read("a: " + repeated("[", 64) + repeated("]", 64)).text(),
              HasSubstr("t.yaml:1:67: error: values nest deeper"));
}

// Ten million of anything must neither overflow the stack nor take gigabytes.
TEST(Limits, TenMegabytesOfNestingAreRefused) {
  constexpr size_t kSize = 10'000'000;
  for (const char* piece : {"[", "{", "- ", "? ", "[ ", "{a: ", "[a, ", "{? ", "[{", "[[],",
                            "{a: 'x', b: ", "!!seq [", "\"a\": [", "- [", "&a [", "- ? "}) {
    const Read out = read(repeated(piece, kSize / std::char_traits<char>::length(piece)));
    ASSERT_FALSE(out.diagnostics.empty()) << piece;
    EXPECT_TRUE(has_errors(out.diagnostics)) << piece;
    EXPECT_GT(out.diagnostics.front().where.line, 0) << piece;
  }
}

TEST(Limits, TenMegabytesOfIndentationAreRefused) {
  std::string text;
  for (size_t depth = 0; text.size() < 10'000'000; ++depth) {
    text += std::string(depth, ' ') + "a:\n";
  }
  EXPECT_THAT(read(text).text(), HasSubstr("t.yaml:65:65: error: values nest deeper than 64 levels"));
}

TEST(Limits, BracketsInTextAreNoNesting) {
  const std::string brackets = repeated("[{", 5000);
  for (const std::string& text :
       {"a: |\n  " + brackets + "\n", "a: >-\n\n  x\n   " + brackets + "\nb: 1\n",
        "a: \"" + brackets + "\"\n", "a: '" + brackets + "'\n", "a: x" + brackets + "\n",
        "# " + brackets + "\na: 1\n", "a: x # " + brackets + "\n", "- - |\n    " + brackets + "\n",
        "a: {b: \"" + brackets + "\"}\n", "a: one\n  " + brackets + "\nb: 2\n",
        "- \"" + brackets + "\n  more\"\n", "- k: |+2 # note\n     " + brackets + "\n  l: 1\n"}) {
    const Read out = read(text);
    EXPECT_THAT(out.diagnostics, IsEmpty()) << text.substr(0, 20) << out.text();
  }
}

TEST(Limits, TooManyValuesInBracketsAreRefused) {
  EXPECT_THAT(read("[" + repeated("1,", 4'000'000) + "1]").text(), HasSubstr("too many values in brackets"));
}

TEST(Limits, TextThatIsTooLargeIsRefused) {
  EXPECT_THAT(read(std::string(kSourceSizeMax + 1, '\n')).text(),
              HasSubstr("t.yaml:1:1: error: the text is larger than 32 MiB"));
}

TEST(Limits, ManyEmptyDocumentsAreQuick) { EXPECT_THAT(read(repeated("---\n", 2'000'000)).roots, IsEmpty()); }

TEST(Text, BytesThatAreNoTextAreRefusedWithTheirPosition) {
  EXPECT_THAT(read(std::string_view("a: 1\nb: \0", 9)).text(), HasSubstr("t.yaml:2:4: error: NUL byte"));
  EXPECT_THAT(read("a: \x80").text(), HasSubstr("t.yaml:1:4: error: the text is not valid UTF-8"));
  for (const char* text : {"\xc0\xaf", "\xe0\x80\x80", "\xed\xa0\x80", "\xf5\x80\x80\x80", "\xf4\x90\x80\x80",
                           "\xc3", "\xe2\x82"}) {
    EXPECT_THAT(read(text).text(), HasSubstr("not valid UTF-8"));
  }
  EXPECT_THAT(read("a: \x1b[0m").text(), HasSubstr("control character 0x1b"));
}

TEST(Text, EveryPlaneOfUnicodeIsTaken) {
  const Read out = read("a: \xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\xb3\n");
  EXPECT_THAT(out.diagnostics, IsEmpty()) << out.text();
}

TEST(Quotes, ThatDoNotCloseAreRefusedWhereTheyOpen) {
  for (const char* text :
       {"a: \"b\nc: d\n", "a: 'it''s\n", "a: !!str \"b\n", "a: &x 'b\n", "a: [\"b, c]\n"}) {
    EXPECT_THAT(read(text).text(), HasSubstr("error:")) << text;
  }
  EXPECT_THAT(read("a: \"b\nc: d\n").text(), HasSubstr("t.yaml:1:4: error: a quoted text is not closed"));
}

TEST(Indentation, WithATabIsSaidSo) {
  EXPECT_THAT(read("a:\n\tb: 1\n").text(), HasSubstr("t.yaml:2:1: error: a tab in the indentation"));
}

TEST(SplitDocuments, CutsAtMarkersOnly) {
  const auto chunks = split_documents("a: 1\n--- # next\nb: |\n  ---\n---x: 1\n--- c\n");
  ASSERT_THAT(chunks, SizeIs(3));
  EXPECT_EQ(chunks[1].first_line, 2);
  EXPECT_EQ(chunks[2].text, "--- c\n");
}

}  // namespace
}  // namespace labctl::manifest
