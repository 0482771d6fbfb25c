#pragma once

// The client's half of TLS for HTTPS probes, on a connected socket that does not block. Certificates are not
// verified, as the kubelet does not.

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

struct ssl_st;
struct ssl_ctx_st;

namespace labctl::kubelet {

class ProbeTls {
 public:
  enum class State { Done, WantRead, WantWrite, Closed, Failed };

  // `fd` must outlive this. Throws Error without memory.
  explicit ProbeTls(int fd);
  ~ProbeTls();
  ProbeTls(const ProbeTls&) = delete;
  ProbeTls& operator=(const ProbeTls&) = delete;

  State shake_hands();
  // Takes away from `text` what has been sent.
  State send(std::string_view& text);
  State receive(char* buffer, std::size_t size, std::size_t& received);
  // What was wrong, after Failed.
  const std::string& error() const { return error_; }

 private:
  State state_after(int result);
  struct Free {
    void operator()(ssl_st* ssl) const;
    void operator()(ssl_ctx_st* context) const;
  };
  std::unique_ptr<ssl_ctx_st, Free> context_;
  std::unique_ptr<ssl_st, Free> ssl_;
  std::string error_;
};

}  // namespace labctl::kubelet
