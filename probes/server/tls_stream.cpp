#include "probes/server/tls_stream.hpp"

#include "topology/base/error.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <algorithm>
#include <array>

namespace labctl::server {
namespace {

constexpr long kDaySeconds = 24L * 60 * 60;

struct FreeKey {
  void operator()(EVP_PKEY* key) const { ::EVP_PKEY_free(key); }
};
struct FreeCertificate {
  void operator()(X509* certificate) const { ::X509_free(certificate); }
};

[[noreturn]] void throw_no_identity() {
  std::array<char, 256> text{};
  ::ERR_error_string_n(::ERR_get_error(), text.data(), text.size());
  throw Error(ErrorKind::Kernel, std::string("make a certificate: ") + text.data());
}

// Signed with its own key.
std::unique_ptr<X509, FreeCertificate> make_certificate(EVP_PKEY* key) {
  std::unique_ptr<X509, FreeCertificate> certificate(::X509_new());
  X509* raw = certificate.get();
  if (raw == nullptr) {
    return nullptr;
  }
  ::X509_set_version(raw, X509_VERSION_3);
  ::ASN1_INTEGER_set(::X509_get_serialNumber(raw), 1);
  ::X509_gmtime_adj(::X509_getm_notBefore(raw), -kDaySeconds);  // clocks of clients may be slow
  ::X509_gmtime_adj(::X509_getm_notAfter(raw), 3650 * kDaySeconds);
  X509_NAME* name = ::X509_get_subject_name(raw);
  ::X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>("labctl stand-in"), -1, -1, 0);
  ::X509_set_issuer_name(raw, name);
  const bool is_signed = ::X509_set_pubkey(raw, key) == 1 && ::X509_sign(raw, key, ::EVP_sha256()) > 0;
  return is_signed ? std::move(certificate) : nullptr;
}

// `offered` are names, each after a byte with its length.
int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* length, const unsigned char* offered,
                    unsigned int offered_length, void*) {
  for (const std::string_view wanted : {"http/1.1", "h2"}) {
    for (unsigned int at = 0; at < offered_length; at += offered[at] + 1U) {
      const std::string_view name(reinterpret_cast<const char*>(offered + at + 1),
                                  std::min<std::size_t>(offered[at], offered_length - at - 1));
      if (name == wanted) {
        *chosen = offered + at + 1;
        *length = offered[at];
        return SSL_TLSEXT_ERR_OK;
      }
    }
  }
  return SSL_TLSEXT_ERR_NOACK;
}

}  // namespace

void TlsIdentity::Free::operator()(ssl_ctx_st* context) const { ::SSL_CTX_free(context); }
void TlsStream::Free::operator()(ssl_st* ssl) const { ::SSL_free(ssl); }

TlsIdentity::TlsIdentity() : context_(::SSL_CTX_new(::TLS_server_method())) {
  const std::unique_ptr<EVP_PKEY, FreeKey> key(EVP_EC_gen("P-256"));
  const auto certificate = key ? make_certificate(key.get()) : nullptr;
  SSL_CTX* context = context_.get();
  if (context == nullptr || !certificate || ::SSL_CTX_use_certificate(context, certificate.get()) != 1 ||
      ::SSL_CTX_use_PrivateKey(context, key.get()) != 1) {
    throw_no_identity();
  }
  ::SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  ::SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET | SSL_OP_IGNORE_UNEXPECTED_EOF);
  ::SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  ::SSL_CTX_set_num_tickets(context, 0);
  ::SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);  // an idle connection holds none
  ::SSL_CTX_set_alpn_select_cb(context, choose_protocol, nullptr);
}

TlsIdentity::~TlsIdentity() = default;

TlsStream::TlsStream(const TlsIdentity& identity) : ssl_(::SSL_new(identity.context_.get())) {
  BIO* from = ::BIO_new(::BIO_s_mem());
  BIO* to = ::BIO_new(::BIO_s_mem());
  if (!ssl_ || from == nullptr || to == nullptr) {
    ::BIO_free(from);
    ::BIO_free(to);
    throw Error(ErrorKind::Kernel, "begin TLS: no memory");
  }
  ::SSL_set_bio(ssl_.get(), from, to);
  ::SSL_set_accept_state(ssl_.get());
}

TlsStream::~TlsStream() = default;

TlsStream::State TlsStream::receive(std::string_view bytes, std::string& plain, std::string& reply) {
  if (state_ == State::Over) {
    return state_;
  }
  ::ERR_clear_error();
  ::BIO_write(::SSL_get_rbio(ssl_.get()), bytes.data(), static_cast<int>(bytes.size()));
  std::array<char, 16 * 1024> buffer;
  for (;;) {
    std::size_t count = 0;
    const int result = ::SSL_read_ex(ssl_.get(), buffer.data(), buffer.size(), &count);
    plain.append(buffer.data(), count);
    if (result == 1) {
      continue;
    }
    const int why = ::SSL_get_error(ssl_.get(), result);
    if (why != SSL_ERROR_WANT_READ) {
      state_ = State::Over;
    } else if (::SSL_is_init_finished(ssl_.get()) == 1) {
      state_ = State::Open;
    }
    break;
  }
  take_reply(reply);
  return state_;
}

void TlsStream::take_reply(std::string& reply) {
  BIO* out = ::SSL_get_wbio(ssl_.get());
  std::array<char, 4096> buffer;
  for (int count = 0; (count = ::BIO_read(out, buffer.data(), buffer.size())) > 0;) {
    reply.append(buffer.data(), static_cast<std::size_t>(count));
  }
}

std::string TlsStream::encrypt(std::string_view plain) {
  ::ERR_clear_error();
  std::string bytes;
  std::size_t written = 0;
  // A memory takes all there is.
  if (!plain.empty() && ::SSL_write_ex(ssl_.get(), plain.data(), plain.size(), &written) != 1) {
    state_ = State::Over;
  }
  take_reply(bytes);
  return bytes;
}

std::string TlsStream::close() {
  ::ERR_clear_error();
  std::string bytes;
  if (::SSL_is_init_finished(ssl_.get()) == 1) {
    ::SSL_shutdown(ssl_.get());
  }
  take_reply(bytes);
  return bytes;
}

}  // namespace labctl::server
