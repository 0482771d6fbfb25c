// A pod is a box: whatever its programs do to files, those of the host, of other pods and of the lab stay as they are.
// As root and as an ordinary user.

#include "tests/e2e/labctl_program.hpp"
#include "topology/base/unique_fd.hpp"
#include "topology/kernel/id_plan.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <map>
#include <sstream>

namespace labctl::e2e {
namespace {

namespace fs = std::filesystem;
using support::ProgramResult;

// All that a program could change of the files below `folder`.
std::map<std::string, std::string> snapshot(const fs::path& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry :
       fs::recursive_directory_iterator(folder, fs::directory_options::skip_permission_denied)) {
    struct stat status {};
    if (::lstat(entry.path().c_str(), &status) != 0) {
      continue;
    }
    std::ostringstream text;
    text << std::oct << status.st_mode << ' ' << std::dec << status.st_uid << ' ' << status.st_gid << ' '
         << status.st_nlink << ' ' << status.st_size << ' ' << status.st_mtim.tv_sec << '.'
         << status.st_mtim.tv_nsec << ' ' << status.st_ctim.tv_sec << '.' << status.st_ctim.tv_nsec << '\n';
    if (S_ISREG(status.st_mode)) {
      std::ifstream in(entry.path());
      text << in.rdbuf();
    }
    files[entry.path()] = std::move(text).str();
  }
  return files;
}

UniqueFd listen_at(const fs::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0)
      << path << ": " << std::strerror(errno);
  EXPECT_EQ(::listen(fd.get(), 8), 0);
  EXPECT_EQ(::chmod(path.c_str(), 0777), 0);
  return fd;
}

// Everything to everybody's files that a program may want to do.
std::string spoil(const std::string& folder) {
  return "cd " + folder +
         " && { touch new; echo more >> file; : > file; chmod 700 file folder .; chown 1 file; rm -rf "
         "folder; "
         "mv file moved; ln file linked; ln -s file pointed; mkdir made; mknod device c 1 3; touch -d @0 .; "
         "setfattr -n user.x -v y file; } 2>&-; cd /; ";
}

class Box : public ::testing::Test {
 protected:
  void SetUp() override {
    LABCTL_NEEDS_USER_NAMESPACES();
    // Not below /tmp, which no pod sees anything of.
    std::string name = (fs::current_path() / "box-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr) << name << ": " << std::strerror(errno);
    home_ = name;
    for (fs::path above = home_.parent_path(); above != "/"; above = above.parent_path()) {
      if ((fs::status(above).permissions() & fs::perms::others_exec) == fs::perms::none) {
        GTEST_SKIP() << above << ": others may not enter it, so no pod of root's would see what is below";
      }
    }
    // They are whoever's the programs are: it is the box that keeps them from writing.
    const kernel::IdPlan ids = kernel::plan_ids();
    const bool is_range = ids.mapping == kernel::IdMapping::RootRange;
    fs::create_directories(home_ / "folder");
    std::ofstream(home_ / "file") << "the host's\n";
    std::ofstream(home_ / "folder/inner") << "the host's\n";
    for (const char* path : {"", "folder", "file", "folder/inner"}) {
      const fs::path whole = home_ / path;
      ASSERT_EQ(::chown(whole.c_str(), is_range ? ids.sub_uid : ids.uid, is_range ? ids.sub_gid : ids.gid),
                0);
      fs::permissions(whole, fs::is_directory(whole) ? fs::perms(0777) : fs::perms(0666));
    }
  }
  void TearDown() override {
    std::error_code ignored;
    fs::remove_all(home_, ignored);
  }

  // With the folder as the user's home, or as any other folder of the host.
  void up(const std::string& home, const std::string& spec = {}) {
    const std::string file = lab_.write(
        "lab.yaml", cluster("box", "nodes: 1, dns: {enabled: false}" + spec) +
                        host_pod("tool", "sleep 3600") + "---\n" + host_pod("other", "sleep 3600") +
                        "---\napiVersion: v1\nkind: Pod\nmetadata: {name: plain}\nspec: {containers: "
                        "[{name: main, image: agnhost, args: [pause]}]}\n");
    ASSERT_TRUE(ends_with(lab_.run_by({"env", "HOME=" + home}, {"up", file}), kPassed));
  }
  ProgramResult shell(const std::string& script, const std::string& place = "pod/default/tool") const {
    return lab_.exec(place, {"sh", "-c", script});
  }

  fs::path home_;
  Labctl lab_;
};

TEST_F(Box, NothingThatItsProgramsDoChangesAFileOfTheHost) {
  for (const std::string& home : {std::string("/"), home_.string()}) {
    up(home);
    const auto before = snapshot(home_), etc = snapshot("/etc");
    for (const char* place : {"pod/default/tool", "pod/default/plain", "node/node-1"}) {
      shell(spoil(home_) + spoil(home_ / "folder") + spoil("/etc") + spoil("/usr/local") + spoil("/var"),
            place);
    }
    EXPECT_EQ(snapshot(home_), before) << "home: " << home;
    EXPECT_EQ(snapshot("/etc"), etc);
    EXPECT_TRUE(ends_with(lab_.run({"down", "box"}), kPassed));
  }
  // The same where the Cluster wants it so: it would have been changed.
  const auto before = snapshot(home_);
  up("/", ", writableHost: true");
  shell(spoil(home_));
  EXPECT_NE(snapshot(home_), before);
}

TEST_F(Box, ProgramsWriteWhereProgramsDoAndEachHasItsOwn) {
  up(home_);
  const std::string name = "box-test-" + std::to_string(::getpid());
  const std::vector<std::string> folders{"/tmp",     "/var/tmp", "/dev/shm",   "/run",        "/root",
                                         "/var/lib", "/var/log", "/var/cache", home_.string()};
  for (const std::string& folder : folders) {
    const std::string file = folder + "/" + name;
    EXPECT_EQ(shell("echo mine > " + file + " && cat " + file).out, "mine\n") << file;
    EXPECT_EQ(shell("cat " + file).out, "mine\n") << "the next command: " << file;
    for (const char* place : {"pod/default/other", "pod/default/plain", "node/node-1"}) {
      EXPECT_EQ(shell("test -e " + file + " && echo seen", place).out, "") << place << ": " << file;
    }
    EXPECT_NE(::access(file.c_str(), F_OK), 0) << file;
  }
}

TEST_F(Box, TheHomeOfTheUserIsReadAndItsCopyIsWritten) {
  up(home_);
  const std::string file = (home_ / "file").string();
  EXPECT_EQ(shell("cat " + file).out, "the host's\n");
  EXPECT_EQ(
      shell("echo more >> " + file + "; rm -r " + (home_ / "folder").string() + "; ls " + home_.string()).out,
      "file\n");
  EXPECT_EQ(shell("cat " + file).out, "the host's\nmore\n");
  EXPECT_EQ(shell("cat " + file, "pod/default/other").out, "the host's\n");
  EXPECT_TRUE(fs::exists(home_ / "folder/inner"));
}

TEST_F(Box, WhatIsExecutedWithoutAProgramKeepsItsFiles) {
  up("/");
  for (const char* place : {"pod/default/plain", "node/node-1"}) {
    EXPECT_EQ(shell("echo kept > /tmp/file", place).err, "");
    EXPECT_EQ(shell("cat /tmp/file", place).out, "kept\n") << place;
  }
  // `kill 1` ends the container, and its files go with it.
  shell("kill 1", "pod/default/plain");
  EXPECT_TRUE(
      eventually([&] { return shell("cat /tmp/file || echo gone", "pod/default/plain").out == "gone\n"; }));
}

TEST_F(Box, AReadOnlyRootIsWrittenInItsVolumesAlone) {
  const std::string file = lab_.write(
      "lab.yaml",
      cluster("box", "nodes: 1, dns: {enabled: false}") +
          "apiVersion: v1\nkind: Pod\nmetadata: {name: tool}\nspec:\n  volumes: [{name: data, emptyDir: "
          "{}}]\n  containers:\n  - {name: main, image: host, command: [sleep, infinity], "
          "securityContext: {readOnlyRootFilesystem: true}, volumeMounts: [{name: data, mountPath: "
          "/var/lib/app}]}\n");
  const ProgramResult up = lab_.run({"up", file});
  ASSERT_TRUE(ends_with(up, kPassed));
  EXPECT_FALSE(has(up.err, "securityContext"));
  EXPECT_EQ(
      shell("for f in /tmp /var/tmp /run /root /var/log /var/lib /etc /dev/shm /var/lib/app; do (echo x > "
            "$f/new) 2>&- && echo $f; done")
          .out,
      "/dev/shm\n/var/lib/app\n");
}

TEST_F(Box, NoSocketOfTheHostCanBeReached) {
  const support::TempDir temporary;
  fs::permissions(temporary.path(), fs::perms::all);
  const std::vector<std::string> paths{(home_ / "agent.sock").string(),
                                       (temporary.path() / "tmux.sock").string()};
  std::vector<UniqueFd> held;
  std::string script = "import socket\nfor path in (";
  for (const std::string& path : paths) {
    held.push_back(listen_at(path));
    script += "'" + path + "', ";
  }
  script +=
      "):\n  try:\n    socket.socket(socket.AF_UNIX).connect(path)\n    print('reached', path)\n"
      "  except OSError as error:\n    print(error.strerror)\n";
  up(home_);
  EXPECT_EQ(lab_.exec("pod/default/tool", {"python3", "-c", script}).out,
            "Connection refused\nConnection refused\n");
  lab_.run({"down", "box"});
  up("/", ", writableHost: true");
  EXPECT_EQ(lab_.exec("pod/default/tool", {"python3", "-c", script}).out,
            "reached " + paths[0] + "\nreached " + paths[1] + "\n")
      << "who may write the host's files may use its sockets";
}

TEST_F(Box, LabsOfTheUserAreOutOfSight) {
  const std::string runtime = (home_ / "runtime").string();
  fs::create_directory(runtime);
  fs::permissions(runtime, fs::perms::owner_all);
  const std::string file = lab_.write(
      "lab.yaml", cluster("hidden", "nodes: 1, dns: {enabled: false}") + host_pod("tool", "sleep 3600"));
  for (const std::string& home : {std::string("/"), home_.string()}) {
    const std::vector<std::string> starter{"env", "HOME=" + home, "LABCTL_RUNTIME_DIR=" + runtime};
    ASSERT_TRUE(ends_with(lab_.run_by(starter, {"up", file}), kPassed));
    EXPECT_TRUE(fs::exists(fs::path(runtime) / "hidden/api.sock"));
    for (const char* place : {"tool", "node/node-1"}) {
      const ProgramResult seen =
          lab_.run_by(starter, {"exec", place, "--", "sh", "-c", "ls -A " + runtime + " && echo empty"});
      EXPECT_EQ(seen.out, "empty\n") << seen.err;
    }
    EXPECT_TRUE(ends_with(lab_.run_by(starter, {"down", "hidden"}), kPassed));
  }
}

TEST_F(Box, HasTheDevicesOfAContainerAndNoMore) {
  up("/");
  for (const char* place : {"pod/default/tool", "pod/default/plain", "node/node-1"}) {
    EXPECT_EQ(shell("ls /dev", place).out,
              "fd\nfull\nnull\nptmx\npts\nrandom\nshm\nstderr\nstdin\nstdout\ntty\nurandom\nzero\n")
        << place;
    EXPECT_EQ(shell("echo x > /dev/null && head -c 2 /dev/zero | wc -c; mknod /tmp/null c 1 3 2>&1 | wc -l; "
                    "rm /dev/null || touch /dev/new || echo no",
                    place)
                  .out,
              "2\n1\nno\n")
        << place;
  }
  // Terminals that a program of one opens are nobody else's.
  EXPECT_EQ(
      lab_.exec("pod/default/tool", {"python3", "-c", "import pty, os; print(os.ttyname(pty.openpty()[1]))"})
          .out,
      "/dev/pts/0\n");
}

}  // namespace
}  // namespace labctl::e2e
