// Volumes of pods as folders, and what containers wait for. Programs of pods are hostile: links that they plant in
// their volumes are planted here by hand.

#include "labctl/kubelet/pod_storage.hpp"

#include "labctl/kubelet/pod_life.hpp"
#include "labctl/kubelet/stand_in_secret.hpp"
#include "tests/unit/labctl/kubelet/pod_life_fakes.hpp"
#include "topology/base/base64.hpp"
#include "topology/kernel/volume_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

namespace labctl::kubelet::testing {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using VolumeKind = model::VolumeSource::Kind;

model::Volume volume_of(const std::string& name, VolumeKind kind, const std::string& object = {}) {
  model::Volume out;
  out.name = name;
  out.source.kind = kind;
  out.source.name = object;
  return out;
}

class Storage : public ::testing::Test {
 protected:
  Storage() {
    std::string name = (fs::temp_directory_path() / "labctl-storage-XXXXXX").string();
    folder = ::mkdtemp(name.data());
    storage = std::make_unique<PodStorage>(loop, store,
                                           PodStorage::Options{folder / "config", folder / "data", 0, false});
    pod = make_pod({"main"});
    std::ofstream(folder / "secret-of-host") << "do not touch";
  }
  ~Storage() override {
    storage.reset();
    std::error_code ignored;
    fs::remove_all(folder, ignored);
  }
  void put_config(const std::string& name, const json& data) {
    const store::Key key{"configmaps", "default", name};
    json object{
        {"kind", "ConfigMap"}, {"metadata", {{"name", name}, {"namespace", "default"}}}, {"data", data}};
    if (store.find(key) == nullptr) {
      store.create(key, object);
    } else {
      store.update(key, object);
    }
  }
  std::vector<std::string> set_up(bool has_programs = true) {
    DownwardFacts facts;
    facts.find = [this](const store::Key& key) { return store.find(key); };
    return storage->set_up(pod, facts, has_programs);
  }
  std::vector<kernel::FileBind> binds() { return storage->binds(pod, pod.containers[0], {}); }
  void mount(const std::string& volume, const std::string& path, const std::string& sub_path = {}) {
    pod.containers[0].volume_mounts.push_back({volume, path, sub_path, {}, false});
  }
  std::string refusal() {
    try {
      binds();
    } catch (const Error& error) {
      return error.message();
    }
    return "";
  }
  static std::string read(const fs::path& path) {
    std::ifstream file(path);
    std::ostringstream out;
    out << file.rdbuf();
    return out.str();
  }
  FakeClock clock;
  FakeLoop loop{clock};
  store::Store store{"test", clock};
  fs::path folder;
  std::unique_ptr<PodStorage> storage;
  model::Pod pod;
};

struct stat status_of(const fs::path& path) {
  struct stat status {};
  EXPECT_EQ(::lstat(path.c_str(), &status), 0) << path;
  return status;
}

TEST_F(Storage, VolumesBelongToThePodsGroupAndLinksLeadNowhere) {
  // Ours at least; another one where we may give files away.
  const gid_t group = ::geteuid() == 0 ? 2000 : ::getegid();
  storage = std::make_unique<PodStorage>(
      loop, store, PodStorage::Options{folder / "config", folder / "data", 0, false, true});
  put_config("settings", {{"a", "1"}});
  pod.volumes = {volume_of("data", VolumeKind::EmptyDir),
                 volume_of("settings", VolumeKind::ConfigMap, "settings")};
  pod.security.fs_group = group;
  ASSERT_THAT(set_up(), IsEmpty());
  mount("data", "/data");
  mount("settings", "/settings");
  const fs::path data = binds()[0].source;
  fs::create_directory(data / "deep");
  std::ofstream(data / "deep/file") << "x";
  fs::permissions(data / "deep/file", fs::perms::owner_read);
  fs::permissions(folder / "secret-of-host", fs::perms::owner_read);
  fs::create_symlink(folder / "secret-of-host", data / "deep/link");
  ASSERT_THAT(set_up(), IsEmpty());
  for (const char* path : {"", "deep", "deep/file"}) {
    EXPECT_EQ(status_of(data / path).st_gid, group) << path;
  }
  EXPECT_EQ(status_of(data / "deep").st_mode & 07777U, 02775U);
  EXPECT_EQ(status_of(data / "deep/file").st_mode & 07777U, 0660U);
  EXPECT_EQ(status_of(folder / "secret-of-host").st_mode & 07777U, 0400U);
  const fs::path settings = fs::canonical(fs::path(binds()[1].source) / "a");
  EXPECT_EQ(status_of(settings).st_gid, group);
  EXPECT_EQ(status_of(settings).st_mode & 07777U, 0644U);
}

TEST_F(Storage, SaysWhatIsMissing) {
  pod.volumes = {volume_of("conf", VolumeKind::ConfigMap, "app"),
                 volume_of("data", VolumeKind::Claim, "disk")};
  for (const bool has_programs : {true, false}) {
    EXPECT_THAT(
        set_up(has_programs),
        ElementsAre(
            "MountVolume.SetUp failed for volume \"conf\" : configmap \"app\" not found",
            "MountVolume.SetUp failed for volume \"data\" : persistentvolumeclaim \"disk\" not found"));
  }
  put_config("app", {{"a", "1"}});
  EXPECT_THAT(set_up(), ::testing::SizeIs(1));
}

TEST_F(Storage, WithoutProgramsMakesNothing) {
  pod.volumes = {volume_of("work", VolumeKind::EmptyDir)};
  EXPECT_THAT(set_up(false), IsEmpty());
  EXPECT_FALSE(fs::exists(folder / "data"));
}

TEST_F(Storage, AnEmptyDirIsSharedByTheContainersAndGoesWithThePod) {
  pod.volumes = {volume_of("work", VolumeKind::EmptyDir)};
  mount("work", "/work/");
  ASSERT_THAT(set_up(), IsEmpty());
  ASSERT_EQ(binds().size(), 1U);
  const kernel::FileBind bind = binds()[0];
  EXPECT_EQ(bind.target, "/work");
  EXPECT_FALSE(bind.read_only);
  std::ofstream(fs::path(bind.source) / "x") << "hello";
  ASSERT_THAT(set_up(), IsEmpty());
  EXPECT_EQ(read(fs::path(binds()[0].source) / "x"), "hello");
  storage->tear_down(pod.key);
  EXPECT_FALSE(fs::exists(bind.source));
}

TEST_F(Storage, ObjectsAreMountedReadOnlyAndRefreshed) {
  put_config("app", {{"a", "1"}});
  pod.volumes = {volume_of("conf", VolumeKind::ConfigMap, "app")};
  mount("conf", "/etc/app");
  ASSERT_THAT(set_up(), IsEmpty());
  const kernel::FileBind bind = binds()[0];
  EXPECT_TRUE(bind.read_only);
  EXPECT_EQ(read(fs::path(bind.source) / "a"), "1");
  put_config("app", {{"a", "2"}});
  loop.advance(std::chrono::milliseconds(0));
  EXPECT_EQ(read(fs::path(bind.source) / "a"), "2");
  store.remove({"configmaps", "default", "app"});
  loop.advance(std::chrono::milliseconds(0));
  EXPECT_EQ(read(fs::path(bind.source) / "a"), "2");  // as the kubelet leaves it
}

TEST_F(Storage, AClaimKeepsItsFilesUntilItsVolumeGoes) {
  store.create({"persistentvolumes", "", "pv"}, {{"metadata", {{"name", "pv"}}}});
  store.create({"persistentvolumeclaims", "default", "disk"},
               {{"metadata", {{"name", "disk"}, {"namespace", "default"}}},
                {"spec", {{"volumeName", "pv"}}},
                {"status", {{"phase", "Bound"}}}});
  pod.volumes = {volume_of("data", VolumeKind::Claim, "disk")};
  mount("data", "/data");
  ASSERT_THAT(set_up(), IsEmpty());
  const fs::path place = binds()[0].source;
  std::ofstream(place / "x") << "kept";
  storage->tear_down(pod.key);
  EXPECT_EQ(read(place / "x"), "kept");
  store.remove({"persistentvolumes", "", "pv"});
  loop.advance(std::chrono::milliseconds(0));
  EXPECT_FALSE(fs::exists(place));
}

TEST_F(Storage, ASubPathIsMadeInsideItsVolume) {
  pod.volumes = {volume_of("work", VolumeKind::EmptyDir)};
  mount("work", "/a", "x/y");
  ASSERT_THAT(set_up(), IsEmpty());
  const kernel::FileBind bind = binds()[0];
  std::ofstream(fs::path(bind.source) / "file") << "here";
  EXPECT_EQ(read(folder / "data/pods/1/work/x/y/file"), "here");
}

TEST_F(Storage, NoSubPathLeavesItsVolume) {
  pod.volumes = {volume_of("work", VolumeKind::EmptyDir)};
  ASSERT_THAT(set_up(), IsEmpty());
  const fs::path work = folder / "data/pods/1/work";
  fs::create_symlink(folder, work / "absolute");
  fs::create_symlink("../../../..", work / "relative");
  fs::create_symlink("absolute", work / "twice");
  fs::create_symlink("/proc/self/root", work / "magic");
  for (const char* path : {"..", "a/../../..", "/etc", "absolute", "absolute/secret-of-host", "relative",
                           "relative/new", "twice/new", "magic/etc"}) {
    pod.containers[0].volume_mounts.clear();
    mount("work", "/a", path);
    EXPECT_NE(refusal(), "") << path;
  }
  EXPECT_FALSE(fs::exists(folder / "new"));
  EXPECT_EQ(read(folder / "secret-of-host"), "do not touch");
}

TEST_F(Storage, ALinkWithinTheVolumeIsFollowed) {
  pod.volumes = {volume_of("work", VolumeKind::EmptyDir)};
  ASSERT_THAT(set_up(), IsEmpty());
  fs::create_directory(folder / "data/pods/1/work/real");
  fs::create_directory_symlink("real", folder / "data/pods/1/work/link");
  mount("work", "/a", "link");
  const kernel::FileBind bind = binds()[0];
  std::ofstream(fs::path(bind.source) / "file") << "here";
  EXPECT_EQ(read(folder / "data/pods/1/work/real/file"), "here");
}

TEST_F(Storage, ThePlaceOfANestedMountIsMadeInsideItsVolume) {
  pod.volumes = {volume_of("work", VolumeKind::EmptyDir), volume_of("more", VolumeKind::EmptyDir)};
  mount("more", "/work/in/side");
  mount("work", "/work");
  ASSERT_THAT(set_up(), IsEmpty());
  EXPECT_EQ(binds().size(), 2U);
  EXPECT_TRUE(fs::is_directory(folder / "data/pods/1/work/in/side"));
  fs::remove_all(folder / "data/pods/1/work/in");
  fs::create_directory_symlink(folder, folder / "data/pods/1/work/in");
  EXPECT_THAT(refusal(), HasSubstr("leads out of its volume"));
  EXPECT_FALSE(fs::exists(folder / "side"));
}

TEST_F(Storage, TheHostIsMountedReadOnlyOrNotAtAll) {
  pod.volumes = {volume_of("host", VolumeKind::HostPath, folder.string())};
  mount("host", "/host");
  ASSERT_THAT(set_up(), IsEmpty());
  EXPECT_THAT(refusal(), HasSubstr("writableHost: true"));
  pod.containers[0].volume_mounts[0].read_only = true;
  EXPECT_TRUE(binds()[0].read_only);
  pod.containers[0].volume_mounts[0].sub_path = "new";
  EXPECT_NE(refusal(), "");
  EXPECT_FALSE(fs::exists(folder / "new"));
}

// ---- With containers ----------------------------------------------------------------------------
class WaitingPod : public Storage {
 protected:
  explicit WaitingPod(std::vector<model::ImageRule> images = {{"*", {"sleep", "1"}, {}}}) {
    PodLifeOptions options;
    options.images = std::move(images);
    options.storage = storage.get();
    options.store = &store;
    PodLifeHooks hooks;
    hooks.on_event = [this](const model::PodKey&, const PodEvent& event) {
      if (event.is_warning || event.reason == "SecretMade") {
        events.push_back(event.reason + ": " + event.message);
      }
    };
    hooks.on_change = [this](const PodReport& report) { last = report; };
    life = std::make_unique<PodLife>(loop, clock, runtime, std::move(options), std::move(hooks));
  }
  ~WaitingPod() override { life.reset(); }
  ContainerState state() const { return last.containers.containers.at(0).state; }
  FakeRuntime runtime;
  std::vector<std::string> events;
  PodReport last;
  std::unique_ptr<PodLife> life;
};

TEST_F(WaitingPod, StartsOnceItsVolumeIsThere) {
  pod.volumes = {volume_of("conf", VolumeKind::ConfigMap, "app")};
  mount("conf", "/etc/app");
  life->start(pod, {});
  EXPECT_EQ(state().reason, "ContainerCreating");
  EXPECT_THAT(events, ElementsAre("FailedMount: MountVolume.SetUp failed for volume \"conf\" : "
                                  "configmap \"app\" not found"));
  put_config("app", {{"a", "1"}});
  loop.advance(std::chrono::milliseconds(0));
  EXPECT_EQ(state().kind, ContainerState::Kind::Running);
  EXPECT_THAT(runtime.runs.rbegin()->second.spec.binds, ::testing::SizeIs(1));
}

class StandInOfAJob : public WaitingPod {
 protected:
  StandInOfAJob() : WaitingPod(std::vector<model::ImageRule>{}) {}
};

TEST_F(StandInOfAJob, MakesTheSecretForWhichOthersWait) {
  store.create({"namespaces", "", "default"}, {{"metadata", {{"name", "default"}}}});
  pod.containers[0].image = "nginx";
  pod.volumes = {volume_of("cert", VolumeKind::Secret, "hook")};
  life->start(pod, {});
  EXPECT_EQ(state().reason, "ContainerCreating");
  model::Pod job;
  job.key = {"default", "hook-create"};
  job.containers.emplace_back();
  job.containers[0].name = "create";
  job.containers[0].image = "registry.k8s.io/ingress-nginx/kube-webhook-certgen:v1.5.0";
  job.containers[0].args = {"create", "--host=web.default.svc,10.0.0.1", "--namespace=$(HOME_OF)",
                            "--secret-name=hook"};
  model::EnvVar home;
  home.name = "HOME_OF";
  home.value = "default";
  job.containers[0].env = {home};
  job.containers[0].is_of_job = true;
  life->start(job, {});
  loop.advance(std::chrono::milliseconds(0));
  EXPECT_TRUE(life->contains(job.key));
  EXPECT_THAT(events, ::testing::Contains("SecretMade: Made Secret default/hook (ca, cert, key) in place of "
                                          "container create"));
  EXPECT_EQ(life->stand_ins().secrets, 1u);
  EXPECT_EQ(runtime.running(pod.containers[0].name).spec.image, "nginx");
}

TEST_F(StandInOfAJob, LeavesASecretThatIsThereAndNeedsItsNamespace) {
  const model::WebhookSecret secret{"", "hook", {"web"}};
  EXPECT_FALSE(make_webhook_secret(store, secret, "nowhere"));
  store.create({"namespaces", "", "shop"}, {{"metadata", {{"name", "shop"}}}});
  ASSERT_TRUE(make_webhook_secret(store, secret, "shop"));
  const store::ObjectPtr made = store.get({"secrets", "shop", "hook"});
  EXPECT_FALSE(make_webhook_secret(store, secret, "shop"));
  EXPECT_EQ(store.get({"secrets", "shop", "hook"}), made);
  for (const auto& [key, beginning] : {std::pair{"ca", "-----BEGIN CERTIFICATE-----"},
                                       {"cert", "-----BEGIN CERTIFICATE-----"},
                                       {"key", "-----BEGIN PRIVATE KEY-----"}}) {
    EXPECT_THAT(from_base64(made->at("data").at(key).get<std::string>()).value_or(""),
                ::testing::StartsWith(beginning));
  }
}

TEST_F(WaitingPod, StartsOnceItsVariablesAreThere) {
  model::EnvVar level;
  level.name = "LEVEL";
  level.config_key = model::ConfigKey{false, "app", "level", false};
  pod.containers[0].env = {level};
  life->start(pod, {});
  EXPECT_EQ(state().reason, "CreateContainerConfigError");
  EXPECT_EQ(state().message, "configmap \"app\" not found");
  put_config("app", {{"other", "1"}});
  loop.advance(std::chrono::milliseconds(0));
  EXPECT_EQ(state().message, "couldn't find key level in ConfigMap default/app");
  EXPECT_THAT(events, ElementsAre("Failed: Error: configmap \"app\" not found",
                                  "Failed: Error: couldn't find key level in ConfigMap default/app"));
  put_config("app", {{"level", "debug"}});
  loop.advance(std::chrono::milliseconds(0));
  ASSERT_EQ(state().kind, ContainerState::Kind::Running);
  EXPECT_EQ(runtime.runs.rbegin()->second.spec.env.find("LEVEL"), "debug");
}

TEST_F(WaitingPod, TakesAllKeysThatAreNames) {
  put_config("app", {{"A", "1"}, {"0B", "2"}, {"C", "3"}});
  pod.containers[0].env_from = {{false, "app", "", false}, {false, "none", "", true}};
  model::EnvVar own;
  own.name = "C";
  own.value = "$(A) here";
  pod.containers[0].env = {own};
  life->start(pod, {});
  const ContainerEnv& env = runtime.runs.rbegin()->second.spec.env;
  EXPECT_EQ(env.find("A"), "1");
  EXPECT_EQ(env.find("C"), "1 here");
  EXPECT_EQ(env.find("0B"), std::nullopt);
  EXPECT_THAT(events, ElementsAre("InvalidEnvironmentVariableNames: Keys [0B] from the EnvFrom configMap "
                                  "default/app were skipped since they are considered invalid environment "
                                  "variable names."));
}

TEST_F(WaitingPod, KnowsItsResources) {
  pod.containers[0].resources = {{{"memory", "64Mi"}}, {{"cpu", "2"}}};
  const auto value = [&](const char* resource, const char* divisor) {
    return resource_value(pod, pod.containers[0], {"", resource, divisor}, {{"memory", "1Gi"}});
  };
  EXPECT_EQ(value("limits.cpu", ""), "2");
  EXPECT_EQ(value("limits.cpu", "1m"), "2000");
  EXPECT_EQ(value("requests.cpu", "1"), "2");  // the limit, as the API defaults it
  EXPECT_EQ(value("requests.memory", "1Mi"), "64");
  EXPECT_EQ(value("limits.memory", "1Mi"), "1024");  // of the node
  EXPECT_EQ(value("requests.ephemeral-storage", ""), "0");
  EXPECT_THROW(value("cpu", ""), Error);
}

}  // namespace
}  // namespace labctl::kubelet::testing
