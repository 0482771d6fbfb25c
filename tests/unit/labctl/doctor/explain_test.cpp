#include "labctl/doctor/explain.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <ostream>

namespace labctl::report {

void PrintTo(const HostItem& item, std::ostream* out) {
  *out << item.id << " " << item.value << " " << to_string(item.verdict) << ": " << item.message << " | "
       << item.remedy;
}

}  // namespace labctl::report

namespace labctl::doctor {
namespace {

using ::testing::AllOf;
using ::testing::Eq;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::Not;

auto fails_with(const std::string& message, const std::string& remedy) {
  return AllOf(Field(&HostItem::verdict, Eq(HostVerdict::Fail)),
               Field(&HostItem::message, HasSubstr(message)), Field(&HostItem::remedy, HasSubstr(remedy)));
}

Surroundings desktop() {
  Surroundings s;
  s.euid = 1000;
  s.user = "ada";
  s.kernel = "6.1.0-18-amd64";
  s.program = "/usr/bin/labctl";
  return s;
}

Surroundings ubuntu() {
  Surroundings s = desktop();
  s.apparmor_restricts_userns = true;
  s.apparmor_label = "unconfined";
  return s;
}

Surroundings docker() {
  Surroundings s = desktop();
  s.container = Container::Docker;
  s.seccomp_mode = 2;
  s.clone3_is_missing = true;
  return s;
}

TEST(Explain, DoneIsOkWithoutWords) {
  const HostItem item = explain(HostStep::Veth, 0, desktop());
  EXPECT_EQ(item.verdict, HostVerdict::Ok);
  EXPECT_EQ(item.id, "veth");
  EXPECT_EQ(item.value, "ok");
  EXPECT_EQ(item.message, "");
  EXPECT_EQ(item.remedy, "");
}

TEST(Explain, ValueIsTheErrnoByName) {
  EXPECT_EQ(explain(HostStep::UserNamespace, EPERM, desktop()).value, "EPERM");
}

// Ubuntu 23.10 and later.

TEST(ExplainUbuntu, MapRefusedByAppArmorIsMendedByAProfile) {
  EXPECT_THAT(explain(HostStep::MapIds, EPERM, ubuntu()),
              fails_with("AppArmor", "profile labctl /usr/bin/labctl flags=(unconfined) { userns, }"));
}

TEST(ExplainUbuntu, MountRefusedByAppArmorIsTheSameRefusal) {
  Surroundings s = ubuntu();
  s.apparmor_label = "unprivileged_userns (enforce)";
  EXPECT_THAT(explain(HostStep::PrivateMounts, EACCES, s),
              fails_with("kernel.apparmor_restrict_unprivileged_userns is 1", "apparmor_parser"));
}

TEST(ExplainUbuntu, GitHubActionsGetsAStep) {
  Surroundings s = ubuntu();
  s.ci = CiSystem::GitHubActions;
  EXPECT_THAT(explain(HostStep::MapIds, EPERM, s),
              fails_with("ubuntu-22.04",
                         "add the step: sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"));
}

TEST(ExplainUbuntu, OtherCiGetsTheSysctl) {
  Surroundings s = ubuntu();
  s.ci = CiSystem::Other;
  EXPECT_EQ(explain(HostStep::MapIds, EPERM, s).remedy,
            "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0");
}

// Containers.

TEST(ExplainContainer, DockersFilterIsMendedByPrivileged) {
  EXPECT_THAT(explain(HostStep::UserNamespace, EPERM, docker()),
              fails_with("seccomp filter of this container", "docker run --privileged"));
}

TEST(ExplainContainer, TheNarrowerWayNamesAppArmorToo) {
  EXPECT_THAT(explain(HostStep::Namespaces, EPERM, docker(), "mnt").message,
              HasSubstr("--cap-add SYS_ADMIN --cap-add NET_ADMIN --security-opt apparmor=unconfined"));
}

TEST(ExplainContainer, Clone3MissingGivesTheFilterAwayWithoutAMarkOfTheEngine) {
  Surroundings s = docker();
  s.container = Container::None;
  EXPECT_THAT(explain(HostStep::UserNamespace, EPERM, s),
              fails_with("seccomp filter of this container", "docker run"));
}

TEST(ExplainContainer, RootWithoutCapabilitiesIsToldSo) {
  Surroundings s = docker();
  s.seccomp_mode = 0;
  s.clone3_is_missing = false;
  EXPECT_THAT(explain(HostStep::Namespaces, EPERM, s, "mnt"),
              fails_with("without the capabilities", "docker run --privileged"));
}

TEST(ExplainContainer, PodmanHasItsOwnCommand) {
  Surroundings s = docker();
  s.container = Container::Podman;
  EXPECT_EQ(explain(HostStep::UserNamespace, EPERM, s).remedy, "podman run --privileged ...");
}

TEST(ExplainContainer, KubernetesHasASetting) {
  Surroundings s = docker();
  s.container = Container::Kubernetes;
  EXPECT_THAT(explain(HostStep::UserNamespace, EPERM, s).remedy, HasSubstr("privileged: true"));
}

TEST(ExplainContainer, LxcNests) {
  Surroundings s = docker();
  s.container = Container::Lxc;
  EXPECT_THAT(explain(HostStep::UserNamespace, EPERM, s).remedy, HasSubstr("security.nesting true"));
}

TEST(ExplainContainer, GitLabJobsMustAskTheRunnersOwner) {
  Surroundings s = docker();
  s.ci = CiSystem::GitLab;
  EXPECT_THAT(explain(HostStep::UserNamespace, EPERM, s),
              fails_with("GitLab", "privileged = true under [runners.docker]"));
}

TEST(ExplainContainer, GitHubJobContainersTakeOptions) {
  Surroundings s = docker();
  s.ci = CiSystem::GitHubActions;
  EXPECT_THAT(explain(HostStep::UserNamespace, EPERM, s).remedy, HasSubstr("options: --privileged"));
}

TEST(ExplainContainer, MountDeniedByDockersProfileNamesAppArmor) {
  Surroundings s = docker();
  s.seccomp_mode = 0;
  s.clone3_is_missing = false;
  s.apparmor_label = "docker-default (enforce)";
  EXPECT_THAT(explain(HostStep::PrivateMounts, EACCES, s),
              fails_with("docker-default (enforce)", "docker run --security-opt apparmor=unconfined"));
}

TEST(ExplainContainer, MissingNetAdminIsToldAtTheFirstLink) {
  EXPECT_THAT(explain(HostStep::Veth, EPERM, docker()),
              fails_with("CAP_NET_ADMIN", "docker run --privileged"));
}

// Masked /proc.

TEST(ExplainMaskedProc, NamesWhatIsCovered) {
  Surroundings s = docker();
  s.seccomp_mode = 0;
  s.clone3_is_missing = false;
  s.proc_overmounts = {"/proc/kcore", "/proc/scsi"};
  EXPECT_THAT(
      explain(HostStep::MountProc, EPERM, s),
      fails_with("covered: /proc/kcore /proc/scsi", "docker run --security-opt systempaths=unconfined"));
}

TEST(ExplainMaskedProc, PodmanUnmasks) {
  Surroundings s = desktop();
  s.container = Container::Podman;
  s.proc_overmounts = {"/proc/kcore"};
  EXPECT_THAT(explain(HostStep::MountProc, EPERM, s).remedy, HasSubstr("--security-opt unmask=ALL"));
}

TEST(ExplainMaskedProc, KubernetesHasProcMount) {
  Surroundings s = desktop();
  s.container = Container::Kubernetes;
  s.proc_overmounts = {"/proc/kcore"};
  EXPECT_THAT(explain(HostStep::MountProc, EPERM, s).remedy, HasSubstr("procMount: Unmasked"));
}

TEST(ExplainMaskedProc, WithoutAContainerTheCoversAreUnmounted) {
  Surroundings s = desktop();
  s.proc_overmounts = {"/proc/kcore", "/proc/scsi"};
  EXPECT_EQ(explain(HostStep::MountProc, EPERM, s).remedy, "sudo umount /proc/kcore /proc/scsi");
}

// Sysctls and limits.

TEST(ExplainSysctl, UnprivilegedUsernsCloneIsNamed) {
  Surroundings s = desktop();
  s.unprivileged_userns_clone = 0;
  EXPECT_THAT(explain(HostStep::UserNamespace, EPERM, s),
              fails_with("only root", "sudo sysctl -w kernel.unprivileged_userns_clone=1"));
}

TEST(ExplainSysctl, AbsentUnprivilegedUsernsCloneMeansAllowed) {
  EXPECT_THAT(explain(HostStep::UserNamespace, EPERM, desktop()).remedy,
              Not(HasSubstr("unprivileged_userns_clone")));
}

TEST(ExplainLimit, RootWithoutUserNamespacesIsWarnedThatLabsRunAsRoot) {
  Surroundings s = desktop();
  s.euid = 0;
  const HostItem item = explain(HostStep::MapIdRange, ENOSPC, s, "user namespaces");
  EXPECT_EQ(item.verdict, HostVerdict::Warn);
  EXPECT_THAT(item.message, HasSubstr("run as root: user namespaces: No space left on device"));
  EXPECT_EQ(item.remedy, "sudo sysctl -w user.max_user_namespaces=28633");
}

TEST(ExplainLimit, NoUserNamespacesAtAll) {
  EXPECT_THAT(explain(HostStep::UserNamespace, ENOSPC, desktop()),
              fails_with("user.max_user_namespaces", "sudo sysctl -w user.max_user_namespaces=28633"));
}

TEST(ExplainLimit, TheKindThatIsExhaustedIsNamed) {
  EXPECT_THAT(explain(HostStep::Namespaces, ENOSPC, desktop(), "mnt"),
              fails_with("user.max_mnt_namespaces", "sudo sysctl -w user.max_mnt_namespaces="));
}

TEST(ExplainLimit, PodsNeedNetworkNamespaces) {
  EXPECT_THAT(explain(HostStep::NetworkNamespace, ENOSPC, desktop()).remedy,
              HasSubstr("user.max_net_namespaces"));
}

// Machines that are something else.

TEST(ExplainPlace, GvisorIsRefusedClearly) {
  Surroundings s = docker();
  s.is_gvisor = true;
  EXPECT_THAT(explain(HostStep::Nat, EOPNOTSUPP, s), fails_with("gVisor", "vagrant up"));
}

TEST(ExplainPlace, ChrootIsLeft) {
  Surroundings s = desktop();
  s.is_chroot = true;
  EXPECT_THAT(explain(HostStep::UserNamespace, EPERM, s), fails_with("chroot", "leave the chroot"));
}

TEST(ExplainPlace, SystemdsFilterIsNotTakenForDockers) {
  Surroundings s = desktop();
  s.seccomp_mode = 2;
  EXPECT_THAT(explain(HostStep::UserNamespace, EPERM, s),
              fails_with("RestrictNamespaces", "RestrictNamespaces=no"));
}

TEST(ExplainPlace, KernelWithoutUserNamespaces) {
  EXPECT_THAT(explain(HostStep::UserNamespace, EINVAL, desktop()),
              fails_with("built without user namespaces", "boot"));
}

TEST(ExplainPlace, EmulatedLinux) {
  EXPECT_THAT(explain(HostStep::Namespaces, ENOSYS, desktop()),
              fails_with("does not know namespaces", "vagrant up"));
}

TEST(ExplainPlace, UnknownRefusalSendsToTheKernelLog) {
  EXPECT_THAT(explain(HostStep::UserNamespace, EPERM, desktop()),
              fails_with("kernel log", "sudo dmesg | tail"));
}

// Features of the kernel.

struct Feature {
  HostStep step;
  int errno_value;
  const char* modules;
  HostVerdict verdict;
};

class ExplainFeature : public ::testing::TestWithParam<Feature> {};

TEST_P(ExplainFeature, IsMendedByLoadingModules) {
  const Feature& feature = GetParam();
  const HostItem item = explain(feature.step, feature.errno_value, desktop());
  EXPECT_EQ(item.verdict, feature.verdict);
  EXPECT_THAT(item.message, HasSubstr("6.1.0-18-amd64"));
  EXPECT_EQ(item.remedy, std::string("sudo modprobe -a ") + feature.modules);
}

INSTANTIATE_TEST_SUITE_P(
    Table, ExplainFeature,
    ::testing::Values(Feature{HostStep::Veth, EOPNOTSUPP, "veth", HostVerdict::Fail},
                      Feature{HostStep::Bridge, EOPNOTSUPP, "bridge br_netfilter", HostVerdict::Fail},
                      Feature{HostStep::Vxlan, EOPNOTSUPP, "vxlan", HostVerdict::Warn},
                      Feature{HostStep::Nat, EOPNOTSUPP, "nf_tables nft_chain_nat nft_masq nft_ct",
                              HostVerdict::Fail},
                      Feature{HostStep::SctpSocket, EPROTONOSUPPORT, "sctp", HostVerdict::Warn}));

TEST(Explain, NftsOwnWordsAreKept) {
  EXPECT_THAT(explain(HostStep::Nat, EOPNOTSUPP, desktop(), "could not process rule").message,
              HasSubstr("could not process rule"));
}

TEST(Explain, WhatOnlySomeLabsNeedIsAWarning) {
  EXPECT_EQ(explain(HostStep::RawSocket, EPERM, docker()).verdict, HostVerdict::Warn);
  EXPECT_EQ(explain(HostStep::MapIdRange, EPERM, desktop()).verdict, HostVerdict::Warn);
  EXPECT_EQ(explain(HostStep::SeccompFilter, EINVAL, desktop()).verdict, HostVerdict::Warn);
}

TEST(Explain, AHungStepSaysSo) {
  EXPECT_THAT(explain(HostStep::MountProc, ETIMEDOUT, desktop()).message,
              HasSubstr("neither succeeded nor failed"));
}

TEST(Explain, EveryStepHasAnIdATitleAndARemedyForEveryRefusal) {
  for (int step = 0; step <= static_cast<int>(HostStep::SeccompFilter); ++step) {
    for (const int error : {EPERM, EACCES, ENOSPC, EINVAL, ENOSYS, EOPNOTSUPP, ENOMEM, ETIMEDOUT}) {
      for (const Surroundings& s : {desktop(), ubuntu(), docker()}) {
        const HostItem item = explain(static_cast<HostStep>(step), error, s);
        EXPECT_NE(item.id, "") << step;
        EXPECT_NE(item.title, "") << step;
        EXPECT_NE(item.message, "") << item.id << " " << item.value;
        EXPECT_NE(item.remedy, "") << item.id << " " << item.value;
        EXPECT_THAT(item.message, Not(::testing::EndsWith("."))) << item.message;
      }
    }
  }
}

}  // namespace
}  // namespace labctl::doctor
