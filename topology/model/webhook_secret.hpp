#pragma once

// What kube-webhook-certgen makes in a cluster (kubernetes/ingress-nginx, images/kube-webhook-certgen): the Jobs of
// many charts run it, and a Deployment mounts the Secret that it leaves. Pure.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace labctl::model {

// The Secret of `create`: a certificate for the server of an admission webhook, its key, and who signed it.
struct WebhookSecret {
  std::string ns;  // empty: that of the pod
  std::string name;
  std::vector<std::string> hosts;  // DNS names and addresses
  std::string ca_key = "ca";       // keys of its data
  std::string certificate_key = "cert";
  std::string key_key = "key";
  bool operator==(const WebhookSecret&) const = default;
};

// What a container of `image` makes that is started with `words`, its command and arguments; nothing for another
// program, another of its commands (`patch` makes nothing), and where the name of the Secret or a key of it is none.
std::optional<WebhookSecret> webhook_secret_of(std::string_view image, const std::vector<std::string>& words);

}  // namespace labctl::model
