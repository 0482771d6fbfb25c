#include "labctl/objects/cluster_identity.hpp"

#include "topology/base/base64.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace labctl::objects {
namespace {

std::string from_base64url(std::string text) {
  std::replace(text.begin(), text.end(), '-', '+');
  std::replace(text.begin(), text.end(), '_', '/');
  text.append((4 - text.size() % 4) % 4, '=');
  return from_base64(text).value_or("");
}

TEST(ClusterIdentity, TheAuthorityIsOneCertificate) {
  EXPECT_THAT(cluster_ca(), testing::StartsWith("-----BEGIN CERTIFICATE-----\n"));
  EXPECT_THAT(cluster_ca(), testing::EndsWith("-----END CERTIFICATE-----\n"));
}

X509* read_certificate(const std::string& text) {
  BIO* in = ::BIO_new_mem_buf(text.data(), static_cast<int>(text.size()));
  X509* certificate = ::PEM_read_bio_X509(in, nullptr, nullptr, nullptr);
  ::BIO_free(in);
  return certificate;
}

TEST(ClusterIdentity, ACertificateIsForItsHostsAndTheAuthoritys) {
  const Certified pair = certify({"hook.shop.svc", "10.0.0.1"});
  X509* certificate = read_certificate(pair.certificate);
  X509* authority = read_certificate(cluster_ca());
  ASSERT_NE(certificate, nullptr);
  ASSERT_NE(authority, nullptr);
  EXPECT_EQ(::X509_check_host(certificate, "hook.shop.svc", 0, 0, nullptr), 1);
  EXPECT_EQ(::X509_check_host(certificate, "hook.other.svc", 0, 0, nullptr), 0);
  EXPECT_EQ(::X509_check_ip_asc(certificate, "10.0.0.1", 0), 1);
  EXPECT_EQ(::X509_verify(certificate, ::X509_get0_pubkey(authority)), 1);
  EXPECT_EQ(::X509_check_issued(authority, certificate), X509_V_OK);
  BIO* in = ::BIO_new_mem_buf(pair.key.data(), static_cast<int>(pair.key.size()));
  EVP_PKEY* key = ::PEM_read_bio_PrivateKey(in, nullptr, nullptr, nullptr);
  EXPECT_EQ(::X509_check_private_key(certificate, key), 1);
  EXPECT_NE(certify({}).key, pair.key);
  ::EVP_PKEY_free(key);
  ::BIO_free(in);
  ::X509_free(certificate);
  ::X509_free(authority);
}

TEST(ClusterIdentity, ATokenSaysItsClaimsAndIsSigned) {
  const std::string token = sign_token({{"sub", "system:serviceaccount:shop:default"}});
  const std::size_t first = token.find('.');
  const std::size_t second = token.rfind('.');
  ASSERT_LT(first, second);
  EXPECT_EQ(nlohmann::json::parse(from_base64url(token.substr(0, first))).at("alg"), "ES256");
  EXPECT_EQ(nlohmann::json::parse(from_base64url(token.substr(first + 1, second - first - 1))).at("sub"),
            "system:serviceaccount:shop:default");
  EXPECT_EQ(from_base64url(token.substr(second + 1)).size(), 64U);
}

}  // namespace
}  // namespace labctl::objects
