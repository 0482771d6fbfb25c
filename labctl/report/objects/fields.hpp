#pragma once

// Reading objects that may lack anything: a missing field, or one of another type, is empty rather than an
// error. What comes over the API is made by the lab, but a report never falls over its input.

#include <nlohmann/json.hpp>

#include <string>
#include <string_view>

namespace labctl::report {

// The value at a JSON pointer ("/status/podIP", a slash within a key as ~1), or null.
const nlohmann::json& at(const nlohmann::json& object, const std::string& pointer);
// The list there, or an empty one: to be indexed and measured without a care.
const nlohmann::json& list(const nlohmann::json& object, const std::string& pointer);
// Its text; numbers and booleans as written, anything else empty.
std::string text(const nlohmann::json& object, const std::string& pointer);
std::string text_or(const nlohmann::json& object, const std::string& pointer, std::string_view otherwise);
long long number(const nlohmann::json& object, const std::string& pointer);
bool flag(const nlohmann::json& object, const std::string& pointer);

// "a=1,b=2", or "<none>".
std::string join_labels(const nlohmann::json& labels);
// A LabelSelector as kubectl prints it: "app=web,tier in (a,b)", or "<none>".
std::string join_selector(const nlohmann::json& selector);
// The elements' texts with commas between, or `otherwise`.
std::string join_texts(const nlohmann::json& list, std::string_view otherwise = "<none>");

}  // namespace labctl::report
