#pragma once

// What a program leaves in the API that is stood in for: without the Secret of kube-webhook-certgen, whoever mounts
// it would wait for ever.
//
// Threads: the store's.

#include "labctl/store/store.hpp"
#include "topology/model/webhook_secret.hpp"

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace labctl::kubelet {

// With a new key and a certificate by the lab's own authority. Throws Error without memory.
nlohmann::json secret_object(const model::WebhookSecret& secret, const std::string& ns);

// Makes it, as the program does: one that is there stays as it is, and where there is no such namespace nothing
// is made. Whether it was made.
bool make_webhook_secret(store::Store& store, const model::WebhookSecret& secret, const std::string& ns);

}  // namespace labctl::kubelet
