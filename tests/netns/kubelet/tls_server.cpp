#include "tests/netns/kubelet/tls_server.hpp"

#include "topology/base/ip_address.hpp"
#include "topology/kernel/network_namespace.hpp"

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <gtest/gtest.h>

#include <sys/socket.h>

#include <utility>

namespace labctl::kubelet::testing {
namespace {

constexpr long kDaySeconds = 24L * 60 * 60;

// Signed with its own key, for other.example, valid from yesterday until tomorrow.
X509* make_certificate(EVP_PKEY* key) {
  X509* certificate = X509_new();
  X509_set_version(certificate, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -kDaySeconds);
  X509_gmtime_adj(X509_getm_notAfter(certificate), kDaySeconds);
  X509_NAME* name = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("other.example"), -1, -1, 0);
  X509_set_issuer_name(certificate, name);
  X509_set_pubkey(certificate, key);
  EXPECT_GT(X509_sign(certificate, key, EVP_sha256()), 0);
  return certificate;
}

}  // namespace

TlsServer::TlsServer(PollLoop& loop, int netns_fd, std::uint16_t port, std::string reply)
    : loop_(loop), reply_(std::move(reply)), context_(SSL_CTX_new(TLS_server_method())) {
  const std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>> key(EVP_EC_gen("P-256"));
  const std::unique_ptr<X509, Free<X509_free>> certificate(make_certificate(key.get()));
  EXPECT_EQ(SSL_CTX_use_certificate(context_.get(), certificate.get()), 1);
  EXPECT_EQ(SSL_CTX_use_PrivateKey(context_.get(), key.get()), 1);
  const kernel::NamespaceScope scope(netns_fd);
  listener_ = UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_storage address{};
  const socklen_t length = IpAddress::any(Family::IPv4).to_sockaddr(port, address);
  EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), length), 0);
  EXPECT_EQ(::listen(listener_.get(), 16), 0);
  watches_[-1] = loop_.call_when_readable(listener_.get(), [this] { accept(); });
}

TlsServer::~TlsServer() {
  for (const auto& [fd, watch] : watches_) {
    loop_.cancel(watch);
  }
}

void TlsServer::accept() {
  const int fd = ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0) {
    return;
  }
  Client& client = clients_[fd];
  client.fd = UniqueFd(fd);
  client.session.reset(SSL_new(context_.get()));
  SSL_set_fd(client.session.get(), fd);
  SSL_set_accept_state(client.session.get());
  watches_[fd] = loop_.call_when_readable(fd, [this, fd] { serve(fd); });
}

// The handshake is part of the first read; what we say ourselves fits the socket's buffer.
void TlsServer::serve(int fd) {
  SSL* session = clients_.at(fd).session.get();
  char buffer[4096];
  const int count = SSL_read(session, buffer, sizeof buffer);
  if (count <= 0 && SSL_get_error(session, count) == SSL_ERROR_WANT_READ) {
    return;
  }
  if (count > 0) {
    last_request_.assign(buffer, static_cast<std::size_t>(count));
    SSL_write(session, reply_.data(), static_cast<int>(reply_.size()));
    SSL_shutdown(session);
  }
  loop_.cancel(watches_.at(fd));
  watches_.erase(fd);
  clients_.erase(fd);
}

}  // namespace labctl::kubelet::testing
