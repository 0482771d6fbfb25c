#pragma once

// LabNetwork on the real kernel.
//
// Threads: used by one thread at a time, which it takes from namespace to
// namespace between begin() and leave().

#include "topology/apply/lab_network.hpp"

#include <memory>

namespace labctl::apply {

class KernelNetwork final : public LabNetwork {
 public:
  KernelNetwork();
  ~KernelNetwork() override;

  void begin() override;
  void leave() noexcept override;
  UniqueFd make_namespace() override;
  void enter(int namespace_fd) override;
  void write_sysctl(const plan::Sysctl& sysctl) override;
  void change_links(const std::vector<plan::LinkChange>& changes, const NamespaceLookup& lookup) override;
  void load_ruleset(const std::string& text) override;
  void wait_until_forwarding(std::span<const int> ports) override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace labctl::apply
