#include "tests/unit/topology/ruleset/nft_script.hpp"

#include <regex>
#include <sstream>
#include <stdexcept>

namespace labctl::ruleset {
namespace {

constexpr const char* kName = "([A-Za-z][A-Za-z0-9/_.-]*)";

void require(bool is_so, const std::string& line) {
  if (!is_so) {
    throw std::runtime_error(line);
  }
}

// Outside of quotes.
std::string without_comment(const std::string& rule) {
  static const std::regex kComment(R"re( comment "[^"\\]*"$)re");
  return std::regex_replace(rule, kComment, "");
}

}  // namespace

NftScript::NftScript(const std::vector<std::string>& sets, const std::set<std::string>& chains)
    : fixed_chains_(chains) {
  for (const std::string& set : sets) {
    content_.elements[set];
  }
}

void NftScript::run(const std::string& commands) {
  std::istringstream lines(commands);
  for (std::string line; std::getline(lines, line);) {
    run_line(line);
  }
  check();
}

void NftScript::run_line(const std::string& line) {
  static const std::string kTable = "inet labctl ";
  static const std::regex kSet("add set " + kTable + kName + R"( \{ type ip[v46]*_addr; [a-z0-9,; ]*\})");
  static const std::regex kChain("(add|flush|delete) (chain|set) " + kTable + kName);
  static const std::regex kRule("add rule " + kTable + kName + " (.*)");
  static const std::regex kAdd("add element " + kTable + kName +
                               R"re( \{ ([0-9a-z.: ]+) comment "[^"\\]*"(?: : ([^"{}]+))? \})re");
  static const std::regex kDelete("delete element " + kTable + kName + R"( \{ ([0-9a-z.: ]+) \})");
  std::smatch match;
  if (std::regex_match(line, match, kSet)) {
    require(content_.own_sets.insert(match[1]).second, line);
  } else if (std::regex_match(line, match, kChain)) {
    const std::string act = match[1], name = match[3];
    if (match[2] == "set") {
      require(act == "delete" && content_.own_sets.erase(name) == 1, line);
    } else if (act == "add") {
      require(name.size() <= 255 && !fixed_chains_.contains(name), line);
      content_.chains.try_emplace(name);
    } else if (act == "flush") {
      require(content_.chains.contains(name), line);
      content_.chains[name].clear();
    } else {
      require(content_.chains.contains(name) && content_.chains[name].empty(), line);
      content_.chains.erase(name);
    }
  } else if (std::regex_match(line, match, kRule)) {
    require(content_.chains.contains(match[1]), line);
    content_.chains[match[1]].push_back(without_comment(match[2]));
  } else if (std::regex_match(line, match, kAdd)) {
    require(content_.elements.contains(match[1]), line);
    const auto [held, is_new] = content_.elements[match[1]].emplace(match[2], match[3]);
    require(is_new || held->second == match[3], line);
  } else if (std::regex_match(line, match, kDelete)) {
    require(content_.elements.contains(match[1]) && content_.elements[match[1]].erase(match[2]) == 1, line);
  } else {
    require(false, line);
  }
}

// The chains and sets that a text names: "chain" or "@set". Of thousands of
// texts few differ, and each is read once.
const std::vector<std::string>& NftScript::references(const std::string& text) const {
  const auto [known, is_new] = references_.try_emplace(text);
  if (is_new) {
    static const std::regex kReference("(?:goto|jump) " + std::string(kName) + "|(@)" + kName);
    for (std::sregex_iterator at(text.begin(), text.end(), kReference), end; at != end; ++at) {
      known->second.push_back((*at)[1].str() + (*at)[2].str() + (*at)[3].str());
    }
  }
  return known->second;
}

// All that is named is there.
void NftScript::check() const {
  const auto check_text = [&](const std::string& text) {
    for (const std::string& name : references(text)) {
      const bool is_there = name.front() == '@'
                                ? content_.own_sets.contains(name.substr(1))
                                : fixed_chains_.contains(name) || content_.chains.contains(name);
      require(is_there, "what is not there: " + text);
    }
  };
  for (const auto& [chain, rules] : content_.chains) {
    for (const std::string& rule : rules) {
      require(rule.find('"') == std::string::npos, rule);
      check_text(rule);
    }
  }
  for (const auto& [set, elements] : content_.elements) {
    for (const auto& [key, verdict] : elements) {
      check_text(verdict);
    }
  }
}

}  // namespace labctl::ruleset
