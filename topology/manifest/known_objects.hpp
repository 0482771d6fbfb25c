#pragma once

// Who is there, by kind, namespace and name: what references to objects are held against.

#include "topology/manifest/references.hpp"

#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace labctl::manifest {

// Borrows the names of the records, which must outlive it.
class KnownObjects {
 public:
  explicit KnownObjects(const std::vector<Record>& records);

  // One that is no record: it is made in the lab.
  void add(std::string kind, std::string ns, std::string name);

  // Also a claim that a StatefulSet makes of a template of its own.
  bool has(std::string_view kind, std::string_view ns, std::string_view name) const;

  // A warning at `name`, once a name: no file has the object, so that `consequence`. Where another namespace has
  // one of that name, the hint says so.
  void warn_of_missing(std::string_view kind, std::string_view ns, const Place& name,
                       const std::string& consequence, Findings& findings) const;

 private:
  std::set<std::tuple<std::string_view, std::string_view, std::string_view>> names_;  // kind, name, namespace
  std::set<std::tuple<std::string, std::string, std::string>> made_;                  // kind, name, namespace
  std::set<std::pair<std::string_view, std::string>> claims_;                         // namespace, "data-db-"
};

}  // namespace labctl::manifest
