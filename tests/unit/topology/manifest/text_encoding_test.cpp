#include "topology/manifest/yaml/text_encoding.hpp"

#include "topology/manifest/loader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace labctl::manifest {
namespace {

using std::string;

const std::u32string kText = U"a: \u00e4\u20ac\U0001f433\nb: 1\n";
const string kUtf8 = "a: \xc3\xa4\xe2\x82\xac\xf0\x9f\x90\xb3\nb: 1\n";

void add_unit(string& out, std::uint32_t unit, int bytes, bool is_little) {
  for (int i = 0; i < bytes; ++i) {
    out += static_cast<char>(unit >> (8 * (is_little ? i : bytes - 1 - i)) & 0xffU);
  }
}

string utf16(const std::u32string& text, bool is_little) {
  string out;
  for (const char32_t point : U'\ufeff' + text) {
    if (point > 0xffff) {
      add_unit(out, 0xd800 + ((static_cast<std::uint32_t>(point) - 0x10000) >> 10U), 2, is_little);
      add_unit(out, 0xdc00 + ((static_cast<std::uint32_t>(point) - 0x10000) & 0x3ffU), 2, is_little);
    } else {
      add_unit(out, point, 2, is_little);
    }
  }
  return out;
}

string utf32(const std::u32string& text, bool is_little) {
  string out;
  for (const char32_t point : U'\ufeff' + text) {
    add_unit(out, point, 4, is_little);
  }
  return out;
}

string decoded(const string& bytes) {
  const auto text = decode_marked_text(bytes);
  return !text ? "as it is" : text->why.empty() ? text->text : text->why;
}

TEST(TextEncoding, WithoutAMarkATextIsAsItIs) {
  EXPECT_EQ(decoded(kUtf8), "as it is");
  EXPECT_EQ(decoded(""), "as it is");
  EXPECT_EQ(decoded("a: \xef\xbb\xbf in the middle of a line\n"), "as it is");
}

TEST(TextEncoding, AMarkSaysWhatItIs) {
  EXPECT_EQ(decoded("\xef\xbb\xbf" + kUtf8), kUtf8);
  for (const bool is_little : {true, false}) {
    EXPECT_EQ(decoded(utf16(kText, is_little)), kUtf8);
    EXPECT_EQ(decoded(utf32(kText, is_little)), kUtf8);
  }
}

TEST(TextEncoding, FilesThatWereJoinedAreReadEachAsItsMarkSays) {
  const string marked = "\xef\xbb\xbf" + kUtf8;
  EXPECT_EQ(decoded(marked + marked), kUtf8 + kUtf8);
  EXPECT_EQ(decoded(kUtf8 + marked), kUtf8 + kUtf8);
  EXPECT_EQ(decoded(kUtf8 + utf16(kText, true)), kUtf8 + kUtf8);
  EXPECT_EQ(decoded(utf16(kText, true) + utf16(kText, true)), kUtf8 + kUtf8);
  EXPECT_EQ(decoded(utf16(kText, true) + utf16(kText, false)), kUtf8 + kUtf8);
  EXPECT_EQ(decoded(utf32(kText, false) + utf16(kText, false) + marked), kUtf8 + kUtf8 + kUtf8);
}

TEST(TextEncoding, WhatEndsWithinACharacterOrHoldsNoneIsRefused) {
  EXPECT_EQ(decoded(string("\xff\xfe\x61", 3)), "the UTF-16 text ends within a character");
  EXPECT_EQ(decoded(string("\xff\xfe\0\0\x61", 5)), "the UTF-32 text ends within a character");
  EXPECT_EQ(decoded(string("\xfe\xff\xd8\x00\x00\x61", 6)), "the UTF-16 text holds what is no character");
  EXPECT_EQ(decoded(string("\xfe\xff\xd8\x3d", 4)), "the UTF-16 text holds what is no character");
  EXPECT_EQ(decoded(string("\0\0\xfe\xff\0\x11\0\0", 8)), "the UTF-32 text holds what is no character");
}

TEST(TextEncoding, ManifestsOfWindowsAreManifests) {
  const std::u32string text = U"apiVersion: v1\r\nkind: Namespace\r\nmetadata: {name: shop}\r\n";
  const Loaded loaded = load({{"t.yaml", utf16(text, true)}}, {});
  EXPECT_THAT(loaded.diagnostics, testing::IsEmpty());
  ASSERT_EQ(loaded.objects.size(), 1U);
  EXPECT_EQ(loaded.objects[0].name, "shop");
  const Loaded broken = load({{"t.yaml", utf16(text + U"---\r\nkind: {\r\n", true)}}, {});
  ASSERT_FALSE(broken.diagnostics.empty());
  EXPECT_EQ(broken.diagnostics[0].where.line, 6);
}

}  // namespace
}  // namespace labctl::manifest
