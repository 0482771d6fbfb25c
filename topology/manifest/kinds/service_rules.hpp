#pragma once

// What the fields of a Service allow each other (core/v1 validation, ValidateService): told all at once, in
// the API server's words. Nothing here needs to know other objects or the cluster.

#include "topology/manifest/yaml/findings.hpp"

#include <cstddef>
#include <string_view>

namespace labctl::manifest {

// Checks of the tables: of `spec`, and of the whole object.
void check_service_spec(const Place& spec, Findings& findings);
void check_service_annotations(const Place& service, Findings& findings);

// "ClusterIP" if the file does not say.
std::string_view type_of_service(const Place& spec);

// The addresses a Service asks for under the one name the API server gives them: spec.clusterIPs, or
// spec.clusterIP as its only item. Points at what the file has. Stays where it is: places refer to it.
class ClusterIps {
 public:
  explicit ClusterIps(const Place& spec) : list_(spec.field("clusterIPs")), first_(spec.field("clusterIP")) {}
  ClusterIps(const ClusterIps&) = delete;
  ClusterIps& operator=(const ClusterIps&) = delete;

  size_t size() const;
  Place item(size_t i) const;
  bool is_none() const;                          // headless
  const Place& list() const { return list_; }    // may be absent
  const Place& first() const { return first_; }  // spec.clusterIP; may be absent

 private:
  Place list_;
  Place first_;
};

}  // namespace labctl::manifest
