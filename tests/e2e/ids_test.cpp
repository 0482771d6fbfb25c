// Who the programs of a lab are on the host: for a lab of root nobody, so that they may neither read what only
// root may, nor write what root owns.

#include "tests/e2e/labctl_program.hpp"
#include "topology/kernel/id_plan.hpp"

#include <nlohmann/json.hpp>

#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

namespace labctl::e2e {
namespace {

namespace fs = std::filesystem;
using support::ProgramResult;

constexpr const char* kToolPod = "pod/default/tool";

std::string content_of(const fs::path& file) {
  std::ifstream in(file);
  std::ostringstream text;
  text << in.rdbuf();
  return std::move(text).str();
}

nlohmann::json status_of(const Labctl& lab) {
  return nlohmann::json::parse(lab.run({"status", "ids", "-o", "json"}).out, nullptr, false);
}

class RootsLab : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) {
      GTEST_SKIP() << "needs root";
    }
    LABCTL_NEEDS_USER_NAMESPACES();
    ids_ = kernel::plan_ids();
    if (ids_.mapping != kernel::IdMapping::RootRange) {
      GTEST_SKIP() << ids_.why_no_range;
    }
    // Others may enter, so that only the files' own owners and modes keep a pod out.
    fs::permissions(host_.path(), fs::perms(0755));
    for (const auto& [name, mode] : {std::pair("secret", 0600), std::pair("public", 0644)}) {
      fs::permissions(host_.write(name, "root's own\n"), fs::perms(mode));
    }
    const std::string file =
        lab_.write("lab.yaml", cluster("ids", "nodes: 1, writableHost: true, dns: {enabled: false}") +
                                   host_pod("tool", "sleep 3600"));
    ASSERT_TRUE(ends_with(lab_.run({"up", file}), kPassed));
  }

  ProgramResult shell(const std::string& script) const { return lab_.exec(kToolPod, {"sh", "-c", script}); }
  std::string host_file(const std::string& name) const { return (host_.path() / name).string(); }

  kernel::IdPlan ids_;
  support::TempDir host_;
  Labctl lab_;
};

TEST_F(RootsLab, HasIdsOfItsOwnAndSaysSo) {
  std::istringstream map(shell("cat /proc/self/uid_map").out);
  std::uint32_t inside = 1, outside = 0, count = 0;
  map >> inside >> outside >> count;
  EXPECT_EQ(inside, 0U);
  EXPECT_EQ(outside, ids_.sub_uid);
  EXPECT_GT(outside, 65535U);
  EXPECT_EQ(count, kernel::kMappedIds);
  EXPECT_EQ(shell("id -u; id -g; id -G").out, "0\n0\n0\n");
  EXPECT_EQ(status_of(lab_).value("mode", ""), "root, id range");
}

TEST_F(RootsLab, ProgramsMayBecomeOtherUsers) {
  EXPECT_EQ(shell("setpriv --reuid 33 --regid 33 --clear-groups id -u").out, "33\n");
}

TEST_F(RootsLab, CannotReadWhatOnlyRootMay) {
  const ProgramResult read = shell("cat " + host_file("public") + " " + host_file("secret") + " /etc/shadow");
  EXPECT_EQ(read.out, "root's own\n");
  EXPECT_EQ(count_of(read.err, "Permission denied"), 2) << read.err;
}

TEST_F(RootsLab, CannotWriteWhatRootOwns) {
  const std::string file = host_file("public"), folder = host_.path().string();
  shell("echo x > " + file + "; echo x >> " + file + "; chmod 777 " + file + " " + folder + "; chown 0 " +
        file + "; rm -f " + file + " " + host_file("secret") + "; touch " + folder + "/new; mv " + file +
        " " + folder + "/moved; ln " + file + " " + folder + "/link; truncate -s 0 " + file);
  EXPECT_EQ(content_of(file), "root's own\n");
  EXPECT_EQ(content_of(host_file("secret")), "root's own\n");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder), fs::directory_iterator()), 2);
  struct stat status {};
  ASSERT_EQ(::stat(file.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0644U);
  EXPECT_EQ(status.st_uid, 0U);
  // access(2) only: where this test fails the host must not pay for it.
  EXPECT_EQ(shell("for path in /etc /etc/passwd /usr /usr/bin /usr/bin/env /boot; do"
                  " if test -w $path && test \"$(stat -c %u $path)\" != 0; then echo $path; fi; done")
                .out,
            "");
}

TEST_F(RootsLab, OutputOfExecMayBeOpenedAnew) {
  const ProgramResult said = shell("echo out > /dev/stdout; echo err > /dev/stderr; cat /dev/stdin");
  EXPECT_EQ(said.out, "out\n");
  EXPECT_EQ(said.err, "err\n");
}

TEST_F(RootsLab, TellsWhyWhereThereIsNoRange) {
  Labctl other;
  const std::string file = other.write("lab.yaml", cluster("ids", "nodes: 1, dns: {enabled: false}"));
  ASSERT_TRUE(ends_with(other.run_by({"unshare", "-r"}, {"up", file}), kPassed));
  const nlohmann::json status = status_of(other);
  EXPECT_EQ(status.value("mode", ""), "root");
  EXPECT_TRUE(has(status.value("modeReason", ""), "a user namespace already"));
  EXPECT_TRUE(
      has(other.run({"status", "ids"}).out, "without ids of its own: this is a user namespace already"));
}

}  // namespace
}  // namespace labctl::e2e
