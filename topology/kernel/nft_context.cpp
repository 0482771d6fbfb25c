#include "topology/kernel/nft_context.hpp"

#include "topology/base/error.hpp"

#include <nftables/libnftables.h>

#include <cerrno>
#include <cstring>

namespace labctl::kernel {

void NftContext::Free::operator()(nft_ctx* context) const noexcept { ::nft_ctx_free(context); }

NftContext NftContext::open() {
  nft_ctx* context = ::nft_ctx_new(NFT_CTX_DEFAULT);
  if (context == nullptr) {
    throw Error(ErrorKind::Unsupported, "open nftables: no netfilter netlink in this namespace",
                "the kernel needs CONFIG_NF_TABLES; labctl doctor shows what is missing");
  }
  NftContext opened(context);
  ::nft_ctx_buffer_output(context);
  ::nft_ctx_buffer_error(context);
  return opened;
}

std::string NftContext::run_for_output(const std::string& commands) {
  const int result = ::nft_run_cmd_from_buffer(context_.get(), commands.c_str());
  std::string output = ::nft_ctx_get_output_buffer(context_.get());
  if (result != 0) {
    std::string cause = ::nft_ctx_get_error_buffer(context_.get());
    while (!cause.empty() && cause.back() == '\n') {
      cause.pop_back();
    }
    // Of the messages errno is all that is left; this one a caller can do something about.
    if (cause.find(std::strerror(EMSGSIZE)) != std::string::npos) {
      throw Error::from_errno(EMSGSIZE, "nft");
    }
    throw Error(ErrorKind::Kernel, "nft: " + cause);
  }
  return output;
}

void NftContext::run(const std::string& commands) { run_for_output(commands); }

std::string NftContext::list_ruleset() { return run_for_output("list ruleset"); }

}  // namespace labctl::kernel
