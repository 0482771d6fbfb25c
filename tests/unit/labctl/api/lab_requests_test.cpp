// Every field of every request of /lab/v1, with every kind of wrong value: each is refused as InvalidInput
// that names the field, and nothing else is ever thrown.

#include "labctl/api/lab_requests.hpp"

#include "labctl/api/matrix_message.hpp"
#include "labctl/api/probe_message.hpp"
#include "labctl/api/request_reader.hpp"
#include "topology/base/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <set>
#include <string>
#include <vector>

namespace labctl::api {
namespace {

using nlohmann::json;
using testing::HasSubstr;

enum class Type { Text, Port, Count, Flag, Texts, Map, Object, Objects };

struct Field {
  const char* pointer;  // in a body that is right
  Type type;
};

struct Case {
  const char* name;
  const char* right;  // with every field there is
  std::function<void(const json&)> parse;
  std::vector<Field> fields;
};

const std::vector<Case>& cases() {
  static const std::vector<Case> all = {
      {"probe",
       R"({"id": 1, "from": "pod/a/b", "to": "10.0.0.1:80", "proto": "tcp", "timeout_ms": 5, "count": 2,
           "source_port": 9, "percentiles": true, "retry_within_ms": 5, "expect": "ok",
           "http": {"method": "GET", "path": "/", "host": "h", "body": "b", "status": 200, "headers": {"A": "b"}},
           "dns": {"name": "n", "type": "A", "tcp": true, "recurse": true, "edns": true}})",
       [](const json& body) { parse_probe(body); },
       {{"/from", Type::Text},           {"/to", Type::Text},
        {"/proto", Type::Text},          {"/timeout_ms", Type::Count},
        {"/count", Type::Count},         {"/source_port", Type::Port},
        {"/percentiles", Type::Flag},    {"/retry_within_ms", Type::Count},
        {"/expect", Type::Text},         {"/http", Type::Object},
        {"/http/method", Type::Text},    {"/http/path", Type::Text},
        {"/http/host", Type::Text},      {"/http/body", Type::Text},
        {"/http/status", Type::Port},    {"/http/headers", Type::Map},
        {"/http/headers/A", Type::Text}, {"/dns", Type::Object},
        {"/dns/name", Type::Text},       {"/dns/type", Type::Text},
        {"/dns/tcp", Type::Flag},        {"/dns/recurse", Type::Flag},
        {"/dns/edns", Type::Flag}}},
      {"wait",
       R"({"resource": "pods", "namespace": "a", "name": "b", "condition": "Ready", "pointer": "/a",
           "equals": 1, "timeout_ms": 5})",
       [](const json& body) { parse_wait(body); },
       {{"/resource", Type::Text},
        {"/namespace", Type::Text},
        {"/name", Type::Text},
        {"/condition", Type::Text},
        {"/pointer", Type::Text},
        {"/timeout_ms", Type::Count}}},
      {"matrix",
       R"({"proto": "tcp", "port": 80, "timeout_ms": 5, "from": ["pod/a/b"], "to": ["pod/a/b"]})",
       [](const json& body) { parse_matrix(body); },
       {{"/proto", Type::Text},
        {"/port", Type::Port},
        {"/timeout_ms", Type::Count},
        {"/from", Type::Texts},
        {"/from/0", Type::Text},
        {"/to", Type::Texts},
        {"/to/0", Type::Text}}},
      {"exec",
       R"({"from": "pod/a/b", "container": "c", "command": ["ls", "-l"], "env": {"A": "b"}, "tty": true,
           "rows": 24, "cols": 80})",
       [](const json& body) { parse_exec(body); },
       {{"/from", Type::Text},
        {"/container", Type::Text},
        {"/command", Type::Texts},
        {"/command/1", Type::Text},
        {"/env", Type::Map},
        {"/env/A", Type::Text},
        {"/tty", Type::Flag},
        {"/rows", Type::Port},
        {"/cols", Type::Port}}},
      {"apply",
       R"({"sources": [{"name": "n", "text": "t"}], "strict": true, "dryRun": true, "namespace": "a",
           "selector": "a=b", "prune": {"all": true, "allowlist": ["core/v1/Pod"]}})",
       [](const json& body) { parse_apply(body); },
       {{"/sources", Type::Objects},
        {"/sources/0", Type::Object},
        {"/sources/0/name", Type::Text},
        {"/sources/0/text", Type::Text},
        {"/strict", Type::Flag},
        {"/dryRun", Type::Flag},
        {"/namespace", Type::Text},
        {"/selector", Type::Text},
        {"/prune", Type::Object},
        {"/prune/all", Type::Flag},
        {"/prune/allowlist", Type::Texts},
        {"/prune/allowlist/0", Type::Text}}},
      {"delete",
       R"({"refs": [{"resource": "pods", "namespace": "a", "name": "b"}], "sources": [{"name": "n", "text": "t"}],
           "namespace": "a", "gracePeriodSeconds": 3})",
       [](const json& body) { parse_delete(body); },
       {{"/refs", Type::Objects},
        {"/refs/0", Type::Object},
        {"/refs/0/resource", Type::Text},
        {"/refs/0/namespace", Type::Text},
        {"/refs/0/name", Type::Text},
        {"/sources", Type::Objects},
        {"/sources/0/text", Type::Text},
        {"/namespace", Type::Text},
        {"/gracePeriodSeconds", Type::Count}}}};
  return all;
}

json deep() {
  json value = 1;
  for (int i = 0; i < 50; ++i) {
    value = json::array({value});
  }
  return value;
}

// Values that a field of the type cannot have. Null is none: it is as if the field were absent.
std::vector<json> wrong_values(Type type) {
  const json text = "65616 \xff", number = 5, flag = true, list = json::array({1}),
             object{{"x", json::object()}};
  const json huge = 1e300, tiny = -1, most = UINT64_MAX, least = INT64_MIN, fraction = 80.5;
  switch (type) {
    case Type::Text:
      return {number, huge, flag, list, object, deep()};
    case Type::Port:
      return {text, "80", flag,  list,     object, deep(), huge,
              tiny, most, least, fraction, 65616,  -65456, 4294967376};
    case Type::Count:
      return {text, "80", flag, list, object, deep(), huge, tiny, most, least, fraction, 1e18};
    case Type::Flag:
      return {text, "true", number, 0, 1, huge, list, object, deep()};
    case Type::Texts:
    case Type::Objects:
      return {text, number, huge, flag, object, list, json::array({nullptr}), deep()};
    case Type::Map:
      return {text, number, huge, flag, list, object, deep()};
    case Type::Object:
      return {text, number, huge, flag, list, deep(), json{{"no-such-field", 1}}};
  }
  return {};
}

// The kind of what is thrown, and its message.
std::string outcome_of(const Case& one, const json& body) {
  try {
    one.parse(body);
  } catch (const Error& error) {
    return (error.kind() == ErrorKind::InvalidInput ? "invalid: " : "other: ") + error.message();
  } catch (const std::exception& error) {
    return std::string("thrown: ") + error.what();
  }
  return "taken";
}

TEST(LabRequests, TakeABodyThatIsRight) {
  for (const Case& one : cases()) {
    EXPECT_EQ(outcome_of(one, json::parse(one.right)), "taken") << one.name;
  }
}

TEST(LabRequests, RefuseEveryWrongValueOfEveryField) {
  int count = 0;
  for (const Case& one : cases()) {
    for (const Field& field : one.fields) {
      for (const json& value : wrong_values(field.type)) {
        json body = json::parse(one.right);
        body[json::json_pointer(field.pointer)] = value;
        const std::string outcome = outcome_of(one, body);
        ++count;
        EXPECT_THAT(outcome, testing::StartsWith("invalid: "))
            << one.name << field.pointer << " " << value.dump(-1, ' ', false, json::error_handler_t::replace);
        const std::string pointer = field.pointer;
        const std::size_t begin = pointer.find_first_not_of("/0123456789", pointer.rfind('/'));
        const std::string last =
            begin == std::string::npos ? pointer.substr(1, pointer.find('/', 1) - 1) : pointer.substr(begin);
        EXPECT_THAT(outcome, HasSubstr(last)) << "names the field";
      }
    }
  }
  EXPECT_GT(count, 450);
}

TEST(LabRequests, RefuseFieldsThatAreMissingOrUnknown) {
  const std::set<std::string> required{"probe/from", "wait/resource", "wait/name", "exec/from",
                                       "exec/command"};
  for (const Case& one : cases()) {
    const json right = json::parse(one.right);
    for (const auto& [field, value] : right.items()) {
      json body = right;
      body.erase(field);
      body[field + "x"] = value;
      EXPECT_THAT(outcome_of(one, body), testing::StartsWith("invalid: ")) << one.name << "/" << field;
      body.erase(field + "x");
      const bool is_required = required.contains(std::string(one.name) + "/" + field);
      EXPECT_EQ(outcome_of(one, body).starts_with("invalid: "), is_required) << one.name << "/" << field;
    }
    for (const json& body : {json(), json(5), json("x"), json::array(), json(true)}) {
      EXPECT_THAT(outcome_of(one, body), testing::StartsWith("invalid: ")) << one.name << " " << body;
    }
  }
}

TEST(LabRequests, SayAllMistakesOfABody) {
  try {
    parse_matrix(json::parse(R"({"port": 65616, "timeout_ms": "1", "from": "all", "prot": "tcp"})"));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.message(),
              "port: 65616: a port is 0 to 65535; timeout_ms: \"1\": must be a whole number, 1 to 600000; "
              "from: \"all\": must be a list of strings; prot: \"tcp\": no such field, but proto");
  }
}

TEST(LabRequests, AProbeOfManyIsToldByItsNumber) {
  try {
    parse_probe(json::parse(R"({"from": "pod/a/b", "to": "x:1", "source_port": 65616})"), "probes[3]");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.message(), "probes[3].source_port: 65616: a port is 0 to 65535");
  }
}

TEST(LabRequests, ALogQueryIsChecked) {
  const auto parse = [](std::map<std::string, std::string> query) {
    api::Request request;
    request.query = std::move(query);
    return parse_log_query(request);
  };
  const LogRequest right = parse({{"pod", "a"}, {"tail", "5"}, {"follow", "1"}, {"previous", "false"}});
  EXPECT_EQ(right.pod.ns, "default");
  EXPECT_EQ(right.tail, 5u);
  EXPECT_TRUE(right.follow);
  for (const auto& [name, value] :
       std::vector<std::pair<std::string, std::string>>{{"tail", "-1"},
                                                        {"tail", "1e3"},
                                                        {"tail", "99999999999999999999"},
                                                        {"follow", "yes"},
                                                        {"x", "1"}}) {
    EXPECT_THROW(parse({{"pod", "a"}, {name, value}}), Error) << name << "=" << value;
  }
  EXPECT_THROW(parse({}), Error);
}

TEST(LabRequests, ASignalIsANumberThatThereIs) {
  EXPECT_EQ(parse_exec_signal(R"({"signal": 15})"), 15);
  for (const char* line :
       {R"({"signal": 0})", R"({"signal": -9})", R"({"signal": 1000})", R"({"signal": 9.5})",
        R"({"signal": "9"})", R"({"signal": 4294967305})", "[9]", "9", "", "\xff"}) {
    EXPECT_EQ(parse_exec_signal(line), std::nullopt) << line;
  }
}

TEST(LabRequests, APathNamesANamespaceAndAName) {
  EXPECT_EQ(parse_namespaced_name("shop/web", "Service").name, "web");
  for (const char* path : {"", "/", "shop", "shop/", "/web"}) {
    EXPECT_THROW(parse_namespaced_name(path, "Service"), Error) << path;
  }
}

}  // namespace
}  // namespace labctl::api
