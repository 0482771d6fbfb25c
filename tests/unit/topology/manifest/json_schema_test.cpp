#include "topology/manifest/kinds/json_schema.hpp"

#include "topology/manifest/kinds/dns_record.hpp"
#include "topology/manifest/kinds/kinds.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <regex>
#include <string>
#include <vector>

namespace labctl::manifest {
namespace {

using nlohmann::json;

json definition(const json& schema, const std::string& name) { return schema.at("$defs").at(name); }

// Every {"$ref": "#/..."} of `value`.
void collect_references(const json& value, std::vector<std::string>& out) {
  if (value.is_object() && value.contains("$ref")) {
    out.push_back(value["$ref"]);
  }
  if (value.is_structured()) {
    for (const json& part : value) {
      collect_references(part, out);
    }
  }
}

TEST(JsonSchema, HasADefinitionForEveryKind) {
  const json schema = json_schema();
  EXPECT_EQ(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
  for (const Kind& kind : kinds()) {
    // Two versions of a kind have a definition each.
    EXPECT_TRUE(std::any_of(schema["$defs"].begin(), schema["$defs"].end(),
                            [&](const json& one) {
                              return one["properties"].contains("kind") &&
                                     one["properties"]["kind"].value("const", "") == kind.name &&
                                     one["properties"]["apiVersion"].value("const", "") == kind.api_version;
                            }))
        << kind.api_version << ' ' << kind.name;
  }
}

TEST(JsonSchema, RefersOnlyToWhatItHas) {
  std::vector<json> schemas{json_schema()};
  for (const Kind& kind : kinds()) {
    schemas.push_back(json_schema(kind));
  }
  for (const json& schema : schemas) {
    std::vector<std::string> references;
    collect_references(schema, references);
    EXPECT_FALSE(references.empty());
    for (const std::string& reference : references) {
      EXPECT_TRUE(schema.contains(json::json_pointer(reference.substr(1)))) << reference;
    }
  }
}

TEST(JsonSchema, OnlyKindsOfOurOwnAreClosed) {
  const json schema = json_schema();
  for (const Kind& kind : kinds()) {
    EXPECT_EQ(definition(schema, std::string(kind.name)).contains("additionalProperties"),
              kind.support == Support::Lab)
        << kind.name;
  }
}

TEST(JsonSchema, SaysWhatATableSays) {
  const json step = definition(json_schema(), "step");
  EXPECT_EQ(step["required"], json::array({"name"}));
  EXPECT_EQ(step["properties"]["matrix"]["$ref"], "#/$defs/matrix");
  const json matrix = definition(json_schema(), "matrix")["properties"];
  EXPECT_EQ(matrix["port"]["maximum"], 65535);
  EXPECT_EQ(matrix["port"]["type"], json::array({"integer", "string", "null"}));
  EXPECT_EQ(matrix["port"]["pattern"], "\\$\\{");
  EXPECT_EQ(matrix["proto"]["anyOf"][0]["enum"][0], "icmp");
}

// A pattern may be wider than its check, never narrower: what the loader takes, an editor must not mark.
TEST(JsonSchema, PatternsMatchAllThatTheChecksTake) {
  const std::vector<std::string> texts{"",
                                       "a",
                                       "A",
                                       "web-0",
                                       "a.b",
                                       "example.org/name",
                                       "0",
                                       "5s",
                                       "1.5h",
                                       "1m30s",
                                       ".5s",
                                       "500us",
                                       "10.0.0.1",
                                       "10.0.0.0/8",
                                       "::",
                                       "fd00::/8",
                                       "2001:db8::1",
                                       "::ffff:192.0.2.1",
                                       "25%",
                                       "0.1%",
                                       "100mbit",
                                       "30000-32767",
                                       "sqlite",
                                       "etcd://127.0.0.1:2379",
                                       "pod/default/a",
                                       "node/node-1",
                                       "outside/www",
                                       "deployment/default/web",
                                       "namespace/shop",
                                       "/status/phase",
                                       "/",
                                       "${x}",
                                       "a${x}b",
                                       "metadata.name",
                                       "HTTP_PORT",
                                       "www.example.org. A 198.51.100.80",
                                       "registry.k8s.io/agnhost:2.53",
                                       "default/web-0"};
  const std::vector<TextCheck> checks{
      check_not_empty,   check_dns_label,  check_dns_subdomain,  check_label_key,
      check_label_value, check_ip,         check_cidr,           check_duration,
      check_rate,        check_percent,    check_int_or_percent, check_port_name,
      check_port_range,  check_env_name,   check_field_path,     check_store,
      check_image,       check_dns_record, check_pod_name,       check_pattern};
  size_t with_pattern = 0;
  for (const TextCheck check : checks) {
    const Field fields[] = {text("field", check)};
    const Schema table{"table", fields};
    const Kind kind{"v1", "Kind", Support::Acted, true, &table};
    const json field = json_schema(kind)["$defs"]["Kind"]["properties"]["field"];
    if (!field.contains("pattern")) {
      continue;
    }
    ++with_pattern;
    const std::regex pattern(field["pattern"].get<std::string>());
    for (const std::string& one : texts) {
      EXPECT_TRUE(check(one) || std::regex_search(one, pattern)) << field["pattern"] << " for " << one;
    }
  }
  EXPECT_GE(with_pattern, 7U);
}

}  // namespace
}  // namespace labctl::manifest
