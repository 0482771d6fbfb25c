#include "labctl/supervisor/registry.hpp"

#include "labctl/api/unix_socket.hpp"
#include "tests/support/temp_dir.hpp"
#include "topology/base/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <thread>

namespace labctl::supervisor {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class Registry : public testing::Test {
 protected:
  Registry() { ::setenv("LABCTL_RUNTIME_DIR", root().c_str(), 1); }
  ~Registry() override { ::unsetenv("LABCTL_RUNTIME_DIR"); }

  fs::path root() const { return dir_.path() / "run"; }
  // As a user would, or a lab that was killed half-way.
  fs::path make_folder(const fs::path& folder, mode_t mode = 0700) const {
    EXPECT_EQ(::mkdir(folder.c_str(), 0700), 0);
    EXPECT_EQ(::chmod(folder.c_str(), mode), 0);
    return folder;
  }
  static void write(const fs::path& file, std::string_view text = {}) { std::ofstream(file) << text; }

  static std::vector<std::string> names(const std::vector<LabEntry>& labs) {
    std::vector<std::string> names;
    for (const LabEntry& lab : labs) {
      names.push_back(lab.name);
    }
    return names;
  }
  static Error refusal(const std::function<void()>& act) {
    try {
      act();
    } catch (const Error& error) {
      return error;
    }
    return Error(ErrorKind::Internal, "nothing was thrown");
  }

  support::TempDir dir_;
};

// ---- The runtime folder ------------------------------------------------------------------------

TEST_F(Registry, AFolderThatOthersMayEnterIsRefusedEverywhereAndTheVariableIsNamed) {
  make_folder(root(), 0755);
  make_folder(root() / "shop");
  for (const std::function<void()>& act : std::vector<std::function<void()>>{
           [] { list_labs(); }, [] { find_lab("shop"); }, [] { find_record("shop"); }, [] { sweep(); },
           [] { remove_dead("shop"); }, [] { claim_lab("shop"); }}) {
    const Error error = refusal(act);
    EXPECT_EQ(error.kind(), ErrorKind::Permission);
    EXPECT_EQ(error.message(), root().string() + ": not a private folder of this user: its mode is 0755");
    EXPECT_THAT(error.hint(), HasSubstr("chmod 700 " + root().string()));
    EXPECT_THAT(error.hint(), HasSubstr("LABCTL_RUNTIME_DIR"));
  }
}

TEST_F(Registry, ASymbolicLinkIsNoRuntimeFolderWithASlashOrWithout) {
  make_folder(dir_.path() / "real");
  fs::create_symlink(dir_.path() / "real", root());
  for (const char* ending : {"", "/", "//", "/.", "/./"}) {
    ::setenv("LABCTL_RUNTIME_DIR", (root().string() + ending).c_str(), 1);
    EXPECT_THAT(refusal([] { list_labs(); }).message(), HasSubstr("symbolic link")) << ending;
    EXPECT_THAT(refusal([] { claim_lab("shop"); }).message(), HasSubstr("symbolic link")) << ending;
  }
  EXPECT_TRUE(fs::is_empty(dir_.path() / "real"));
}

TEST_F(Registry, AnotherUsersFolderIsRefused) {
  fs::path other = "/usr";
  if (::geteuid() == 0) {
    other = make_folder(root());
    ASSERT_EQ(::chown(other.c_str(), 12345, 12345), 0);
  }
  ::setenv("LABCTL_RUNTIME_DIR", other.c_str(), 1);
  EXPECT_THAT(refusal([] { list_labs(); }).message(), HasSubstr("it belongs to user "));
  EXPECT_THAT(refusal([] { claim_lab("shop"); }).message(), HasSubstr("it belongs to user "));
}

TEST_F(Registry, AnotherUsersLabFolderIsListedAsRefusedAndNeverTouched) {
  if (::geteuid() != 0) {
    GTEST_SKIP() << "only root can give a folder away";
  }
  make_folder(root());
  const fs::path theirs = make_folder(root() / "shop");
  write(theirs / "lock");
  ASSERT_EQ(::chown(theirs.c_str(), 12345, 12345), 0);
  const std::vector<LabEntry> labs = list_labs();
  ASSERT_EQ(labs.size(), 1U);
  EXPECT_FALSE(labs[0].is_alive);
  EXPECT_FALSE(labs[0].is_dead());
  EXPECT_THAT(labs[0].refusal, HasSubstr("it belongs to user 12345"));
  EXPECT_EQ(refusal([] { find_lab("shop"); }).kind(), ErrorKind::Permission);
  EXPECT_EQ(refusal([] { claim_lab("shop"); }).kind(), ErrorKind::Permission);
  EXPECT_THAT(sweep(), IsEmpty());
  EXPECT_TRUE(fs::exists(theirs / "lock"));
}

TEST_F(Registry, ARelativeRuntimeFolderCountsFromTheWorkingDirectory) {
  const fs::path before = fs::current_path();
  fs::current_path(dir_.path());
  ::setenv("LABCTL_RUNTIME_DIR", "run", 1);
  EXPECT_EQ(lab_directory("shop"), fs::current_path() / "run" / "shop");
  ClaimedLab claim = claim_lab("shop");
  EXPECT_EQ(claim.path(), fs::current_path() / "run" / "shop");
  fs::current_path("/");
  EXPECT_TRUE(claim.is_in_place());
  claim.release();
  EXPECT_FALSE(fs::exists(root()));
  fs::current_path(before);
}

TEST_F(Registry, AFolderThatTheUserMadeStaysWhenTheLastLabGoes) {
  make_folder(root());
  claim_lab("shop").release();
  EXPECT_TRUE(fs::exists(root()));
  EXPECT_TRUE(fs::is_empty(root()));
}

TEST_F(Registry, AFolderThatALabMadeGoesWithTheLastLab) {
  ClaimedLab first = claim_lab("one");
  ClaimedLab second = claim_lab("two");
  first.release();
  EXPECT_TRUE(fs::exists(root()));
  second.release();
  EXPECT_FALSE(fs::exists(root()));
}

// ---- Labs --------------------------------------------------------------------------------------

TEST_F(Registry, ALabIsUpWhileItsLockIsHeld) {
  {
    const ClaimedLab claim = claim_lab("shop");
    ASSERT_EQ(list_labs().size(), 1U);
    EXPECT_TRUE(list_labs()[0].is_alive);
    EXPECT_FALSE(remove_dead("shop"));
    EXPECT_THAT(sweep(), IsEmpty());
    EXPECT_EQ(refusal([] { claim_lab("shop"); }).kind(), ErrorKind::AlreadyExists);
  }
  ASSERT_EQ(list_labs().size(), 1U);
  EXPECT_TRUE(list_labs()[0].is_dead());
  EXPECT_THAT(names(sweep()), ElementsAre("shop"));
  EXPECT_THAT(list_labs(), IsEmpty());
}

TEST_F(Registry, AFolderWithoutALockAndWithoutAListenerIsDead) {
  make_folder(root());
  make_folder(root() / "early");  // its keeper was killed before it made the lock
  write(make_folder(root() / "late") / "supervisor.log", "the end\n");
  ::close(api::listen_unix(make_folder(root() / "mute") / "api.sock").release());
  EXPECT_THAT(names(list_labs()), ElementsAre("early", "late", "mute"));
  for (const LabEntry& lab : list_labs()) {
    EXPECT_TRUE(lab.is_dead()) << lab.name;
  }
  claim_lab("early").release();
  EXPECT_TRUE(remove_dead("late"));
  EXPECT_THAT(names(sweep()), ElementsAre("mute"));
  EXPECT_TRUE(fs::is_empty(root()));
}

TEST_F(Registry, APipeInPlaceOfTheLockKeepsNobodyWaiting) {
  make_folder(root());
  const fs::path lab = make_folder(root() / "shop");
  ASSERT_EQ(::mkfifo((lab / "lock").c_str(), 0600), 0);
  ASSERT_EQ(list_labs().size(), 1U);
  EXPECT_TRUE(list_labs()[0].is_dead());
  EXPECT_THAT(names(sweep()), ElementsAre("shop"));
  EXPECT_FALSE(fs::exists(lab));
}

TEST_F(Registry, WhatElseTheUserHasInTheFolderIsNoLab) {
  make_folder(root());
  write(make_folder(root() / "documents") / "letter", "dear");
  make_folder(root() / "shared", 0755);
  write(root() / "file");
  EXPECT_THAT(list_labs(), IsEmpty());
  EXPECT_THAT(sweep(), IsEmpty());
  EXPECT_TRUE(fs::exists(root() / "documents" / "letter"));
  EXPECT_TRUE(fs::exists(root() / "shared"));
  EXPECT_TRUE(fs::exists(root() / "file"));
}

TEST_F(Registry, ADeadLabsFolderLosesOnlyWhatLabsHave) {
  { const ClaimedLab claim = claim_lab("shop"); }
  write(root() / "shop" / "letter", "dear");
  sweep();
  EXPECT_TRUE(fs::exists(root() / "shop" / "letter"));
  EXPECT_FALSE(fs::exists(root() / "shop" / "lock"));
}

// Whoever looks takes the lock for a moment; `up` must not take that for a lab.
TEST_F(Registry, LookingAndSweepingNeverMakeAFreshLabSeemUp) {
  std::atomic<bool> enough = false;
  std::vector<std::thread> others;
  for (int i = 0; i < 3; ++i) {
    others.emplace_back([&enough, i] {
      while (!enough) {
        if (i == 0) {
          sweep();
        } else {
          list_labs();
        }
      }
    });
  }
  // Each in a process of its own, which ends in order or as if it were killed: the next finds either.
  for (int i = 0; i < 300; ++i) {
    const pid_t keeper = ::fork();
    if (keeper == 0) {
      try {
        ClaimedLab claim = claim_lab("shop");
        const bool in_place = claim.is_in_place();
        if (i % 2 == 0) {
          claim.release();
        }
        ::_exit(in_place ? 0 : 1);
      } catch (const Error&) {
        ::_exit(2);
      }
    }
    int status = 0;
    ASSERT_EQ(::waitpid(keeper, &status, 0), keeper);
    EXPECT_EQ(status, 0) << i;
  }
  enough = true;
  for (std::thread& other : others) {
    other.join();
  }
}

// The same by hand, since in a test as above it may or may not happen.
TEST_F(Registry, ALockThatNoLabHoldsIsWaitedFor) {
  { const ClaimedLab claim = claim_lab("shop"); }
  // The record names this process; a keeper that is dead is needed.
  const pid_t child = ::fork();
  if (child == 0) {
    claim_lab("shop");
    ::_exit(0);
  }
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  UniqueFd looker(::open((root() / "shop" / "lock").c_str(), O_RDWR | O_CLOEXEC));
  ASSERT_EQ(::flock(looker.get(), LOCK_SH | LOCK_NB), 0);
  std::thread up([] { EXPECT_NO_THROW(claim_lab("shop")); });
  looker.reset();
  up.join();
}

TEST_F(Registry, ALabKnowsWhenItsFolderIsTakenAway) {
  for (const bool whole : {false, true}) {
    ClaimedLab claim = claim_lab("shop");
    EXPECT_TRUE(claim.is_in_place());
    fs::remove_all(whole ? root() : root() / "shop");
    EXPECT_FALSE(claim.is_in_place());
    claim.release();
    EXPECT_FALSE(fs::exists(root()));
  }
}

TEST_F(Registry, WhoHoldsTheLockIsKilledAndWhoLooksIsNot) {
  make_folder(root());
  make_folder(root() / "shop");
  const fs::path path = root() / "shop" / "lock";
  const auto start = [&](int how) {
    int ready[2];
    EXPECT_EQ(::pipe(ready), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      const int lock = ::open(path.c_str(), O_RDWR | O_CREAT, 0600);
      if (how != 0) {
        ::flock(lock, how);
      }
      ::close(ready[0]);
      ::close(ready[1]);
      ::raise(SIGSTOP);  // as a keeper that was stopped before it wrote who it is
      ::_exit(0);
    }
    ::close(ready[1]);
    char byte = 0;
    EXPECT_EQ(::read(ready[0], &byte, 1), 0);
    ::close(ready[0]);
    return child;
  };
  const pid_t looker = start(0);
  const pid_t holder = start(LOCK_EX | LOCK_NB);
  kill_holders("shop");
  int status = 0;
  ASSERT_EQ(::waitpid(holder, &status, 0), holder);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  EXPECT_TRUE(open_process(mark_of(looker)));
  ::kill(looker, SIGKILL);
  ASSERT_EQ(::waitpid(looker, &status, 0), looker);
}

// ---- What a lab leaves -------------------------------------------------------------------------

TEST_F(Registry, ALabThatEndedByItselfTellsHow) {
  write(root().parent_path() / "unused");
  {
    ClaimedLab claim = claim_lab("shop");
    std::string log;
    for (int i = 0; i < 20'000; ++i) {
      log += "line " + std::to_string(i) + "\n";
    }
    write(claim.path() / "supervisor.log", log);
    claim.leave_end(SIGKILL);  // as wait(2) gives a signal
  }
  EXPECT_LE(fs::file_size(root() / "shop" / "supervisor.log"), 64U * 1024);
  const std::optional<LabEntry> lab = find_lab("shop");
  ASSERT_TRUE(lab && lab->is_dead());
  EXPECT_EQ(lab->end.how, "signal 9 (Killed)");
  EXPECT_THAT(sentence_of("shop", lab->end), HasSubstr("lab \"shop\" ended by itself at 2"));
  EXPECT_THAT(story_of("shop", lab->end), HasSubstr("its last words:\n  line 19995\n"));
  EXPECT_THAT(story_of("shop", lab->end), testing::EndsWith("\n  line 19999"));
  // And is replaced as any other.
  claim_lab("shop").release();
  EXPECT_FALSE(find_lab("shop"));
}

TEST_F(Registry, ALabThatWasKilledWithItsKeeperHasItsLogForLastWords) {
  {
    const ClaimedLab claim = claim_lab("shop");
    write(claim.path() / "supervisor.log", "half a li");
  }
  const std::optional<LabEntry> lab = find_lab("shop");
  ASSERT_TRUE(lab && lab->is_dead());
  EXPECT_EQ(lab->end.how, "");
  EXPECT_THAT(story_of("shop", lab->end), HasSubstr("was killed"));
  EXPECT_THAT(lab->end.words, ElementsAre("half a li"));
}

// ---- Processes ---------------------------------------------------------------------------------

TEST(ProcessMark, OfAProcessThatEndedOpensNothing) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::pause();
    ::_exit(0);
  }
  const ProcessMark mark = mark_of(child);
  EXPECT_EQ(mark.pid, child);
  const UniqueFd process = open_process(mark);
  EXPECT_TRUE(process);
  ProcessMark later = mark;
  ++later.started;  // the number was given out again
  EXPECT_FALSE(open_process(later));
  send_signal(process, SIGKILL);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  EXPECT_FALSE(open_process(mark));
  EXPECT_FALSE(mark_of(child));
}

TEST(LabLock, WhatStandsInItIsReadAgain) {
  const support::TempDir dir;
  const UniqueFd folder(::open(dir.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  EXPECT_FALSE(open_lock(folder));
  const UniqueFd lock = make_lock(folder);
  EXPECT_FALSE(read_record(lock).keeper);
  EXPECT_TRUE(write_record(lock, {.keeper = {11, 22}, .supervisor = {}, .is_ready = false}));
  EXPECT_FALSE(read_record(lock).supervisor);
  EXPECT_TRUE(write_record(lock, {.keeper = {11, 22}, .supervisor = {33, 44}, .is_ready = false}));
  mark_ready(lock);
  const LockRecord record = read_record(lock);
  EXPECT_EQ(record.keeper, (ProcessMark{11, 22}));
  EXPECT_EQ(record.supervisor, (ProcessMark{33, 44}));
  EXPECT_TRUE(record.is_ready);
  for (const char* text : {"", "keeper", "keeper x y\n", "ready", "\n\n", "keeper 5\nsupervisor\n"}) {
    std::ofstream(dir.path() / "lock") << text;
    EXPECT_FALSE(read_record(lock).keeper) << text;
  }
}

}  // namespace
}  // namespace labctl::supervisor
