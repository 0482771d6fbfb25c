// Names at the limits of length and shape, of every kind and by every way: in a file, and over the API by
// name and by generateName. What is accepted is what a cluster accepts, and every name that controllers make
// of it is a valid one of its kind.

#include "labctl/allocation/service_allocation.hpp"
#include "labctl/api/resource_kinds.hpp"
#include "labctl/objects/fields.hpp"
#include "tests/unit/labctl/apiserver/resource_lab.hpp"
#include "topology/manifest/loader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <regex>

namespace labctl::apiserver {
namespace {

using nlohmann::json;
using objects::name_of;
using ::testing::HasSubstr;

// As apimachinery has them (util/validation), written down once more.
bool is_name_of(std::string_view kind, const std::string& name) {
  static const std::regex kLabel("[a-z0-9]([-a-z0-9]*[a-z0-9])?"), kLabel1035("[a-z]([-a-z0-9]*[a-z0-9])?"),
      kSubdomain(R"([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*)");
  if (kind == "Service") {
    return name.size() <= 63 && std::regex_match(name, kLabel1035);
  }
  if (kind == "Namespace" || kind == "StatefulSet") {
    return name.size() <= 63 && std::regex_match(name, kLabel);
  }
  return name.size() <= 253 && std::regex_match(name, kSubdomain);
}

bool is_prefix_of(std::string_view kind, const std::string& prefix) {
  const bool has_dash = prefix.size() > 1 && prefix.back() == '-';
  return is_name_of(kind, has_dash ? prefix.substr(0, prefix.size() - 2) + "a" : prefix);
}

std::vector<std::string> names() {
  std::vector<std::string> all{"",    "-",    ".",    "..",       "a..b",       "a-.b",   "a.-b",
                               "a_b", "a b",  "A",    "aB",       "a/b",        "a%2f",   "a\n",
                               "\na", "a\tb", "\x1b", "a\x1b[0m", "::a::",      "\u00e9", "a\xff",
                               "a,b", "a:b",  "*",    "_a",       "a'b",        "a\"b",   "${a}",
                               "1",   "1a",   "0.0",  "a.1",      "10-244-1-7", "default"};
  for (const std::size_t length :
       {1U,   2U,   12U,  13U,  52U,  53U,  57U,  58U,  59U,  62U,  63U,  64U,  65U,  100U,
        223U, 238U, 239U, 240U, 241U, 242U, 243U, 247U, 248U, 252U, 253U, 254U, 255U, 300U}) {
    const std::string letters(length, 'a');
    all.push_back(letters);
    std::string digits = letters;
    digits.front() = '9';
    all.push_back(digits);
    all.push_back(std::string(length, '7'));
    for (const char mark : {'-', '.', '_', 'Z'}) {
      std::string last = letters, first = letters, every = letters, cut = letters;
      last.back() = mark;
      first.front() = mark;
      for (std::size_t i = 1; i + 1 < length; i += 2) {
        every[i] = mark;
      }
      // Where a name is cut: for a generated one, for a host name, for an event.
      for (const std::size_t at : {56U, 57U, 58U, 62U, 63U, 238U}) {
        if (at + 1 < length) {
          cut[at] = mark;
        }
      }
      all.insert(all.end(), {last, first, every});
      if (cut != letters) {
        for (const std::size_t at : {56U, 57U, 58U, 62U, 238U}) {
          if (at + 1 < length) {
            std::string once = letters;
            once[at] = mark;
            all.push_back(once);
          }
        }
      }
    }
  }
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

json pod_template() {
  return {{"metadata", {{"labels", {{"app", "web"}}}}},
          {"spec", {{"containers", {{{"name", "c"}, {"image", "app:1"}}}}}}};
}

json object_of(const api::ResourceKind& kind) {
  json object{{"apiVersion", kind.api_version}, {"kind", kind.kind}, {"metadata", json::object()}};
  if (kind.kind == "Pod") {
    object["spec"] = pod_template()["spec"];
    object["metadata"]["labels"] = {{"app", "web"}};
  } else if (kind.kind == "Service") {
    object["spec"] = {{"selector", {{"app", "web"}}}, {"ports", {{{"port", 80}}}}};
  } else if (kind.kind == "Endpoints") {
    object["subsets"] = {{{"addresses", {{{"ip", "192.0.2.1"}}}}, {"ports", {{{"port", 80}}}}}};
  } else if (kind.kind == "EndpointSlice") {
    object["addressType"] = "IPv4";
    object["endpoints"] = {{{"addresses", {"192.0.2.1"}}}};
    object["metadata"]["labels"] = {{"kubernetes.io/service-name", "a"}};
  } else if (kind.kind == "Event") {
    object["involvedObject"] = {{"kind", "Pod"}, {"name", "a"}};
    object["reason"] = "Test";
  } else if (kind.kind != "Namespace") {
    object["spec"] = {{"selector", {{"matchLabels", {{"app", "web"}}}}}, {"template", pod_template()}};
  }
  return object;
}

class NameLimits : public testing::ResourceLab {
 protected:
  NameLimits() : ResourceLab("application/json") { loops.run(); }

  // Until nothing changes; pods are made ready as if they ran.
  void settle() {
    for (int i = 0; i < 5; ++i) {
      loops.run();
    }
  }

  void expect_valid_names() {
    for (const api::ResourceKind& kind : api::resource_kinds()) {
      for (const store::ObjectPtr& object : store.list(std::string(kind.plural))) {
        EXPECT_TRUE(is_name_of(kind.kind, name_of(*object))) << kind.kind << ' ' << name_of(*object);
        const json labels = object->at("metadata").value("labels", json::object());
        for (const auto& [key, value] : labels.items()) {
          EXPECT_LE(value.get<std::string>().size(), 63U) << key << " of " << *object;
        }
        if (kind.kind == "Pod" || kind.kind == "ReplicaSet") {
          const manifest::Loaded loaded = manifest::load_object(*object, {});
          EXPECT_FALSE(has_errors(loaded.diagnostics)) << *object << loaded.diagnostics.front().message;
        }
      }
    }
    for (const store::ObjectPtr& revision : store.list("controllerrevisions")) {
      EXPECT_TRUE(is_name_of("ControllerRevision", name_of(*revision))) << name_of(*revision);
    }
  }

  const api::ResourceKind& kind() const { return *api::find_resource(GetParam()); }
  std::string collection() const { return api::collection_path(kind(), kind().namespaced ? "default" : ""); }
  store::Key key_of(const std::string& name) const {
    return {std::string(kind().plural), kind().namespaced ? "default" : "", name};
  }
};

TEST_P(NameLimits, AFileIsAcceptedAsAClusterAcceptsIt) {
  for (const std::string& name : names()) {
    json object = object_of(kind());
    object["metadata"]["name"] = name;
    const std::string text = object.dump(-1, ' ', true, json::error_handler_t::replace);
    const manifest::Loaded loaded = manifest::load({{"a.json", text}}, {});
    EXPECT_EQ(!has_errors(loaded.diagnostics), is_name_of(kind().kind, name)) << name << ' ' << name.size();
  }
}

TEST_P(NameLimits, TheApiAcceptsWhatAClusterAcceptsAndWhatIsMadeOfItIsValid) {
  const store::Store::Snapshot before = store.snapshot();
  for (const std::string& name : names()) {
    json object = object_of(kind());
    object["metadata"]["name"] = name;
    const bool was_there = store.find(key_of(name)) != nullptr;
    const int status = send("POST", collection(), object);
    if (!is_name_of(kind().kind, name)) {
      EXPECT_EQ(status, 422) << name << last_body;
      EXPECT_THAT(last_body, HasSubstr("metadata.name")) << name;
      continue;
    }
    ASSERT_EQ(status, was_there ? 409 : 201) << name << last_body;
    const std::string path = collection() + "/" + name;
    EXPECT_EQ(send("PUT", path, object), 200) << name << last_body;
    EXPECT_EQ(
        send("PATCH", path, {{"metadata", {{"annotations", {{"a", "b"}}}}}}, "application/merge-patch+json"),
        200)
        << name << last_body;
    EXPECT_EQ(send("PATCH", path, {{"metadata", {{"name", name + "x"}}}}, "application/merge-patch+json"),
              400);
    EXPECT_NO_THROW(settle()) << name;
    expect_valid_names();
    ASSERT_FALSE(::testing::Test::HasFailure()) << name << ' ' << name.size();
    store.restore(before);
    loops.run();
  }
}

TEST_P(NameLimits, AGeneratedNameIsThePrefixCutAndFiveCharacters) {
  const store::Store::Snapshot before = store.snapshot();
  for (const std::string& prefix : names()) {
    if (prefix.empty()) {
      continue;
    }
    for (const std::string& given : {prefix, prefix + "-"}) {
      json object = object_of(kind());
      object["metadata"]["generateName"] = given;
      const bool is_valid =
          is_prefix_of(kind().kind, given) && is_name_of(kind().kind, given.substr(0, 58) + "xxxxx");
      const int status = send("POST", collection(), object);
      ASSERT_EQ(status, is_valid ? 201 : 422) << given << last_body;
      if (is_valid) {
        const std::string made = json::parse(last_body)["metadata"]["name"];
        EXPECT_EQ(made.substr(0, made.size() - 5), given.substr(0, 58));
        EXPECT_THAT(made.substr(made.size() - 5),
                    ::testing::MatchesRegex("[bcdfghjklmnpqrstvwxz2456789]{5}"));
        EXPECT_EQ(send("PATCH", collection() + "/" + made, {{"metadata", {{"labels", {{"a", "b"}}}}}},
                       "application/merge-patch+json"),
                  200)
            << given << last_body;
        EXPECT_NO_THROW(loops.run());
        store.restore(before);
        loops.run();
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, NameLimits,
                         ::testing::Values("pods", "services", "deployments", "replicasets", "statefulsets",
                                           "daemonsets", "namespaces", "endpoints", "endpointslices",
                                           "events"),
                         [](const auto& info) { return std::string(info.param); });

// ---- What comes of the longest -----------------------------------------------------------------

class LongestNames : public NameLimits {
 protected:
  void make(std::string_view kind_name, const std::string& name, const json& more = json::object()) {
    const api::ResourceKind& made = *api::find_resource(kind_name);
    json object = object_of(made);
    object["metadata"]["name"] = name;
    object.merge_patch(more);
    ASSERT_EQ(send("POST", api::collection_path(made, "default"), object), 201) << last_body;
    settle();
  }
  std::vector<std::string> names_in(const std::string& resource) const {
    std::vector<std::string> found;
    for (const store::ObjectPtr& object : store.list(resource, std::string("default"))) {
      found.push_back(name_of(*object));
    }
    return found;
  }
  // Type, reason and message.
  std::vector<std::string> events() const {
    std::vector<std::string> found;
    for (const store::ObjectPtr& event : store.list("events")) {
      found.push_back(event->value("type", "") + " " + event->value("reason", "") + ": " +
                      event->value("message", ""));
    }
    return found;
  }
};

TEST_F(LongestNames, ADeploymentWhoseReplicaSetHasNoValidNameSaysSo) {
  const std::string name(243, 'd');
  make("deployments", name);
  EXPECT_TRUE(names_in("replicasets").empty());
  EXPECT_TRUE(names_in("pods").empty());
  const json status = store.get({"deployments", "default", name})->at("status");
  json progressing;
  for (const json& condition : status.at("conditions")) {
    if (condition.at("type") == "Progressing") {
      progressing = condition;
    }
  }
  EXPECT_EQ(progressing["status"], "False");
  EXPECT_EQ(progressing["reason"], "ReplicaSetCreateError");
  EXPECT_THAT(
      progressing["message"].get<std::string>(),
      ::testing::MatchesRegex("Failed to create new replica set \"d{243}-[a-z0-9]{10}\": ReplicaSet.apps "
                              "\"d{243}-[a-z0-9]{10}\" is invalid: metadata.name: Invalid value: "
                              "\"d{243}-[a-z0-9]{10}\": must be no more than 253 bytes"));
  EXPECT_THAT(events(), ::testing::ElementsAre(HasSubstr("Warning ReplicaSetCreateError: Failed to create")));
}

TEST_F(LongestNames, ADeploymentIsAsLongAsItsReplicaSetCanBe) {
  make("deployments", std::string(242, 'd'));
  ASSERT_EQ(names_in("replicasets").size(), 1U);
  EXPECT_EQ(names_in("replicasets").front().size(), 253U);
  ASSERT_EQ(names_in("pods").size(), 1U);
  EXPECT_THAT(names_in("pods").front(), ::testing::MatchesRegex("d{58}[a-z0-9]{5}"));
}

TEST_F(LongestNames, RecreateAndPausedDeploymentsSaySoToo) {
  make("deployments", std::string(253, 'd'), {{"spec", {{"strategy", {{"type", "Recreate"}}}}}});
  EXPECT_THAT(events(), ::testing::Contains(HasSubstr("ReplicaSetCreateError")));
  make("deployments", std::string(253, 'e'), {{"spec", {{"paused", true}}}});
  EXPECT_TRUE(names_in("replicasets").empty());
}

TEST_F(LongestNames, AReplicaSetOfAnyLengthHasPods) {
  const std::string name = std::string(57, 'r') + "." + std::string(195, 'r');
  make("replicasets", name, {{"spec", {{"replicas", 3}}}});
  ASSERT_EQ(names_in("pods").size(), 3U);
  EXPECT_THAT(names_in("pods").front(), ::testing::MatchesRegex("r{57}\\.[a-z0-9]{5}"));
  EXPECT_EQ(store.list("pods").front()->at("metadata").at("generateName"), name + "-");
}

TEST_F(LongestNames, AStatefulSetWhosePodsWouldBeInvalidSaysSo) {
  const std::string name(63, 's');
  make("statefulsets", name);
  EXPECT_TRUE(names_in("pods").empty());
  EXPECT_THAT(
      events(),
      ::testing::Contains(::testing::MatchesRegex(
          "Warning FailedCreate: create Pod s{63}-0 in StatefulSet s{63} failed error: Pod \"s{63}-0\" is "
          "invalid: \\[metadata.labels: Invalid value: \"s{63}-[a-z0-9]{10}\": must be no more than 63 "
          "bytes, "
          "metadata.labels: Invalid value: \"s{63}-0\": must be no more than 63 bytes, "
          "spec.hostname: Invalid value: \"s{63}-0\": must be no more than 63 bytes\\]")));
  // One event, however many pods it wants.
  make("statefulsets", std::string(53, 't'),
       {{"spec", {{"replicas", 500}, {"podManagementPolicy", "Parallel"}}}});
  EXPECT_EQ(events().size(), 2U);
  EXPECT_THAT(events(), ::testing::Contains(HasSubstr("is invalid: metadata.labels: Invalid value: \"ttt")));
  make("statefulsets", std::string(52, 'u'));
  EXPECT_EQ(names_in("pods"), std::vector<std::string>{std::string(52, 'u') + "-0"});
}

TEST_F(LongestNames, ADaemonSetWhoseRevisionHasNoValidNameSaysSo) {
  make("daemonsets", std::string(243, 'd'));
  EXPECT_TRUE(names_in("pods").empty());
  EXPECT_TRUE(names_in("controllerrevisions").empty());
  EXPECT_THAT(events(),
              ::testing::Contains(HasSubstr("Warning FailedCreate: failed to construct revisions")));
  make("daemonsets", std::string(242, 'e'));
  EXPECT_EQ(names_in("pods").size(), cluster.nodes.size());
  expect_valid_names();
}

TEST_F(LongestNames, AServiceOfTheLongestNameHasSlices) {
  make("pods", std::string(253, 'p'));
  make("services", std::string(63, 's'));
  ASSERT_EQ(names_in("endpointslices").size(), 1U);
  EXPECT_THAT(names_in("endpointslices").front(), ::testing::MatchesRegex("s{58}[a-z0-9]{5}"));
  const json slice = *store.list("endpointslices").front();
  EXPECT_EQ(slice["metadata"]["generateName"], std::string(63, 's') + "-");
  EXPECT_EQ(slice["metadata"]["labels"]["kubernetes.io/service-name"], std::string(63, 's'));
}

TEST_F(LongestNames, FilesWithNamesThatMakeNoPodsAreWarnedOf) {
  const auto warnings = [&](std::string_view kind_name, std::size_t length) {
    json object = object_of(*api::find_resource(kind_name));
    object["metadata"]["name"] = std::string(length, 'a');
    const manifest::Loaded loaded = manifest::load({{"a.json", object.dump()}}, {});
    EXPECT_FALSE(has_errors(loaded.diagnostics));
    std::string text;
    for (const Diagnostic& diagnostic : loaded.diagnostics) {
      text += diagnostic.path + ": " + diagnostic.message + "; " + diagnostic.hint + "\n";
    }
    return text;
  };
  EXPECT_EQ(
      warnings("deployments", 243),
      "metadata.name: the name of its ReplicaSet would have 254 characters, at most 253 are allowed, so "
      "there will be no pods; shorten the name to 242\n");
  EXPECT_EQ(warnings("deployments", 242), "");
  EXPECT_THAT(warnings("daemonsets", 243), HasSubstr("ControllerRevision"));
  EXPECT_EQ(warnings("daemonsets", 242), "");
  EXPECT_THAT(warnings("statefulsets", 53), HasSubstr("controller-revision-hash"));
  EXPECT_EQ(warnings("statefulsets", 52), "");
  EXPECT_EQ(warnings("replicasets", 253), "");
}

}  // namespace
}  // namespace labctl::apiserver
