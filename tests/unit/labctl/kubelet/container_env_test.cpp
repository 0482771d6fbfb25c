#include "labctl/kubelet/container_env.hpp"

#include "tests/unit/labctl/kubelet/pod_life_fakes.hpp"

#include <gtest/gtest.h>

namespace labctl::kubelet::testing {
namespace {

std::string value_of(const Environment& env, const std::string& name) {
  for (const auto& [other, value] : env) {
    if (other == name) {
      return value;
    }
  }
  return "(unset)";
}

// A list for each Service.
ServiceLinks links(const std::vector<Environment>& services) {
  std::vector<std::shared_ptr<const Environment>> made;
  for (const Environment& service : services) {
    made.push_back(std::make_shared<const Environment>(service));
  }
  return std::make_shared<const std::vector<std::shared_ptr<const Environment>>>(std::move(made));
}

DownwardFacts facts() {
  DownwardFacts result;
  result.hostname = "web-0";
  result.host_ips = {*IpAddress::parse("192.168.50.11"), *IpAddress::parse("2001:db8::11")};
  result.services = links({{{"KUBERNETES_SERVICE_HOST", "10.96.0.1"}}});
  return result;
}

TEST(ContainerEnv, FieldsOfThePod) {
  model::Pod pod = make_pod({"a"});
  pod.ips.push_back(*IpAddress::parse("2001:db8::2"));
  pod.labels = {{"app", "web"}};
  pod.annotations = {{"example.org/note", "hi"}};
  const auto field = [&](const char* path) { return resolve_field(pod, facts(), path); };
  EXPECT_EQ(field("metadata.name"), "web-0");
  EXPECT_EQ(field("metadata.namespace"), "default");
  EXPECT_EQ(field("metadata.uid"), "u1");
  EXPECT_EQ(field("metadata.labels['app']"), "web");
  EXPECT_EQ(field("metadata.annotations['example.org/note']"), "hi");
  EXPECT_EQ(field("metadata.labels['absent']"), "");
  EXPECT_EQ(field("spec.nodeName"), "node-1");
  EXPECT_EQ(field("status.podIP"), "10.244.1.2");
  EXPECT_EQ(field("status.podIPs"), "10.244.1.2,2001:db8::2");
  EXPECT_EQ(field("status.hostIP"), "192.168.50.11");
  EXPECT_EQ(field("status.hostIPs"), "192.168.50.11,2001:db8::11");
}

TEST(ContainerEnv, UnknownFieldIsRefused) {
  EXPECT_THROW(resolve_field(make_pod({"a"}), facts(), "status.phase"), Error);
  EXPECT_THROW(resolve_field(make_pod({"a"}), facts(), "metadata.labels['x'"), Error);
}

TEST(ContainerEnv, ExpandsAsKubernetesDoes) {
  const auto find = [](const std::string& name) -> std::optional<std::string> {
    return name == "A" ? std::optional<std::string>("1") : std::nullopt;
  };
  EXPECT_EQ(expand("$(A)$(A)", find), "11");
  EXPECT_EQ(expand("x$(B)y", find), "x$(B)y");
  EXPECT_EQ(expand("$$(A)", find), "$(A)");
  EXPECT_EQ(expand("$$$(A)", find), "$1");
  EXPECT_EQ(expand("$A", find), "$A");
  EXPECT_EQ(expand("$(A", find), "$(A");
  EXPECT_EQ(expand("$", find), "$");
  EXPECT_EQ(expand("100$", find), "100$");
  EXPECT_EQ(expand("$()", find), "$()");
  EXPECT_EQ(expand("", find), "");
}

TEST(ContainerEnv, ValuesSeeWhatStandsBeforeThem) {
  model::Pod pod = make_pod({"a"});
  pod.containers[0].env = {{"URL", "http://$(KUBERNETES_SERVICE_HOST)/$(LATER)", ""},
                           {"LATER", "x", ""},
                           {"NAME", "", "metadata.name"},
                           {"GREETING", "I am $(NAME)", ""}};
  const Environment env = container_env(pod, pod.containers[0], facts()).whole();
  EXPECT_EQ(value_of(env, "URL"), "http://10.96.0.1/$(LATER)");
  EXPECT_EQ(value_of(env, "GREETING"), "I am web-0");
}

TEST(ContainerEnv, DefaultsCanBeReplacedButNotReferredTo) {
  model::Pod pod = make_pod({"a"});
  pod.containers[0].env = {{"HOME", "/data", ""}, {"WHERE", "$(HOSTNAME)", ""}};
  const Environment env = container_env(pod, pod.containers[0], facts()).whole();
  EXPECT_EQ(value_of(env, "HOME"), "/data");
  EXPECT_EQ(value_of(env, "HOSTNAME"), "web-0");
  EXPECT_EQ(value_of(env, "WHERE"), "$(HOSTNAME)");
  EXPECT_EQ(value_of(env, "TERM"), "(unset)");
  EXPECT_EQ(value_of(env, "PATH"), "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
}

TEST(ContainerEnv, EachNameComesOnceAndTheLastCounts) {
  model::Pod pod = make_pod({"a"});
  pod.containers[0].env = {{"KUBERNETES_SERVICE_HOST", "192.0.2.1", ""}, {"X", "1", ""}, {"X", "$(X)2", ""}};
  const Environment env = container_env(pod, pod.containers[0], facts()).whole();
  EXPECT_EQ(value_of(env, "KUBERNETES_SERVICE_HOST"), "192.0.2.1");
  EXPECT_EQ(value_of(env, "X"), "12");
  EXPECT_EQ(env.size(), 5u);
}

TEST(ContainerEnv, CommandsAreExpandedWordByWord) {
  ContainerEnv env;
  env.own = {{"A", "x y"}};
  EXPECT_EQ(expand_all({"echo", "$(A) b"}, env), (std::vector<std::string>{"echo", "x y b"}));
}

TEST(ContainerEnv, CommandsSeeAllThatTheProgramWill) {
  model::Pod pod = make_pod({"a"});
  pod.containers[0].env = {{"X", "own", ""}};
  DownwardFacts its = facts();
  its.services = links({{{"X", "first"}, {"Y", "first"}}, {{"Y", "second"}}});
  const ContainerEnv env = container_env(pod, pod.containers[0], its);
  EXPECT_EQ(expand_all({"$(X)", "$(Y)", "$(HOSTNAME)", "$(NONE)"}, env),
            (std::vector<std::string>{"own", "second", "web-0", "$(NONE)"}));
  EXPECT_EQ(value_of(env.whole(), "Y"), "second");
  EXPECT_EQ(env.whole().size(), 5u);
}

TEST(ContainerEnv, TheServicesPartIsNotCopied) {
  const DownwardFacts its = facts();
  const model::Pod pod = make_pod({"a"});
  EXPECT_EQ(container_env(pod, pod.containers[0], its).services, its.services);
}

TEST(ContainerEnv, APodWithoutServicesHasTheRest) {
  const model::Pod pod = make_pod({"a"});
  const ContainerEnv env = container_env(pod, pod.containers[0], {});
  EXPECT_EQ(env.find("KUBERNETES_SERVICE_HOST"), std::nullopt);
  EXPECT_EQ(env.whole().size(), 3u);
}

}  // namespace
}  // namespace labctl::kubelet::testing
