#include "labctl/objects/cluster_identity.hpp"

#include "topology/base/base64.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
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
