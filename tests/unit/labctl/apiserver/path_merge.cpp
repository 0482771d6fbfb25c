#include "tests/unit/labctl/apiserver/path_merge.hpp"

#include <algorithm>
#include <set>

namespace labctl::apiserver {
namespace {

using nlohmann::json;
using Path = std::vector<std::string>;

// An object as the set of its paths, each with its value; of a map and of a list that merges only that it is one.
struct PathSet {
  std::map<Path, json> values;
  std::map<Path, std::vector<std::string>> orders;  // of the lists that merge: the segments of their items

  bool has(const Path& path) const { return values.contains(path); }
  void erase_below(const Path& path) {
    for (auto at = values.lower_bound(path); at != values.end() && is_prefix(path, at->first);) {
      orders.erase(at->first);
      at = values.erase(at);
    }
  }
  static bool is_prefix(const Path& path, const Path& longer) {
    return longer.size() >= path.size() && std::equal(path.begin(), path.end(), longer.begin());
  }
};

// "spec/containers/*" of {"spec", "containers", "*c"}: a segment of an item begins with a star.
std::string pattern_of(const Path& path) {
  std::string out;
  for (const std::string& segment : path) {
    out += (out.empty() ? "" : "/") + (segment.starts_with("*") ? "*" : segment);
  }
  return out;
}

Path parent_of(Path path) {
  path.pop_back();
  return path;
}

std::string segment_of(const std::vector<std::string>& keys, const json& item) {
  std::string out = "*";
  for (const std::string& key : keys) {
    out += item.value(key, key == "protocol" ? json("TCP") : json()).dump() + ",";
  }
  return keys.empty() ? out + item.dump() : out;
}

void add(const PathRules& rules, const json& value, const Path& path, PathSet& out) {
  const auto child = [&](const std::string& segment) {
    Path below = path;
    below.push_back(segment);
    return below;
  };
  const auto list = rules.keyed_lists.find(pattern_of(path));
  if (value.is_object()) {
    out.values[path] = "{map}";
    for (const auto& [name, member] : value.items()) {
      add(rules, member, child(name), out);
    }
  } else if (value.is_array() && list != rules.keyed_lists.end()) {
    out.values[path] = "[list]";
    for (const json& item : value) {
      const std::string segment = segment_of(list->second, item);
      out.orders[path].push_back(segment);
      add(rules, item, child(segment), out);
    }
  } else {
    out.values[path] = value;
  }
}

json assemble(const PathSet& set, const Path& path) {
  const json& here = set.values.at(path);
  const auto children = [&](const auto& visit) {
    for (auto at = set.values.upper_bound(path);
         at != set.values.end() && PathSet::is_prefix(path, at->first); ++at) {
      if (at->first.size() == path.size() + 1) {
        visit(at->first);
      }
    }
  };
  if (here == "{map}") {
    json out = json::object();
    children([&](const Path& child) { out[child.back()] = assemble(set, child); });
    return out;
  }
  if (here == "[list]") {
    json out = json::array();
    const auto order = set.orders.find(path);
    for (std::size_t i = 0; order != set.orders.end() && i < order->second.size(); ++i) {
      Path child = path;
      child.push_back(order->second[i]);
      out.push_back(assemble(set, child));
    }
    return out;
  }
  return here;
}

// For each item of others the place in front of which it goes: that of the first of mine, from where the one
// before it went, that stood behind it in the live list.
std::vector<std::string> ordered(const std::vector<std::string>& mine, const std::vector<std::string>& live,
                                 const std::set<std::string>& kept) {
  const auto rank = [&](const std::string& segment) {
    return static_cast<std::size_t>(std::find(live.begin(), live.end(), segment) - live.begin());
  };
  std::vector<std::vector<std::string>> in_front(mine.size() + 1);
  std::size_t slot = 0;
  for (const std::string& segment : live) {
    if (!kept.contains(segment) || std::find(mine.begin(), mine.end(), segment) != mine.end()) {
      continue;
    }
    while (slot < mine.size() && !(rank(mine[slot]) < live.size() && rank(segment) < rank(mine[slot]))) {
      ++slot;
    }
    in_front[slot].push_back(segment);
  }
  std::vector<std::string> out;
  for (std::size_t i = 0; i <= mine.size(); ++i) {
    out.insert(out.end(), in_front[i].begin(), in_front[i].end());
    if (i < mine.size()) {
      out.push_back(mine[i]);
    }
  }
  return out;
}

bool is_one_of(const std::vector<std::string>& patterns, const Path& path) {
  return std::find(patterns.begin(), patterns.end(), pattern_of(path)) != patterns.end();
}

}  // namespace

json path_merge(const PathRules& rules, const json& original, const json& modified, const json& live) {
  PathSet before, wanted, result;
  add(rules, original, {}, before);
  add(rules, modified, {}, wanted);
  add(rules, live, {}, result);
  const PathSet present = result;
  // What was said and is said no more.
  for (const auto& [path, value] : before.values) {
    if (!path.empty() && !wanted.has(path) && wanted.has(parent_of(path))) {
      result.erase_below(path);
    }
  }
  // What a union or a map that is taken whole has beside what is said now.
  for (const auto& [path, value] : present.values) {
    if (!path.empty() && !wanted.has(path) && wanted.has(parent_of(path)) &&
        (is_one_of(rules.unions, parent_of(path)) || is_one_of(rules.whole_maps, parent_of(path)))) {
      result.erase_below(path);
    }
  }
  // What is said.
  for (const auto& [path, value] : wanted.values) {
    if (value.is_null()) {
      result.erase_below(path);
      continue;
    }
    if (const auto there = result.values.find(path); there != result.values.end() && there->second != value) {
      result.erase_below(path);
    }
    result.values[path] = value;
  }
  for (const auto& [path, value] : result.values) {
    if (value != "[list]") {
      continue;
    }
    std::set<std::string> kept;
    for (const auto& [other, ignored] : result.values) {
      if (other.size() == path.size() + 1 && PathSet::is_prefix(path, other)) {
        kept.insert(other.back());
      }
    }
    const auto mine = wanted.orders.find(path);
    const auto was = present.orders.find(path);
    result.orders[path] =
        ordered(mine == wanted.orders.end() ? std::vector<std::string>{} : mine->second,
                was == present.orders.end() ? std::vector<std::string>{} : was->second, kept);
  }
  return assemble(result, {});
}

}  // namespace labctl::apiserver
