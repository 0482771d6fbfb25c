// Programs of this host as images of archives: run as they say, reached by name, their data kept.

#include "tests/e2e/labctl_program.hpp"
#include "tests/support/image_archives.hpp"

#include <nlohmann/json.hpp>

namespace labctl::e2e {
namespace {

namespace fs = std::filesystem;
using support::Compression;
using support::ProgramResult;
using support::TarEntry;
using support::TestImage;
using Layer = std::vector<TarEntry>;

constexpr const char* kBusybox = "/bin/busybox";
constexpr const char* kShell = "/bin/sh";

Layer joined(Layer one, const Layer& other) {
  one.insert(one.end(), other.begin(), other.end());
  return one;
}

// What a small distribution has: a shell and the tools that the tests' commands use.
Layer tools() {
  Layer layer{{"etc/passwd", "root:x:0:0:root:/root:/bin/sh\n"}, {"tmp", "", TarEntry::Type::Folder, 01777}};
  for (const char* program : {kShell, "/bin/cat", "/bin/sleep"}) {
    layer = joined(std::move(layer), support::program_with_libraries(program));
  }
  return layer;
}

// The folder's first entry; empty if there is none.
std::string version_below(const std::string& folder) {
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, ignored)) {
    return entry.path().filename().string();
  }
  return {};
}

std::string claim(const std::string& name) {
  return "---\napiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: " + name +
         "}\nspec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Mi}}}\n";
}

std::string service(const std::string& name, int port) {
  return "---\napiVersion: v1\nkind: Service\nmetadata: {name: " + name +
         "}\nspec: {selector: {app: " + name + "}, ports: [{port: " + std::to_string(port) + "}]}\n";
}

// A pod `name` with the label app: `name`; `container` is the inside of a flow mapping.
std::string pod(const std::string& name, const std::string& container, const std::string& spec = {}) {
  return "---\napiVersion: v1\nkind: Pod\nmetadata: {name: " + name + ", labels: {app: " + name +
         "}}\nspec: {" + spec + "containers: [{name: main, " + container + "}]}\n";
}

class Images : public ::testing::Test {
 protected:
  void SetUp() override { LABCTL_NEEDS_USER_NAMESPACES(); }
  std::string cluster_of(const std::string& archive) {
    return cluster("images",
                   "nodes: 1, dns: {replicas: 1}, images: [{match: \"shop/*\", archive: " + archive + "}]");
  }
  // Boots pods of images of one archive.
  ProgramResult up(const std::vector<TestImage>& images, const std::string& objects,
                   const std::string& timeout = "60s") {
    lab_.write("shop.tar", support::docker_archive(images));
    return lab_.run({"up", "--timeout", timeout, lab_.write("lab.yaml", cluster_of("shop.tar") + objects)});
  }
  std::string fetched(const std::string& from, const std::string& to) {
    return lab_.run({"probe", from, to, "-o", "json"}).out;
  }
  bool is_restarted(const std::string& pod) {
    return eventually([&] {
      const nlohmann::json object = nlohmann::json::parse(lab_.run({"get", "pod", pod, "-o", "json"}).out);
      return object["status"]["containerStatuses"][0]["restartCount"] == 1;
    });
  }
  Labctl lab_;
};

TEST_F(Images, RunAsTheirConfigurationSaysOverALayerOfThePodsOwn) {
  Layer app = joined(tools(), {{"srv/words", "of the image"}});
  app.push_back({"entry",
                 "#!/bin/sh\necho \"$MODE $PATH $PWD $*: $(cat words)\"\n"
                 "trap 'echo quit; exit 0' QUIT\necho mine > words\nwhile :; do sleep 0.1; done\n"});
  const TestImage image{{"shop/web:1"},
                        {app},
                        {{"Entrypoint", {"/entry"}},
                         {"Cmd", {"by", "default"}},
                         {"Env", {"MODE=image", "PATH=/usr/bin:/bin"}},
                         {"WorkingDir", "/srv"},
                         {"StopSignal", "SIGQUIT"}},
                        Compression::Zstd};
  ASSERT_TRUE(ends_with(up({image}, pod("plain", "image: \"shop/web:1\"") +
                                        pod("other",
                                            "image: \"shop/web:1\", args: [mine], env: [{name: MODE, "
                                            "value: pod}]")),
                        kPassed));
  ASSERT_TRUE(eventually([&] {
    return has(lab_.run({"logs", "pod/default/other"}).out, "mine").operator bool();
  }));
  EXPECT_EQ(lab_.run({"logs", "pod/default/plain"}).out,
            "image /usr/bin:/bin /srv by default: of the image\n");
  EXPECT_EQ(lab_.run({"logs", "pod/default/other"}).out, "pod /usr/bin:/bin /srv mine: of the image\n");
  EXPECT_TRUE(eventually([&] {
    return lab_.exec("pod/default/plain", {"/bin/cat", "words"}).out == "mine\n";
  }));
  EXPECT_TRUE(has(lab_.run({"get", "pod", "plain", "-o", "json"}).out, "\"imageID\": \"sha256:"));
}

TEST_F(Images, RunAsTheirUserInFoldersThatAreItsOwn) {
  Layer app = tools();
  app[0].text += "web:x:999:998:web:/data:/bin/sh\n";
  app.push_back({"etc/group", "web:x:998:\nlogs:x:4:web\n"});
  app.push_back({"data", "", TarEntry::Type::Folder, 0700, 999});
  app.push_back(
      {"entry",
       "#!/bin/sh\necho mine > /data/file; [ -O /data/file ] && echo \"in $HOME\"\n"
       "while read -r word rest; do case $word in Uid:|Groups:|CapEff:) echo $word $rest;; esac; done "
       "< /proc/self/status\n(: > /root.txt) 2>/dev/null && echo root || echo no root\nwhile :; do sleep "
       "0.1; done\n"});
  const TestImage image{{"shop/web:1"}, {app}, {{"Entrypoint", {"/entry"}}, {"User", "web"}}};
  const ProgramResult booted =
      up({image},
         pod("web", "image: \"shop/web:1\"") +
             pod("other", "image: \"shop/web:1\", securityContext: {runAsUser: 5}",
                 "securityContext: {runAsGroup: 6, supplementalGroups: [7]}, ") +
             pod("root", "image: \"shop/web:1\", securityContext: {runAsNonRoot: true}"),
         "5s");
  EXPECT_TRUE(has(booted.err, "container has runAsNonRoot and image has non-numeric user (web)"));
  if (nlohmann::json::parse(lab_.run({"status", "-o", "json"}).out)["mode"] == "rootless, one id") {
    EXPECT_EQ(count_of(support::read_file(lab_.socket("images").parent_path() / "supervisor.log"),
                       "this lab has one id"),
              1);
    return;
  }
  const auto said = [&](const std::string& pod) { return lab_.run({"logs", "pod/default/" + pod}).out; };
  ASSERT_TRUE(eventually([&] { return said("web").find("root") != std::string::npos; }));
  EXPECT_TRUE(
      has(said("web"), "in /data\nUid: 999 999 999 999\nGroups: 4 998\nCapEff: 0000000000000000\nno root"));
  ASSERT_TRUE(eventually([&] { return said("other").find("CapEff") != std::string::npos; }));
  EXPECT_TRUE(has(said("other"), "Uid: 5 5 5 5\nGroups: 6 7\n"));
  EXPECT_EQ(lab_.exec("pod/default/web", {"/bin/sh", "-c", "[ -O /data ] && echo own"}).out, "own\n");
}

TEST_F(Images, WhatIsNotInTheArchiveIsToldAsAKubeletTells) {
  const TestImage image{{"shop/web:1"}, {tools()}, {{"Cmd", {"/no/such/program"}}}};
  const ProgramResult result =
      up({image}, pod("missing", "image: \"shop/web:2\"") + pod("broken", "image: \"shop/web:1\""), "5s");
  EXPECT_TRUE(ends_with(result, kAssertionFailed));
  EXPECT_TRUE(has(result.err, "ErrImagePull"));
  EXPECT_TRUE(has(result.err, "/no/such/program"));
}

TEST_F(Images, ArchivesThatAreMissingOrNoneAreSaidBeforeAnythingBoots) {
  lab_.write("text.tar", "no archive");
  const std::string file =
      lab_.write("lab.yaml",
                 "apiVersion: labctl.dev/v1alpha1\nkind: Cluster\nmetadata: {name: images}\nspec:\n"
                 "  images:\n  - match: a\n    archive: missing.tar\n  - match: b\n"
                 "    archive: text.tar\n");
  for (const char* verb : {"up", "lint"}) {
    const ProgramResult result = lab_.run({verb, file});
    EXPECT_TRUE(ends_with(result, kUsage));
    const std::string said = result.out + result.err;
    EXPECT_TRUE(has(said, "lab.yaml:7:14: error: spec.images[0].archive: open"));
    EXPECT_TRUE(has(said, "lab.yaml:9:14: error: spec.images[1].archive: text.tar:"));
  }
  EXPECT_TRUE(lab_.lab_folders().empty());
}

TEST_F(Images, AreListedWithWhatRunsForEach) {
  const TestImage image{
      {"shop/web:1"},
      {tools()},
      {{"Cmd", {"/bin/sleep", "60"}}, {"ExposedPorts", {{"80/tcp", nlohmann::json::object()}}}}};
  const std::string shop = lab_.write("shop.tar", support::docker_archive({image}));
  const std::string file =
      lab_.write("lab.yaml", cluster_of("shop.tar") + pod("web", "image: \"shop/web:1\"") +
                                 pod("none", "image: \"shop/none:1\"") + pod("db", "image: \"mysql:8\""));
  const auto listed = [&] {
    return nlohmann::json::parse(lab_.run({"images", "-f", file, "-o", "json"}).out);
  };
  const nlohmann::json before = listed();
  ASSERT_EQ(before.size(), 3U);
  EXPECT_EQ(before[0]["image"], "mysql:8");
  EXPECT_EQ(before[0]["runs"], "stand-in");
  EXPECT_EQ(before[1]["runs"], "refused");
  EXPECT_EQ(before[2]["runs"], "archive");
  EXPECT_EQ(before[2]["cached"], false);
  EXPECT_EQ(before[2]["exposedPorts"][0], "80/tcp");
  EXPECT_TRUE(has(lab_.run({"images"}).err, "no image is unpacked"));
  ASSERT_TRUE(ends_with(up({image}, pod("web", "image: \"shop/web:1\"")), kPassed));
  EXPECT_EQ(nlohmann::json::parse(lab_.run({"images", "-o", "json"}).out)[0]["names"][0], "shop/web:1");
  EXPECT_EQ(nlohmann::json::parse(lab_.run({"images", "-o", "json"}).out)[0]["exposedPorts"][0], "80/tcp");
  EXPECT_TRUE(has(lab_.run({"images"}).out, "shop/web:1"));
  EXPECT_TRUE(has(lab_.run({"images"}).out, "80/tcp"));
  EXPECT_TRUE(has(lab_.run({"images", "prune"}).err, "nothing to remove"));
  EXPECT_TRUE(ends_with(lab_.run({"images", "rm", "sha256:0"}), kUsage));
  const ProgramResult refused = lab_.run({"images", "rm", "shop/web:1"});
  EXPECT_NE(refused.exit_code, 0);
  EXPECT_TRUE(has(refused.err, "image shop/web:1: lab images has it"));
  fs::rename(shop, shop + ".kept");
  EXPECT_TRUE(has(lab_.run({"images", "prune"}).err, "kept shop/web:1: lab images has it"));
  EXPECT_NE(lab_.run({"images", "-o", "name"}).out, "");
  EXPECT_TRUE(ends_with(lab_.run({"images", "rm", "shop/web:1", "--force"}), kPassed));
  EXPECT_EQ(lab_.run({"images", "-o", "name"}).out, "");
}

// A static program, as Go makes them: nothing else is in the image.
TEST_F(Images, StaticProgramServesAConfigMap) {
  const Layer program = support::program_with_libraries(kBusybox);
  if (program.size() != 1) {
    GTEST_SKIP() << kBusybox << " is not here, or not static: package busybox-static";
  }
  const TestImage image{{"shop/static:1"},
                        {program},
                        {{"Entrypoint", {"/bin/busybox", "httpd", "-f", "-p", "8080", "-h", "/www"}}},
                        Compression::Gzip};
  ASSERT_TRUE(ends_with(
      up({image}, "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: www}\ndata: {index.html: hello}\n" +
                      service("static", 8080) +
                      pod("static",
                          "image: \"shop/static:1\", readinessProbe: {httpGet: {port: 8080, path: /}}, "
                          "volumeMounts: [{name: www, mountPath: /www}]",
                          "volumes: [{name: www, configMap: {name: www}}], ")),
      kPassed));
  EXPECT_TRUE(has(fetched("node/node-1", "svc/default/static:8080"), "\"ok\""));
  EXPECT_EQ(lab_.exec("pod/default/static", {"/bin/busybox", "wget", "-qO-", "http://static:8080/"}).out,
            "hello");
}

TEST_F(Images, NginxServesWhatItsConfigMapSays) {
  const Layer program = support::program_with_libraries("/usr/sbin/nginx");
  if (program.empty()) {
    GTEST_SKIP() << "nginx is not here: package nginx-light";
  }
  const TestImage image{
      {"shop/nginx:1"},
      {joined(program, {{"etc/passwd", "root:x:0:0::/:/bin/sh\n"},
                        {"etc/group", "root:x:0:\n"},
                        {"tmp", "", TarEntry::Type::Folder, 01777},
                        {"var/lib/nginx", "", TarEntry::Type::Folder},
                        {"var/log/nginx", "", TarEntry::Type::Folder},
                        {"usr/share/nginx", "", TarEntry::Type::Folder}})},
      {{"Entrypoint", {"nginx"}}, {"Cmd", {"-c", "/etc/nginx/nginx.conf"}}, {"StopSignal", "SIGQUIT"}}};
  ASSERT_TRUE(ends_with(
      up({image},
         "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: conf}\ndata:\n  nginx.conf: |\n"
         "    daemon off; user root root; master_process on; pid /tmp/nginx.pid; error_log stderr;\n"
         "    events {}\n    http { access_log off; server { listen 80; return 200 served; } }\n" +
             service("nginx", 80) +
             pod("nginx",
                 "image: \"shop/nginx:1\", readinessProbe: {httpGet: {port: 80}}, "
                 "volumeMounts: [{name: conf, mountPath: /etc/nginx}]",
                 "volumes: [{name: conf, configMap: {name: conf}}], ")),
      kPassed));
  EXPECT_TRUE(has(fetched("pod/default/nginx", "http://nginx/"), "\"ok\""));
}

// Password in a Secret, data in a claim: the program is killed and what it kept is there.
TEST_F(Images, RedisKeepsItsClaimWhenItIsKilled) {
  const Layer server = support::program_with_libraries("/usr/bin/redis-server");
  const Layer client = support::program_with_libraries("/usr/bin/redis-cli");
  if (server.empty() || client.empty()) {
    GTEST_SKIP() << "redis is not here: package redis-server";
  }
  const TestImage image{
      {"shop/redis:7"},
      {tools(), joined(server, client)},
      {{"Cmd",
        {"/bin/sh", "-c",
         "exec /usr/bin/redis-server --dir /data --appendonly yes --requirepass \"$PASSWORD\""}}}};
  ASSERT_TRUE(ends_with(
      up({image},
         "---\napiVersion: v1\nkind: Secret\nmetadata: {name: redis}\nstringData: {password: s3cret}\n" +
             claim("data") + service("redis", 6379) +
             pod("redis",
                 "image: \"shop/redis:7\", env: [{name: PASSWORD, valueFrom: {secretKeyRef: {name: "
                 "redis, key: password}}}], readinessProbe: {tcpSocket: {port: 6379}}, "
                 "volumeMounts: [{name: data, mountPath: /data}]",
                 "volumes: [{name: data, persistentVolumeClaim: {claimName: data}}], ")),
      kPassed));
  const auto ask = [&](std::vector<std::string> words) {
    std::vector<std::string> command{"/usr/bin/redis-cli", "-h", "redis", "-a", "s3cret",
                                     "--no-auth-warning"};
    command.insert(command.end(), words.begin(), words.end());
    return lab_.exec("pod/default/redis", command).out;
  };
  EXPECT_EQ(ask({"SET", "kept", "yes"}), "OK\n");
  EXPECT_TRUE(has(lab_.exec("pod/default/redis", {"/usr/bin/redis-cli", "GET", "kept"}).out, "NOAUTH"));
  lab_.exec("pod/default/redis", {"/usr/bin/redis-cli", "-a", "s3cret", "SHUTDOWN", "NOSAVE"});
  EXPECT_TRUE(is_restarted("redis"));
  EXPECT_TRUE(eventually([&] { return ask({"GET", "kept"}) == "yes\n"; }));
}

// It refuses to run as root: the image's own script gives root away, as the published one does with gosu.
TEST_F(Images, PostgresKeepsItsClaimWhenItIsKilled) {
  const std::string version = version_below("/usr/lib/postgresql");
  const std::string base = "/usr/lib/postgresql/" + version;
  Layer program = joined(support::program_with_libraries(base + "/bin/postgres"),
                         support::program_with_libraries(base + "/bin/initdb"));
  program = joined(std::move(program), support::program_with_libraries(base + "/bin/psql"));
  program = joined(std::move(program), support::program_with_libraries("/usr/bin/setpriv"));
  program = joined(std::move(program), support::program_with_libraries("/bin/chown"));
  if (!fs::exists(base + "/bin/postgres") || !fs::exists(base + "/bin/psql")) {
    GTEST_SKIP() << "PostgreSQL is not here: package postgresql";
  }
  for (const char* library : {"/lib/plpgsql.so", "/lib/dict_snowball.so"}) {
    program = joined(std::move(program), support::program_with_libraries(base + library));
  }
  program = joined(std::move(program), support::folder_of_host("/usr/share/postgresql/" + version));
  program = joined(std::move(program), support::folder_of_host("/usr/share/zoneinfo/Etc"));
  program.push_back({"etc/passwd", "root:x:0:0::/:/bin/sh\npostgres:x:70:70::/:/bin/sh\n"});
  program.push_back(
      {"entry",
       "#!/bin/sh\nset -e\nchown 70:70 /data\nrun='setpriv --reuid 70 --regid 70 --clear-groups'\n"
       "echo \"$PASSWORD\" > /tmp/pw\nchown 70 /tmp/pw\n"
       "[ -e /data/db/PG_VERSION ] || $run initdb -D /data/db -U postgres -A scram-sha-256 "
       "--pwfile=/tmp/pw --locale=C\n"
       "echo 'host all all all scram-sha-256' >> /data/db/pg_hba.conf\n"
       "exec $run postgres -D /data/db -c listen_addresses='*' -c unix_socket_directories=/tmp -c "
       "external_pid_file=/data/db/pid\n"});
  const TestImage image{{"shop/postgres:15"},
                        {tools(), program},
                        {{"Entrypoint", {"/entry"}}, {"Env", {"PATH=" + base + "/bin:/usr/bin:/bin"}}}};
  const ProgramResult booted =
      up({image},
         "---\napiVersion: v1\nkind: Secret\nmetadata: {name: pg}\nstringData: {password: s3cret}\n" +
             claim("data") + service("postgres", 5432) +
             pod("postgres",
                 "image: \"shop/postgres:15\", env: [{name: PASSWORD, valueFrom: {secretKeyRef: {name: pg, "
                 "key: password}}}], readinessProbe: {tcpSocket: {port: 5432}, periodSeconds: 1}, "
                 "volumeMounts: [{name: data, mountPath: /data}]",
                 "volumes: [{name: data, persistentVolumeClaim: {claimName: data}}], "),
         "30s");
  const std::string logs = lab_.run({"logs", "pod/default/postgres"}).out;
  if (has(logs, "root\" execution") || has(logs, "cannot be run as root")) {
    GTEST_SKIP() << "one id is mapped here: PostgreSQL cannot be another user than root";
  }
  ASSERT_TRUE(ends_with(booted, kPassed)) << logs;
  const auto ask = [&](const std::string& query) {
    return lab_
        .exec("pod/default/postgres",
              {"/bin/sh", "-c", "PGPASSWORD=$PASSWORD psql -h postgres -U postgres -Atc \"" + query + "\""})
        .out;
  };
  ASSERT_TRUE(has(ask("create table t as select 'kept' as v"), "SELECT 1"));
  lab_.exec("pod/default/postgres", {"/bin/sh", "-c", "kill -QUIT $(cat /data/db/pid)"});
  EXPECT_TRUE(is_restarted("postgres"));
  EXPECT_TRUE(eventually([&] { return ask("select v from t") == "kept\n"; }));
}

TEST_F(Images, PythonServesByTheNameOfItsService) {
  Layer program = support::program_with_libraries("/usr/bin/python3");
  if (program.empty()) {
    GTEST_SKIP() << "python3 is not here";
  }
  program =
      joined(std::move(program), support::folder_of_host("/usr/lib/python3." + support::minor_of_python()));
  const TestImage image{
      {"shop/python:3"},
      {program, {{"srv/index.html", "by python"}}},
      {{"Entrypoint", {"/usr/bin/python3", "-m", "http.server"}}, {"Cmd", {"8000"}}, {"WorkingDir", "/srv"}}};
  ASSERT_TRUE(ends_with(
      up({image}, service("python", 8000) + pod("python",
                                                "image: \"shop/python:3\", readinessProbe: {httpGet: {port: "
                                                "8000}}")),
      kPassed));
  EXPECT_EQ(lab_.exec("pod/default/python",
                      {"/usr/bin/python3", "-c",
                       "import urllib.request as u; print(u.urlopen('http://python:8000/').read().decode())"})
                .out,
            "by python\n");
}

// Nothing outside of its own folder changes, whatever the archive says; the user is told which entry it was.
TEST_F(Images, HostileArchiveChangesNothing) {
  const std::string secret = lab_.write("secret", "of the host");
  const fs::path folder = fs::path(secret).parent_path();
  const std::vector<Layer> layers{
      {{"../../../../../../../.." + secret, "evil"}},
      {{"h", secret, TarEntry::Type::HardLink}},
      {{"out", folder.string(), TarEntry::Type::Symlink}, {"h", "out/secret", TarEntry::Type::HardLink}},
      {{"d/.wh...", ""}}};
  for (const Layer& layer : layers) {
    const ProgramResult result = up({{{"shop/evil:1"}, {layer}}}, pod("evil", "image: \"shop/evil:1\""));
    EXPECT_TRUE(ends_with(result, kUsage));
    EXPECT_TRUE(has(result.err, "/layer.tar:" + layer.back().name + ": "));
    EXPECT_EQ(support::read_file(secret), "of the host");
    EXPECT_EQ(fs::hard_link_count(secret), 1U);
  }
  const Layer kept{{"out", folder.string(), TarEntry::Type::Symlink},
                   {"out/secret", "evil"},
                   {"dev/mem", "", TarEntry::Type::Device},
                   {"su", "x", TarEntry::Type::File, 06755}};
  const ProgramResult result = up({{{"shop/evil:1"}, {kept}}}, pod("evil", "image: \"shop/evil:1\""));
  EXPECT_EQ(support::read_file(secret), "of the host") << to_string(result);
}

}  // namespace
}  // namespace labctl::e2e
