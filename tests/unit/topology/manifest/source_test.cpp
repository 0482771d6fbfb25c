#include "topology/manifest/yaml/source.hpp"

#include "tests/support/temp_dir.hpp"
#include "topology/base/error.hpp"
#include "topology/base/unique_fd.hpp"
#include "topology/manifest/loader.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <thread>

namespace labctl::manifest {
namespace {

using testing::ElementsAre;

ErrorKind kind_of_failure(const std::vector<std::string>& paths) {
  try {
    read_sources(paths);
  } catch (const Error& error) {
    return error.kind();
  }
  return ErrorKind::Internal;
}

TEST(ReadSources, TakesAFileOfAnyName) {
  const support::TempDir dir;
  const std::string path = dir.write("lab.txt", "a: 1\n").string();
  const auto sources = read_sources({path});
  ASSERT_EQ(sources.size(), 1u);
  EXPECT_EQ(sources[0].name, path);
  EXPECT_EQ(sources[0].text, "a: 1\n");
}

TEST(ReadSources, TakesAFolderSortedAndWithItsFolders) {
  const support::TempDir dir;
  for (const char* name : {"b.yml", "a.yaml", "sub/c.json", "notes.md", ".hidden.yaml", ".git/d.yaml"}) {
    dir.write(name, "");
  }
  std::vector<std::string> names;
  for (const Source& source : read_sources({dir.path().string()})) {
    names.push_back(std::filesystem::relative(source.name, dir.path()).string());
  }
  EXPECT_THAT(names, ElementsAre("a.yaml", "b.yml", "sub/c.json"));
}

// A pipe with somebody who writes `text` to it, again and again if `endlessly`, and then closes it.
class WrittenPipe {
 public:
  WrittenPipe(std::string text, bool endlessly) {
    if (::pipe2(ends_, O_CLOEXEC) != 0) {
      throw Error::from_errno(errno, "pipe2");
    }
    writer_ = std::thread([fd = ends_[1], text = std::move(text), endlessly] {
      sigset_t broken_pipe;
      ::sigemptyset(&broken_pipe);
      ::sigaddset(&broken_pipe, SIGPIPE);
      ::pthread_sigmask(SIG_BLOCK, &broken_pipe, nullptr);
      while (::write(fd, text.data(), text.size()) > 0 && endlessly) {
      }
      ::close(fd);
    });
  }
  ~WrittenPipe() {
    ::close(ends_[0]);
    writer_.join();
  }
  // As a shell names it that runs <(command).
  std::string path() const { return "/dev/fd/" + std::to_string(ends_[0]); }

 private:
  int ends_[2] = {-1, -1};
  std::thread writer_;
};

TEST(ReadSources, CutsEndlessPipesBehindTheLimit) {
  const WrittenPipe pipe(std::string(1u << 16, '#'), true);
  const auto sources = read_sources({pipe.path()});
  EXPECT_GT(sources.at(0).text.size(), kSourceSizeMax);
  EXPECT_LT(sources.at(0).text.size(), kSourceSizeMax + (1u << 20));
}

TEST(ReadSources, TakesWhatAShellGivesForACommandToItsEnd) {
  const WrittenPipe pipe("a: 1\n", false);
  EXPECT_EQ(read_sources({pipe.path()}).at(0).text, "a: 1\n");
  const WrittenPipe silent("", false);
  EXPECT_EQ(read_sources({silent.path()}).at(0).text, "");
}

TEST(ReadSources, TakesANamedPipeThatSomebodyWritesTo) {
  const support::TempDir dir;
  const std::string path = (dir.path() / "pipe").string();
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  std::thread writer([&] {
    const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    EXPECT_EQ(::write(fd.get(), "a: 1\n", 5), 5);
  });
  const auto sources = read_sources({path});
  writer.join();
  EXPECT_EQ(sources.at(0).text, "a: 1\n");
}

// Without a writer it would be waited for for ever.
TEST(ReadSources, RefusesANamedPipeThatNobodyWritesTo) {
  const support::TempDir dir;
  const std::string path = (dir.path() / "pipe").string();
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  EXPECT_EQ(kind_of_failure({path}), ErrorKind::InvalidInput);
}

TEST(ReadSources, RefusesDevicesAndSockets) {
  const support::TempDir dir;
  const std::string path = (dir.path() / "socket").string();
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  ASSERT_LT(path.size(), sizeof address.sun_path);
  std::copy(path.begin(), path.end(), address.sun_path);
  const UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  EXPECT_EQ(kind_of_failure({path}), ErrorKind::InvalidInput);
  EXPECT_EQ(kind_of_failure({"/dev/zero"}), ErrorKind::InvalidInput);
  EXPECT_EQ(read_sources({"/dev/null"}).at(0).text, "");
}

TEST(ReadSources, SkipsWhatIsNoFileInAFolderAndSaysSo) {
  const support::TempDir dir;
  dir.write("a.yaml", "");
  ASSERT_EQ(::mkfifo((dir.path() / "b.yaml").c_str(), 0600), 0);
  std::filesystem::create_symlink("c.yaml", dir.path() / "c.yaml");
  std::filesystem::create_directory_symlink(".", dir.path() / "d.yaml");
  const auto sources = read_sources({dir.path().string()});
  ASSERT_EQ(sources.size(), 3u);
  EXPECT_EQ(sources[0].skipped, "");
  EXPECT_EQ(sources[1].skipped, "a named pipe");
  EXPECT_NE(sources[2].skipped, "");
  const auto said = load(sources, {}).diagnostics;
  ASSERT_EQ(said.size(), 2u);
  EXPECT_EQ(said[0].severity, Severity::Warning);
  EXPECT_EQ(said[0].message, "left out: a named pipe, not a file");
  EXPECT_EQ(said[0].where.file, sources[1].name);
}

TEST(ReadSources, SaysWhatIsNotThere) {
  const support::TempDir dir;
  EXPECT_EQ(kind_of_failure({(dir.path() / "missing.yaml").string()}), ErrorKind::NotFound);
  EXPECT_EQ(kind_of_failure({dir.path().string()}), ErrorKind::NotFound);
  EXPECT_EQ(kind_of_failure({"-", "-"}), ErrorKind::InvalidInput);
}

TEST(ReadSources, KeepsALoneLinkAndLeavesLoopsAlone) {
  const support::TempDir dir;
  dir.write("a.yaml", "x: 1\n");
  std::filesystem::create_directory_symlink(dir.path(), dir.path() / "loop");
  EXPECT_EQ(read_sources({dir.path().string()}).size(), 1u);
}

}  // namespace
}  // namespace labctl::manifest
