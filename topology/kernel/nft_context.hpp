#pragma once

// The nftables of one network namespace by libnftables; see libnftables(3), nft(8).
//
// The context's netlink socket belongs to the namespace the constructor ran in.

#include <memory>
#include <string>

struct nft_ctx;

namespace labctl::kernel {

class NftContext {
 public:
  // Opens a context for the calling thread's network namespace. Throws Error.
  static NftContext open();

  // Runs `commands` (nft's own language) as one transaction: all of it or nothing.
  // Throws Error: Kernel or InvalidInput, with nft's own words; of errno EMSGSIZE when they are more than one
  // transaction may carry here: an ordinary user's sockets take twice net.core.wmem_max.
  void run(const std::string& commands);

  // What `nft list ruleset` prints. Throws Error.
  std::string list_ruleset();

 private:
  struct Free {
    void operator()(nft_ctx* context) const noexcept;
  };
  explicit NftContext(nft_ctx* context) : context_(context) {}
  std::string run_for_output(const std::string& commands);
  std::unique_ptr<nft_ctx, Free> context_;
};

}  // namespace labctl::kernel
