#pragma once

// How a result is to be shown: the values of `-o`.

#include <optional>
#include <string_view>

namespace labctl::report {

enum class Format { Table, Wide, Json, Yaml, JsonLines, Name };

// "table", "wide", "json", "yaml", "jsonl", "name"; nothing for another word.
std::optional<Format> parse_format(std::string_view word);
std::string_view to_string(Format format);

// Json, Yaml or JsonLines: for a program to read.
bool is_structured(Format format);

}  // namespace labctl::report
