#include "labctl/objects/cluster_identity.hpp"

#include "topology/base/base64.hpp"
#include "topology/base/error.hpp"
#include "topology/base/ip_address.hpp"

#include <openssl/bio.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <memory>
#include <vector>

namespace labctl::objects {
namespace {

constexpr long kDaySeconds = 86'400;
constexpr int kNumberBytes = 32;  // of each of the two numbers of a P-256 signature

struct Free {
  void operator()(EVP_PKEY* key) const { ::EVP_PKEY_free(key); }
  void operator()(X509* certificate) const { ::X509_free(certificate); }
  void operator()(BIO* bio) const { ::BIO_free(bio); }
  void operator()(X509_EXTENSION* extension) const { ::X509_EXTENSION_free(extension); }
  void operator()(EVP_MD_CTX* context) const { ::EVP_MD_CTX_free(context); }
  void operator()(ECDSA_SIG* signature) const { ::ECDSA_SIG_free(signature); }
};
template <typename T>
using Owned = std::unique_ptr<T, Free>;

[[noreturn]] void give_up(const char* act) {
  throw Error(ErrorKind::Internal, std::string("cluster identity: ") + act + ": OpenSSL refused");
}

void extend(X509* certificate, X509* issuer, int what, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  ::X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const Owned<X509_EXTENSION> extension(::X509V3_EXT_conf_nid(nullptr, &context, what, value));
  if (!extension || ::X509_add_ext(certificate, extension.get(), -1) != 1) {
    give_up("extend a certificate");
  }
}

// Without extensions and signature, and with itself as its issuer.
Owned<X509> new_certificate(EVP_PKEY* key, const char* common_name) {
  Owned<X509> certificate(::X509_new());
  X509* raw = certificate.get();
  if (raw == nullptr) {
    give_up("make a certificate");
  }
  static std::atomic<long> serial{1};
  ::X509_set_version(raw, X509_VERSION_3);
  ::ASN1_INTEGER_set(::X509_get_serialNumber(raw), serial++);
  ::X509_gmtime_adj(::X509_getm_notBefore(raw), -kDaySeconds);  // clocks of programs may be slow
  ::X509_gmtime_adj(::X509_getm_notAfter(raw), 3650 * kDaySeconds);
  X509_NAME* name = ::X509_get_subject_name(raw);
  ::X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(common_name),
                               -1, -1, 0);
  ::X509_set_issuer_name(raw, name);
  if (::X509_set_pubkey(raw, key) != 1) {
    give_up("make a certificate");
  }
  return certificate;
}

std::string text_of(BIO* bio) {
  char* text = nullptr;
  const long size = ::BIO_get_mem_data(bio, &text);
  return {text, static_cast<std::size_t>(size)};
}

// Signed with `key`, in PEM.
std::string sign_certificate(X509* certificate, EVP_PKEY* key) {
  const Owned<BIO> out(::BIO_new(::BIO_s_mem()));
  if (::X509_sign(certificate, key, ::EVP_sha256()) <= 0 || !out ||
      ::PEM_write_bio_X509(out.get(), certificate) != 1) {
    give_up("sign a certificate");
  }
  return text_of(out.get());
}

std::string key_text(EVP_PKEY* key) {
  const Owned<BIO> out(::BIO_new(::BIO_s_mem()));
  if (!out || ::PEM_write_bio_PrivateKey(out.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1) {
    give_up("write a key");
  }
  return text_of(out.get());
}

struct Identity {
  Owned<EVP_PKEY> key{EVP_EC_gen("P-256")};
  Owned<X509> authority;
  std::string ca;

  Identity() {
    if (!key) {
      give_up("make a key");
    }
    authority = new_certificate(key.get(), "kubernetes");
    X509* raw = authority.get();
    extend(raw, raw, NID_basic_constraints, "critical,CA:TRUE");
    extend(raw, raw, NID_key_usage, "critical,digitalSignature,keyEncipherment,keyCertSign");
    extend(raw, raw, NID_subject_key_identifier, "hash");
    ca = sign_certificate(raw, key.get());
  }
};

const Identity& identity() {
  static const Identity kIdentity;
  return kIdentity;
}

// RFC 4648 §5, without padding.
std::string to_base64url(std::string_view bytes) {
  std::string text = to_base64(bytes);
  std::replace(text.begin(), text.end(), '+', '-');
  std::replace(text.begin(), text.end(), '/', '_');
  text.resize(text.find_last_not_of('=') + 1);
  return text;
}

// The two numbers one after the other, as tokens have them, of a signature in DER.
std::string raw_signature(const std::vector<unsigned char>& der) {
  const unsigned char* at = der.data();
  const Owned<ECDSA_SIG> signature(::d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())));
  std::string raw(2 * kNumberBytes, '\0');
  auto* bytes = reinterpret_cast<unsigned char*>(raw.data());
  if (!signature || ::BN_bn2binpad(::ECDSA_SIG_get0_r(signature.get()), bytes, kNumberBytes) < 0 ||
      ::BN_bn2binpad(::ECDSA_SIG_get0_s(signature.get()), bytes + kNumberBytes, kNumberBytes) < 0) {
    give_up("sign a token");
  }
  return raw;
}

}  // namespace

const std::string& cluster_ca() { return identity().ca; }

Certified certify(const std::vector<std::string>& hosts) {
  const Identity& issuer = identity();
  const Owned<EVP_PKEY> key(EVP_EC_gen("P-256"));
  if (!key) {
    give_up("make a key");
  }
  const Owned<X509> certificate = new_certificate(key.get(), "labctl");
  X509* raw = certificate.get();
  ::X509_set_issuer_name(raw, ::X509_get_subject_name(issuer.authority.get()));
  extend(raw, issuer.authority.get(), NID_basic_constraints, "critical,CA:FALSE");
  extend(raw, issuer.authority.get(), NID_key_usage, "critical,digitalSignature,keyEncipherment");
  extend(raw, issuer.authority.get(), NID_ext_key_usage, "serverAuth");
  std::string names;
  for (const std::string& host : hosts) {
    names += (names.empty() ? "" : ",") + std::string(IpAddress::parse(host) ? "IP:" : "DNS:") + host;
  }
  if (!names.empty()) {
    extend(raw, issuer.authority.get(), NID_subject_alt_name, names.c_str());
  }
  return {sign_certificate(raw, issuer.key.get()), key_text(key.get())};
}

std::string sign_token(const nlohmann::json& claims) {
  const std::string text = to_base64url(R"({"alg":"ES256","typ":"JWT"})") + "." + to_base64url(claims.dump());
  const Owned<EVP_MD_CTX> context(::EVP_MD_CTX_new());
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  std::size_t size = 0;
  if (!context ||
      ::EVP_DigestSignInit(context.get(), nullptr, ::EVP_sha256(), nullptr, identity().key.get()) != 1 ||
      ::EVP_DigestSign(context.get(), nullptr, &size, bytes, text.size()) != 1) {
    give_up("sign a token");
  }
  std::vector<unsigned char> der(size);
  if (::EVP_DigestSign(context.get(), der.data(), &size, bytes, text.size()) != 1) {
    give_up("sign a token");
  }
  der.resize(size);
  return text + "." + to_base64url(raw_signature(der));
}

}  // namespace labctl::objects
