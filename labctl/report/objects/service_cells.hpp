#pragma once

// Services and their endpoints in the few words of a table's cell, as kubectl has them.

#include <nlohmann/json_fwd.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace labctl::report {

// EXTERNAL-IP: addresses of the balancer and spec.externalIPs; "<pending>" until a balancer has one. Long
// ones are cut unless `whole`.
std::string external_ip_of(const nlohmann::json& service, bool whole);
// "80:30080/TCP,443/TCP"
std::string ports_of_service(const nlohmann::json& service);
// Numbers and addresses, the first three of each.
std::string ports_of_slice(const nlohmann::json& slice);
std::string addresses_of_slice(const nlohmann::json& slice);
// "10.244.1.2:8080,10.244.2.2:8080 + 3 more..."
std::string addresses_of_endpoints(const nlohmann::json& endpoints);
// The ready endpoints of one service port in all slices of its Service.
std::string endpoints_of_port(const std::vector<nlohmann::json>& slices, const std::string& port_name);
// "203.0.113.1 (VIP)"
std::string ingress_of(const nlohmann::json& service);

// The first of them with commas between, then " + 3 more...".
std::string first_of(const std::vector<std::string>& words, size_t most, const std::string& otherwise);

}  // namespace labctl::report
