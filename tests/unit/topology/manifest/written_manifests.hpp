#pragma once

// Manifests as tools write them: an object as it is meant, and texts of it in the ways of Helm, kustomize, kompose,
// cdk8s and `kubectl get -o yaml`. All of it follows from a seed.

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace labctl::manifest {

// SplitMix64: the same numbers with every standard library.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed) {}
  // 0 to `sides` - 1.
  std::size_t roll(std::size_t sides);
  bool one_in(std::size_t sides) { return roll(sides) == 0; }
  template <typename T>
  const T& pick(const std::vector<T>& from) {
    return from[roll(from.size())];
  }

 private:
  std::uint64_t state_;
};

// A sound object of one of eight kinds.
nlohmann::json meant_object(Dice& dice);
// The same with one thing changed that may be wrong; says what.
std::string add_fault(nlohmann::json& object, Dice& dice);
// What tools add that means nothing: nulls, an empty status, managedFields.
void add_oddities(nlohmann::json& object, Dice& dice);
// One text of the objects: a stream of documents, a List, or JSON.
std::string written(const std::vector<nlohmann::json>& objects, Dice& dice);

}  // namespace labctl::manifest
