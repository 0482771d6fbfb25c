#include "labctl/kubelet/probe_tls.hpp"

#include "topology/base/error.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace labctl::kubelet {

void ProbeTls::Free::operator()(ssl_st* ssl) const { ::SSL_free(ssl); }
void ProbeTls::Free::operator()(ssl_ctx_st* context) const { ::SSL_CTX_free(context); }

ProbeTls::ProbeTls(int fd) : context_(::SSL_CTX_new(::TLS_client_method())) {
  if (context_) {
    ::SSL_CTX_set_verify(context_.get(), SSL_VERIFY_NONE, nullptr);
    ::SSL_CTX_set_options(context_.get(), SSL_OP_IGNORE_UNEXPECTED_EOF);
    ::SSL_CTX_set_mode(context_.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    ssl_.reset(::SSL_new(context_.get()));
  }
  if (!ssl_ || ::SSL_set_fd(ssl_.get(), fd) != 1) {
    throw Error(ErrorKind::Kernel, "begin TLS: no memory");
  }
}

ProbeTls::~ProbeTls() = default;

ProbeTls::State ProbeTls::state_after(int result) {
  const int cause = errno;
  switch (::SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return State::WantRead;
    case SSL_ERROR_WANT_WRITE:
      return State::WantWrite;
    case SSL_ERROR_ZERO_RETURN:
      return State::Closed;
    case SSL_ERROR_SYSCALL:
      error_ = cause == 0 ? "EOF" : std::strerror(cause);
      return State::Failed;
    default:
      break;
  }
  std::array<char, 256> text{};
  ::ERR_error_string_n(::ERR_get_error(), text.data(), text.size());
  error_ = text.data();
  return State::Failed;
}

ProbeTls::State ProbeTls::shake_hands() {
  ::ERR_clear_error();
  errno = 0;
  const int result = ::SSL_connect(ssl_.get());
  return result == 1 ? State::Done : state_after(result);
}

ProbeTls::State ProbeTls::send(std::string_view& text) {
  ::ERR_clear_error();
  errno = 0;
  std::size_t sent = 0;
  const int result = ::SSL_write_ex(ssl_.get(), text.data(), text.size(), &sent);
  text.remove_prefix(sent);
  return result == 1 ? State::Done : state_after(result);
}

ProbeTls::State ProbeTls::receive(char* buffer, std::size_t size, std::size_t& received) {
  ::ERR_clear_error();
  errno = 0;
  received = 0;
  const int result = ::SSL_read_ex(ssl_.get(), buffer, size, &received);
  return result == 1 ? State::Done : state_after(result);
}

}  // namespace labctl::kubelet
