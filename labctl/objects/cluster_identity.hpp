#pragma once

// Who a lab is to programs that check: a certificate authority, and the key that tokens of ServiceAccounts are
// signed with. Both are made when they are first asked for, live in this process alone and are gone with it; a
// process keeps one lab.
//
// Threads: any.

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <vector>

namespace labctl::objects {

// The certificate in PEM, as in the ConfigMap kube-root-ca.crt. Throws Error without memory.
const std::string& cluster_ca();

// A new key and its certificate, signed by that authority; both in PEM.
struct Certified {
  std::string certificate;
  std::string key;
};
// For a server that is reached as one of `hosts`: DNS names and addresses, none of which has a comma or a colon;
// valid for ten years. Throws Error without memory.
Certified certify(const std::vector<std::string>& hosts);

// A JSON Web Token of `claims` (RFC 7519), signed with ES256 (RFC 7518 §3.4). Throws Error without memory.
std::string sign_token(const nlohmann::json& claims);

}  // namespace labctl::objects
